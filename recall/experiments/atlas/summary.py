"""Every memory on one pair of axes: facts against parameters, bits for each of them.

Rows of three kinds come together: capacities (the most facts of given weights), fewest
weights of given facts, and constructed transformers; medians and ranges over seeds.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from recall.stats import points as rows_lib
from recall.store.row import Row
from recall.theory import bounds

METHODS = ("constructed", "convex", "trained")  # of getting weights

_CONVEX = ("separation", "sign_gates", "alternating", "fitted", "fitted_gates")
_NAMES = {
    "linear": "linear, exact",
    "sign_gates": "sign gates",
    "relu_features": "ReLU features",
    "bilinear_features": "bilinear features",
    "attention": "hard attention, exact",
    "alternating": "bilinear, alternating",
    "data_dependent": "fitted features",
    "fitted": "attention, fitted codes",
    "decorrelated": "attention, decorrelated codes",
    "plain": "attention, plain codes",
    "product_duals": "attention + Hermite MLP",
    "fitted_gates": "attention + sign gates",
}


class Entry(NamedTuple):
    """One memory at one size, over seeds.

    Attributes:
        name: name of the memory.
        method: one of METHODS.
        parameters: number of all weights, the median where it was searched for.
        facts: number of facts stored, the median where it was searched for.
        facts_low: least over seeds.
        facts_high: most over seeds.
        bits: bits for each parameter, at the medians.
        bits_low: least over seeds.
        bits_high: most over seeds.
        seeds: number of seeds.
    """

    name: str
    method: str
    parameters: float
    facts: float
    facts_low: float
    facts_high: float
    bits: float
    bits_low: float
    bits_high: float
    seeds: int


def entries(rows: Iterable[Row]) -> list[Entry]:
    """Returns all memories of some rows, smallest first within a name."""
    rows = list(rows)
    memories = [_capacity(point) for point in _strictest(rows)]
    ends: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["kind"] == "run":
            ends.setdefault(_task(row), []).append(row)
    memories += [entry for seeds in ends.values() for entry in _fewest(seeds)]
    return sorted(
        memories, key=lambda e: (METHODS.index(e.method), e.name, e.parameters)
    )


def best(memories: Iterable[Entry]) -> list[Entry]:
    """Returns the size at which each memory holds most bits a parameter, best first."""
    groups: dict[tuple, Entry] = {}
    for entry in memories:
        other = groups.setdefault((entry.name, entry.method), entry)
        groups[entry.name, entry.method] = max(entry, other, key=lambda e: e.bits)
    return sorted(groups.values(), key=lambda e: -e.bits)


def parameters_for(
    memories: Sequence[Entry], name: str, method: str, bits: float
) -> float:
    """Interpolates the parameters for some bits, log-log; nan beyond all sizes."""
    sizes = [e for e in memories if (e.name, e.method) == (name, method)]
    held = np.array([e.bits * e.parameters for e in sizes])
    weights = np.array([e.parameters for e in sizes])
    order = np.argsort(held)
    if not held.size or not held.min() <= bits <= held.max():
        return float("nan")
    line = np.interp(np.log(bits), np.log(held[order]), np.log(weights[order]))
    return float(np.exp(line))


def held_bits(facts: Any, answers: Any) -> np.ndarray:
    """Returns N log2 D, or log2 N! bits where every fact has another output."""
    facts = np.asarray(facts, float)
    if answers is None:
        return bounds.injective_bits(facts)
    return np.asarray(facts * np.log2(answers))


def _strictest(rows: Sequence[Row]) -> list[rows_lib.Point]:
    """Returns points at the highest threshold that their memory was measured at."""
    points = [
        point for point in rows_lib.capacities(rows) if point.median > 1
    ]  # one fact has no bits
    highest: dict[tuple, float] = {}
    for point in points:
        kind = (point.memory, point.trained)
        highest[kind] = max(highest.get(kind, 0.0), point.threshold)
    return [p for p in points if p.threshold == highest[p.memory, p.trained]]


def _capacity(point: rows_lib.Point) -> Entry:
    convex = point.method in _CONVEX
    name = _NAMES.get(point.memory, rows_lib.label(point, []))
    if not convex:
        name = rows_lib.label(point, []).removeprefix("trained ")
        activation = point.activation if point.trained else None
        name = ", ".join(filter(None, (name, activation)))
    facts = np.array([point.median, min(point.values), max(point.values)])
    bits = held_bits(facts, point.num_outputs) / point.parameters
    method = "trained" if point.trained else METHODS[convex]
    return _entry(name, method, point.parameters, facts, bits, point.num_seeds)


def _task(row: Row) -> tuple:
    """Returns the columns that rows of fewest weights share over seeds."""
    method = row.get("method") or row.get("construction")
    if "facts" in row:
        return method, row["facts"], row["d"]
    return method, row["n"], row["subjects"], row["answers"], row.get("width")


def _fewest(rows: Sequence[Row]) -> list[Entry]:
    stored = [row for row in rows if row.get("weights") or row.get("stored")]
    if not stored:
        return []
    row = stored[0]
    method = row.get("method") or row["construction"]
    facts = float(row.get("facts") or row["n"])
    weights = np.array([r.get("weights") or r["parameters"] for r in stored], float)
    # The most weights hold the fewest bits each.
    ends = np.array([np.median(weights), weights.max(), weights.min()])
    bits = held_bits(facts, row.get("answers")) / ends
    kind = METHODS[method in _CONVEX]
    name = _NAMES.get(method, str(method).replace("_", " "))
    same = np.full(3, facts)
    return [_entry(name, kind, ends[0], same, bits, len(stored))]


def _entry(
    name: str,
    method: str,
    parameters: Any,
    facts: np.ndarray,
    bits: np.ndarray,
    seeds: int,
) -> Entry:
    """Builds an entry; facts and bits are each a median, the least and the most."""
    return Entry(
        name=name,
        method=method,
        parameters=float(parameters),
        facts=float(facts[0]),
        facts_low=float(facts[1]),
        facts_high=float(facts[2]),
        bits=float(bits[0]),
        bits_low=float(bits[1]),
        bits_high=float(bits[2]),
        seeds=seeds,
    )
