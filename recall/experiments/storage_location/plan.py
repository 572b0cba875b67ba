"""Where trained transformers hold their facts, over a grid of attention and MLP."""

import dataclasses
import itertools
from typing import Any

from recall.experiments.storage_location import lanes as storage_lanes
from recall.experiments.storage_location import measure
from recall.memories import mlp
from recall.models import probing
from recall.sweeps import fields, packing
from recall.sweeps.batch import Batch, Plan

ABLATIONS = (*probing.ABLATIONS, *storage_lanes.SWAPS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is trained.

    Attributes:
        lanes: by heads, then hidden units, then seeds.
    """

    lanes: tuple[storage_lanes.Lane, ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    d = fields.integer("d", config.d, 1)
    head_dim = fields.integer("head_dim", config.head_dim, 1)
    if d <= head_dim:
        raise ValueError(
            f"Expected d >= head_dim + 1 = {head_dim + 1}, for constructed heads whose "
            f"values are dual to their tokens and to the end token; got d={d}."
        )
    same = {
        "d": d,
        "head_dim": head_dim,
        "size": fields.integer("size", config.size, 2),
        "answers": fields.integer("answers", config.answers, 2),
        "length": fields.integer("length", config.length, 4),
        "contexts": fields.integer("contexts", config.contexts, 1),
        "embedding": fields.embedding(config),
        "activation": fields.pick("activation", config.activation, mlp.ACTIVATIONS),
        "learning_rate": fields.number(
            "learning_rate", config.learning_rate, "(0, inf)"
        ),
        "num_steps": fields.integer("num_steps", config.num_steps, 1),
    }
    same["ablations"] = fields.each("ablations", config.ablations, ABLATIONS)
    grid = itertools.product(
        fields.integers("heads", config.heads, 1),
        fields.integers("m", config.m, 0),
        fields.seeds("seeds", config.seeds),
    )
    return Settings(
        lanes=tuple(
            storage_lanes.Lane(heads=H, m=m, seed=seed, **same) for H, m, seed in grid
        )
    )


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[Batch]:
    """Lists a job for all lanes whose heads are about as many, the cheapest first."""
    groups: dict[int, list[storage_lanes.Lane]] = {}
    for lane in chosen.lanes:
        groups.setdefault(max(1, (lane.heads - 1).bit_length()), []).append(lane)
    found = [measure.StorageBatch(lanes=tuple(own)) for own in groups.values()]
    return sorted(found, key=lambda batch: batch.about().core_seconds)
