"""Explicit transformers (Theorems 3 and 4): the smallest that recall every fact."""

import dataclasses
from collections.abc import Callable, Mapping
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is built.

    Attributes:
        lanes: by construction and world, a lane for each seed.
    """

    lanes: tuple[tuple[construction_lanes.Lane, ...], ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    shared = _shared(config)
    seeds = fields.seeds("seeds", config.seeds)
    wanted = [_attention(config, entry) for entry in config.attention]
    wanted += [_mlp(config, entry) for entry in config.mlp]
    if not wanted:
        raise ValueError("Expected attention or mlp to name a construction; got none.")
    for own in wanted:
        name = own["construction"]
        own["keys"] = fields.pick(
            f"head_keys.{name}", config.head_keys[name], heads.KEYS
        )
        _check_width(own, shared["head_size"])
    lanes = [
        tuple(construction_lanes.Lane(**own, **shared, seed=seed) for seed in seeds)
        for own in wanted
    ]
    return Settings(lanes=tuple(lanes))


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def work(config: Any) -> list[Batch]:
    """Returns the searches and batches that a config names."""
    return plan(settings(config))


def plan(chosen: Settings) -> list[Batch]:
    """Lists a job for each construction and world, the cheapest first."""
    found = [measure.ConstructionBatch(lanes=lanes) for lanes in chosen.lanes]
    return sorted(found, key=lambda batch: batch.about().core_seconds)


def _shared(config: Any) -> dict[str, Any]:
    """The settings that all lanes have."""
    ladder = fields.numbers("ladder", config.ladder, "(0, inf)")
    return {
        "head_size": fields.integer("head_size", config.head_size, 1),
        "sharpness": fields.number("sharpness", config.sharpness, "(0, inf)"),
        "ladder": ladder,
        "lengths": fields.integers("lengths", config.lengths, 3),
        "contexts": fields.integer("contexts", config.contexts, 1),
        "embedding": fields.embedding(config),
    }


def _attention(config: Any, entry: Any) -> dict[str, Any]:
    """An attention-only construction: (name, S, R, D, claimed d)."""
    name, S, R, D, claim = _entry("attention", entry, 5)
    fields.pick("attention[0]", name, construction_lanes.ATTENTION)
    claim = fields.integer("attention[4], the claimed d,", claim, 1)
    expected = EXPECTED[name](S, R, D)
    ratios = fields.numbers("ratios", config.ratios, "(0, inf)")
    sizes = {STEP * max(1, round(expected * ratio / STEP)) for ratio in ratios}
    if name == "decorrelated":
        if claim < R * D:
            raise ValueError(
                f"Expected d >= R D = {R * D} for decorrelated codes, which are dual "
                f"to all answers; got {claim} in attention={tuple(entry)}."
            )
        sizes = {d for d in sizes if d >= R * D}
    return _lane(name, (S, R, D), None, sizes | {claim}, claim)


def _mlp(config: Any, entry: Any) -> dict[str, Any]:
    """Attention and an MLP: (name, S, R, D, d, claimed hidden units or gates)."""
    name, S, R, D, d, claim = _entry("mlp", entry, 6)
    fields.pick("mlp[0]", name, construction_lanes.MLP)
    d = fields.integer("mlp[4], the width d,", d, 1)
    claim = fields.integer("mlp[5], hidden units or gates,", claim, 1)
    field = "units" if name == "product_duals" else "gates"
    sizes = {*fields.integers(field, getattr(config, field), 1), claim}
    if name == "product_duals":
        sizes = {m for m in sizes if m <= 2 * claim}
        for m in sorted(sizes):
            product_duals.check(product_duals.Design(m=m), d)
    return _lane(name, (S, R, D), d, sizes, claim)


def _entry(field: str, entry: Any, length: int) -> tuple:
    """Checks that an entry names a world."""
    entry = tuple(entry)
    if len(entry) != length:
        raise ValueError(f"Expected {length} members in {field}; got {entry}.")
    for index, symbol in ((1, "S"), (2, "R"), (3, "D")):
        fields.integer(f"{field}[{index}], {symbol},", entry[index], 1)
    recall_task.check(recall_task.Sizes(*entry[1:4], noise=1), length=3)
    return entry


def _lane(
    name: str, world: tuple[int, int, int], width: Any, sizes: set[int], claim: int
) -> dict[str, Any]:
    S, R, D = world
    told = {"construction": name, "subjects": S, "relations": R, "answers": D}
    return told | {"width": width, "sizes": tuple(sorted(sizes)), "claim": claim}


def _check_width(own: dict[str, Any], head_size: int) -> None:
    """Refuses widths at which heads have no dual values."""
    narrowest = min(own["sizes"]) if own["width"] is None else own["width"]
    if narrowest < head_size + 1:
        raise ValueError(
            f"Expected d >= head_size + 1 = {head_size + 1}, for values that are dual "
            f"to a head's tokens and to the end token; got d={narrowest}."
        )
