"""Every memory in one run: the work of other experiments, put together."""

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


def plan_of(config: Any) -> Plan:
    """Plans the work of all parts that a config names.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    items: list[search.Search | Batch] = []
    for name in fields.each("parts", config.parts, PARTS):
        config[name].seeds = config.seeds
        items += PARTS[name].work(config[name])
    return packing.plan(items)
