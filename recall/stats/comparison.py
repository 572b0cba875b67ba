"""Comparison of two runs: medians over seeds against the ranges of the other's.

Columns before `kind` in a row are settings, numbers after it are results. Results are
gathered over seeds by their settings; a run reproduces another where its median lies in
the other's range over seeds, widened by TOLERANCE.
"""

import collections
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from recall.store.row import Row

TOLERANCE = 0.02  # of the median: other devices and versions round differently
PROVENANCE = (
    *("experiment", "git_commit", "git_dirty", "version", "jax_version", "device"),
    *("wall_seconds", "compile_seconds", "seconds", "step_seconds", "search", "seed"),
    *("key", "argument_bytes", "temporary_bytes"),
)
SEARCH = (  # columns on the course of a search, which differs between devices
    *("num_probes", "probe", "warm", "iterative", "learning_rate"),
    *("weight_norm", "residual"),
)


class Value(NamedTuple):
    """A result of a run, over seeds.

    Attributes:
        name: of the settings and the result.
        median: of all seeds.
        low: least of all seeds.
        high: most of all seeds.
        seeds: number of seeds.
    """

    name: str
    median: float
    low: float
    high: float
    seeds: int


def settings(row: Row) -> dict[str, Any]:
    """Returns the columns before `kind`, but for provenance: the settings of a row."""
    before = itertools.takewhile(lambda name: name != "kind", row)
    return {name: row[name] for name in before if name not in PROVENANCE}


def values(rows: Iterable[Row]) -> list[Value]:
    """Gathers every result that ends a measurement, by its settings, over seeds.

    The last check of a curve counts, the capacity of a search, and the probe of a
    search that probes one size.
    """
    groups: dict[str, dict[Any, float]] = collections.defaultdict(dict)
    for row in filter(_ends, rows):
        words, results = _split(row)
        for name, number in results.items():
            groups[f"{words} {name}"][row.get("seed")] = number  # the last check counts
    return [_value(name, list(seeds.values())) for name, seeds in groups.items()]


def deviations(
    results: Iterable[Value], reference: Mapping[str, Value]
) -> list[tuple[Value, Value]]:
    """Pairs values with the reference's where their median leaves its range."""
    pairs = [(v, reference[v.name]) for v in results if v.name in reference]
    return [pair for pair in pairs if not _agrees(*pair)]


def _ends(row: Row) -> bool:
    kind = row["kind"]
    single = kind == "probe" and row.get("method") == "single"
    return single or kind in ("capacity", "run", "trace")


def _split(row: Row) -> tuple[str, dict[str, float]]:
    """Returns the settings of a row in words, and its results."""
    columns = settings(row) | {"kind": row["kind"]}
    words = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in columns.items()
        if value is not None
    ]
    others = {*columns, *PROVENANCE, *SEARCH}
    results = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and name not in others
    }
    return " ".join(words), results


def _value(name: str, seeds: list[float]) -> Value:
    low, high = float(np.min(seeds)), float(np.max(seeds))
    return Value(name, float(np.median(seeds)), low, high, len(seeds))


def _agrees(value: Value, reference: Value) -> bool:
    slack = TOLERANCE * abs(reference.median)
    if math.isnan(reference.median):
        return math.isnan(value.median)
    return reference.low - slack <= value.median <= reference.high + slack
