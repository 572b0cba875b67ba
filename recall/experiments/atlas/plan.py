"""Every memory of this house in one run: the plans of other experiments, together."""

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from recall.experiments.constructions import plan as constructions
from recall.experiments.memory_capacity import linear as linear_capacity
from recall.experiments.memory_capacity import mlp as mlp_capacity
from recall.experiments.memory_weights import plan as memory_weights
from recall.experiments.mlp_construction import plan as mlp_construction
from recall.experiments.separability import plan as separability
from recall.experiments.transformer_capacity import capacity as recall_capacity
from recall.sweeps import fields, packing, search
from recall.sweeps.batch import Batch, Plan

PARTS: Mapping[str, ModuleType] = {
    "linear": linear_capacity,
    "built": mlp_construction,
    "separable": separability,
    "weights": memory_weights,
    "constructed": constructions,
    "mlp": mlp_capacity,
    "transformer": recall_capacity,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of each experiment that takes part.

    Attributes:
        parts: pairs of a name of PARTS and the settings of that experiment.
    """

    parts: tuple[tuple[str, Any], ...]


def settings(config: Any) -> Settings:
    """Reads and checks the configs of all parts, with the seeds of the atlas."""
    names = fields.each("parts", config.parts, PARTS)
    chosen = []
    for name in names:
        own = config[name]
        own.seeds = config.seeds
        chosen.append((name, PARTS[name].settings(own)))
    return Settings(parts=tuple(chosen))


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[search.Search | Batch]:
    """Lists what all parts ask for."""
    return [what for name, own in chosen.parts for what in PARTS[name].plan(own)]
