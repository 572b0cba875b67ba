"""Explicit transformers (Theorems 3 and 4): the smallest that recall every fact."""

import functools
from collections.abc import Callable, Collection, Mapping
from typing import Any

from recall.constructions import heads, product_duals
from recall.data import recall_task
from recall.experiments.constructions import lanes as construction_lanes
from recall.experiments.constructions import measure
from recall.sweeps import fields, packing
from recall.sweeps.batch import Batch, Plan
from recall.theory import widths

STEP = 4  # widths that are searched are multiples of it

EXPECTED: Mapping[str, Callable[[int, int, int], float]] = {
    "plain": widths.attention_only,
    "decorrelated": lambda S, R, D: widths.decorrelated(R, D),
    "fitted": lambda S, R, D: widths.fitted(S, R),
}


def plan_of(config: Any) -> Plan:
    """Plans a batch for each construction and world.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    return packing.plan(work(config))


def work(config: Any) -> list[Batch]:
    """Lists a batch of all seeds for each construction and world, the cheapest first.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    lane = functools.partial(
        construction_lanes.Lane,
        head_size=fields.integer("head_size", config.head_size, 1),
        sharpness=fields.number("sharpness", config.sharpness, "(0, inf)"),
        ladder=fields.numbers("ladder", config.ladder, "(0, inf)"),
        lengths=fields.integers("lengths", config.lengths, 3),
        contexts=fields.integer("contexts", config.contexts, 1),
        embedding=fields.embedding(config),
    )
    seeds = fields.seeds("seeds", config.seeds)
    wanted = [_attention(config, entry) for entry in config.attention]
    wanted += [_mlp(config, entry) for entry in config.mlp]
    if not wanted:
        raise ValueError("Expected attention or mlp to name a construction; got none.")
    batches = []
    for model in wanted:
        _check_width(model["width"] or min(model["sizes"]), config.head_size)
        name = model["construction"]
        keys = fields.pick(f"head_keys.{name}", config.head_keys[name], heads.KEYS)
        lanes = tuple(lane(**model, keys=keys, seed=seed) for seed in seeds)
        batches.append(measure.ConstructionBatch(lanes=lanes))
    return sorted(batches, key=lambda batch: batch.about().core_seconds)


def _attention(config: Any, entry: Any) -> dict[str, Any]:
    """Reads an attention-only construction: (name, S, R, D, claimed d)."""
    world = _world("attention", entry, 5, construction_lanes.ATTENTION)
    name, S, R, D, claim = entry
    fields.integer("attention[4], the claimed d,", claim, 1)
    ratios = fields.numbers("ratios", config.ratios, "(0, inf)")
    expected = EXPECTED[name](S, R, D)
    sizes = {STEP * max(1, round(expected * ratio / STEP)) for ratio in ratios}
    if name == "decorrelated":
        if claim < R * D:
            raise ValueError(
                f"Expected d >= R D = {R * D} for decorrelated codes, which are dual "
                f"to all answers; got {claim} in attention={tuple(entry)}."
            )
        sizes = {d for d in sizes if d >= R * D}
    sizes = tuple(sorted(sizes | {claim}))
    return world | {"width": None, "sizes": sizes, "claim": claim}


def _mlp(config: Any, entry: Any) -> dict[str, Any]:
    """Reads attention and an MLP: (name, S, R, D, d, claimed hidden units or gates)."""
    world = _world("mlp", entry, 6, construction_lanes.MLP)
    name, *_, d, claim = entry
    fields.integer("mlp[4], the width d,", d, 1)
    fields.integer("mlp[5], hidden units or gates,", claim, 1)
    field = "units" if name == "product_duals" else "gates"
    sizes = sorted({*fields.integers(field, getattr(config, field), 1), claim})
    if name == "product_duals":
        sizes = [m for m in sizes if m <= 2 * claim]
        for m in sizes:
            product_duals.check(product_duals.Design(m=m), d)
    return world | {"width": d, "sizes": tuple(sizes), "claim": claim}


def _world(
    field: str, entry: Any, length: int, names: Collection[str]
) -> dict[str, Any]:
    """Reads the name and the world that an entry begins with."""
    if len(entry) != length:
        raise ValueError(f"Expected {length} members in {field}; got {tuple(entry)}.")
    name, S, R, D = entry[:4]
    world = {
        "construction": fields.pick(f"{field}[0]", name, names),
        "subjects": fields.integer(f"{field}[1], S,", S, 1),
        "relations": fields.integer(f"{field}[2], R,", R, 1),
        "answers": fields.integer(f"{field}[3], D,", D, 1),
    }
    recall_task.check(recall_task.Sizes(S, R, D, noise=1), length=3)
    return world


def _check_width(narrowest: int, head_size: int) -> None:
    """Refuses widths at which heads have no dual values."""
    if narrowest < head_size + 1:
        raise ValueError(
            f"Expected d >= head_size + 1 = {head_size + 1}, for values that are dual "
            f"to a head's tokens and to the end token; got d={narrowest}."
        )
