"""A grid of attention and MLP, to see which of them holds the facts."""

import functools
import itertools
from typing import Any

from recall.experiments.storage_location import lanes as storage_lanes
from recall.experiments.storage_location import measure
from recall.memories import mlp
from recall.models import probing
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan

ABLATIONS = (*probing.ABLATIONS, *storage_lanes.SWAPS)


def plan_of(config: Any) -> Plan:
    """Plans a batch for all lanes with about as many heads, the cheapest first.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    d = fields.integer("d", config.d, 1)
    head_dim = fields.integer("head_dim", config.head_dim, 1)
    if d <= head_dim:
        raise ValueError(
            f"Expected d >= head_dim + 1 = {head_dim + 1}, for constructed heads whose "
            f"values are dual to their tokens and to the end token; got d={d}."
        )
    lane = functools.partial(
        storage_lanes.Lane,
        d=d,
        head_dim=head_dim,
        size=fields.integer("size", config.size, 2),
        answers=fields.integer("answers", config.answers, 2),
        length=fields.integer("length", config.length, 4),
        contexts=fields.integer("contexts", config.contexts, 1),
        embedding=fields.embedding(config),
        activation=fields.pick("activation", config.activation, mlp.ACTIVATIONS),
        learning_rate=fields.number("learning_rate", config.learning_rate, "(0, inf)"),
        num_steps=fields.integer("num_steps", config.num_steps, 1),
        ablations=fields.each("ablations", config.ablations, ABLATIONS),
    )
    grid = itertools.product(
        fields.integers("heads", config.heads, 1),
        fields.integers("m", config.m, 0),
        fields.seeds("seeds", config.seeds),
    )
    groups: dict[int, list[storage_lanes.Lane]] = {}
    for H, m, seed in grid:
        # Heads are padded, at most twofold; units cost little, and are to one width.
        doublings = max(1, (H - 1).bit_length())
        groups.setdefault(doublings, []).append(lane(heads=H, m=m, seed=seed))
    batches = [measure.StorageBatch(lanes=tuple(lanes)) for lanes in groups.values()]
    batches.sort(key=lambda batch: batch.about().core_seconds)
    return packing.plan(batches)
