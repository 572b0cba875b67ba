"""The fewest weights that store given facts, without descent through features."""

import dataclasses
import itertools
import math
from typing import Any

from recall.experiments.memory_weights import measure, small_memories
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan

# F ln F / weights of early runs: where searches open, nothing more.
GUESSES = {
    "sign_gates": 0.88,
    "alternating": 1.62,
    "whitened": 0.1,
    "data_dependent": 0.19,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The axes of the sweep.

    Attributes:
        methods: any of `small_memories.METHODS`.
        cells: pairs (d, F): width of the embeddings, facts.
        seeds: of facts and features.
        most: ceiling on widths, as a multiple of what is expected.
        resolution: by which widths close in, as a fraction.
    """

    methods: tuple[str, ...]
    cells: tuple[tuple[int, int], ...]
    seeds: tuple[int, ...]
    most: float
    resolution: float


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    cells = fields.nonempty("cells", [tuple(cell) for cell in config.cells])
    for cell in cells:
        if len(cell) != 2:
            raise ValueError(f"Expected cells to be pairs (d, facts); got {cell}.")
        fields.integer("cells: d", cell[0], 2)
        fields.integer("cells: facts", cell[1], 2)
    return Settings(
        methods=fields.each("methods", config.methods, small_memories.METHODS),
        cells=cells,
        seeds=fields.seeds("seeds", config.seeds),
        most=fields.number("most", config.most, "[1, inf)"),
        resolution=fields.number("resolution", config.resolution, "[0, 1)"),
    )


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def work(config: Any) -> list[measure.WeightsBatch]:
    """Returns the searches and batches that a config names."""
    return plan(settings(config))


def plan(chosen: Settings) -> list[measure.WeightsBatch]:
    """Lists the searches, one for each method, cell and seed."""
    axes = itertools.product(chosen.methods, chosen.cells, chosen.seeds)
    return [_job(chosen, *point) for point in axes]


def _job(
    chosen: Settings, method: str, cell: tuple[int, int], seed: int
) -> measure.WeightsBatch:
    d, facts = cell
    weights = facts * math.log(facts) / GUESSES[method]
    expected = max(1, round(weights / small_memories.METHODS[method].weights(d, 1)))
    if method == "sign_gates":
        expected = max(1, round(weights / d) - round(weights / d**2))
    lane = measure.WeightsLane(
        method=method,
        d=d,
        facts=facts,
        seed=seed,
        expected=expected,
        most=int(chosen.most * expected),
        resolution=chosen.resolution,
    )
    return measure.WeightsBatch(lanes=(lane,))
