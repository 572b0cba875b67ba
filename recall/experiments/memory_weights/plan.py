"""Fewest weights that store a set of facts, without descent through features."""

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


def plan_of(config: Any) -> Plan:
    """Plans the searches that a config names.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    return packing.plan(work(config))


def work(config: Any) -> list[measure.WeightsBatch]:
    """Lists a search for each method, pair of width and facts, and seed."""
    methods = fields.each("methods", config.methods, small_memories.METHODS)
    cells, seeds = _cells(config), fields.seeds("seeds", config.seeds)
    most = fields.number("most", config.most, "[1, inf)")
    resolution = fields.number("resolution", config.resolution, "[0, 1)")
    batches = []
    for method, (d, facts), seed in itertools.product(methods, cells, seeds):
        expected = _expected(method, d, facts)
        lane = measure.WeightsLane(
            method=method,
            d=d,
            facts=facts,
            seed=seed,
            expected=expected,
            most=int(most * expected),
            resolution=resolution,
        )
        batches.append(measure.WeightsBatch(lanes=(lane,)))
    return batches


def _cells(config: Any) -> tuple[tuple[int, int], ...]:
    """Reads the pairs (d, facts)."""
    cells = fields.nonempty("cells", map(tuple, config.cells))
    for cell in cells:
        if len(cell) != 2:
            raise ValueError(f"Expected cells to be pairs (d, facts); got {cell}.")
        fields.integer("cells: d", cell[0], 2)
        fields.integer("cells: facts", cell[1], 2)
    return cells


def _expected(method: str, d: int, facts: int) -> int:
    """Returns the width at which a search opens."""
    weights = facts * math.log(facts) / GUESSES[method]
    if method == "sign_gates":  # every d features bring a vector of d weights
        return max(1, round(weights / d) - round(weights / d**2))
    return max(1, round(weights / small_memories.METHODS[method].weights(d, 1)))
