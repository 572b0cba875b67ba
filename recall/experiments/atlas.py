"""Every memory of this house in one run: the plans of other experiments, together."""

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from recall import jobs, searches
from recall.experiments import (
    common,
    constructions,
    linear_capacity,
    memory_weights,
    mlp_capacity,
    mlp_construction,
    recall_capacity,
    separability,
)

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
    names = common.each("parts", config.parts, PARTS)
    chosen = []
    for name in names:
        own = config[name]
        own.seeds = config.seeds
        chosen.append((name, PARTS[name].settings(own)))
    return Settings(parts=tuple(chosen))


def plan(chosen: Settings) -> list[searches.Search | jobs.Job]:
    """Lists what all parts ask for."""
    return [what for name, own in chosen.parts for what in PARTS[name].plan(own)]
