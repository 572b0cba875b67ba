"""Loss of memories of Zipf facts against their parameters and their bits."""

import dataclasses
import itertools
from typing import Any

from recall.experiments.scaling_law import lanes as zipf_lanes
from recall.experiments.scaling_law import measure
from recall.memories import mlp
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan

MEMORIES = ("linear", "mlp")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The lanes of all sizes, ways, exponents and seeds."""

    lanes: tuple[zipf_lanes.ZipfLane, ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    facts = fields.integer("facts", config.facts, 2)
    shared = {
        "facts": facts,
        "outputs": fields.integer("outputs", config.outputs, 2, facts),
        "bits": fields.integers("bits", config.bits, 2, 16),
        "loop_steps": fields.integer("loop_steps", config.loop_steps, 1),
    }
    alphas = fields.numbers("alphas", config.alphas, "(0, inf)")
    seeds = fields.seeds("seeds", config.seeds)
    ways = fields.each("ways", config.ways, zipf_lanes.WAYS)
    sizes = [size for name in MEMORIES for size in _sizes(name, config)]
    if not sizes:
        raise ValueError("Expected sizes of linear.d or mlp.m; got none.")
    loop_bits = fields.integers("loop_bits", config.loop_bits, 2, 16)
    lanes = []
    for size, way in itertools.product(sizes, ways):
        how = _how(config, size["memory"], way)
        if how is not None:
            own = shared | size | how | {"way": way}
            own |= {"loop_bits": loop_bits if way.startswith("trained") else ()}
            axes = itertools.product(alphas, seeds)
            lanes += [zipf_lanes.ZipfLane(**own, alpha=a, seed=s) for a, s in axes]
    return Settings(lanes=tuple(lanes))


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[measure.ZipfBatch]:
    """One job for each program, the cheapest first."""
    programs: dict[tuple, list[zipf_lanes.ZipfLane]] = {}
    for lane in chosen.lanes:
        programs.setdefault(lane.program(), []).append(lane)
    found = [measure.ZipfBatch(lanes=tuple(some)) for some in programs.values()]
    return sorted(found, key=lambda batch: batch.about().core_seconds)


def _sizes(memory: str, config: Any) -> list[dict[str, Any]]:
    """Widths of a memory that are asked for."""
    if memory == "linear":
        widths = (
            fields.integers("linear.d", config.linear.d, 1) if config.linear.d else ()
        )
        return [{"memory": memory, "d": d, "m": 0, "activation": ""} for d in widths]
    fixed = {
        "d": fields.integer("mlp.d", config.mlp.d, 1),
        "activation": fields.pick(
            "mlp.activation", config.mlp.activation, sorted(mlp.ACTIVATIONS)
        ),
    }
    widths = fields.integers("mlp.m", config.mlp.m, 1) if config.mlp.m else ()
    return [{"memory": memory, "m": m} | fixed for m in widths]


def _how(config: Any, memory: str, way: str) -> dict[str, Any] | None:
    """What is tried; None where there is no such construction."""
    if way.startswith("outer_product"):
        if memory != "linear":
            return None
        given = config.outer_product
        return {
            "learning_rates": (0.0,),
            "powers": fields.numbers("outer_product.powers", given.powers, "[0, inf)"),
            "shares": _shares("outer_product.shares", given.shares, way),
            "num_steps": 1,
        }
    given = config[way]
    rates = given[f"{memory}_rates"]
    shares = given[f"{memory}_shares"] if way == "trained_top" else ()
    return {
        "learning_rates": fields.numbers(f"{way}.{memory}_rates", rates, "(0, inf)"),
        "powers": fields.numbers(f"{way}.powers", given.powers, "[0, inf)"),
        "shares": _shares(f"{way}.{memory}_shares", shares, way),
        "num_steps": fields.integer(f"{way}.num_steps", given.num_steps, 1),
    }


def _shares(field: str, shares: Any, way: str) -> tuple[float, ...]:
    """Facts for each parameter that are tried by memories that know some of them."""
    return fields.numbers(field, shares, "(0, inf)") if way.endswith("top") else ()
