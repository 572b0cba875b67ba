"""Whether one run found what another did: medians over seeds against intervals.

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
WAYS = (  # how a search came to what it found
    *("num_probes", "probe", "warm", "iterative", "learning_rate"),
    *("weight_norm", "residual"),
)


class Value(NamedTuple):
    """A number that a run found.

    Attributes:
        name: of the settings and the result.
        median: over seeds.
        low: least over seeds.
        high: most over seeds.
        seeds: how many.
    """

    name: str
    median: float
    low: float
    high: float
    seeds: int


def settings(row: Row) -> dict[str, Any]:
    """The columns before `kind`, but for provenance: what a row is about."""
    before = itertools.takewhile(lambda name: name != "kind", row)
    return {name: row[name] for name in before if name not in PROVENANCE}


def values(rows: Iterable[Row]) -> list[Value]:
    """Every number that rows of ends give, by settings, over seeds.

    Of a curve the last check of each seed counts, of a search its capacity; of searches
    that probe one size, that probe.
    """
    groups: dict[str, dict[Any, float]] = collections.defaultdict(dict)
    for row in filter(_ends, rows):
        said, results = _split(row)
        for name, number in results.items():
            groups[f"{said} {name}"][row.get("seed")] = number
    return [_value(name, list(seeds.values())) for name, seeds in groups.items()]


def deviations(
    found: Iterable[Value], reference: Mapping[str, Value]
) -> list[tuple[Value, Value]]:
    """Values whose median leaves the reference's range, with the reference's."""
    pairs = [
        (value, reference[value.name]) for value in found if value.name in reference
    ]
    return [pair for pair in pairs if not _agrees(*pair)]


def _ends(row: Row) -> bool:
    kind = row["kind"]
    single = kind == "probe" and row.get("method") == "single"
    return single or kind in ("capacity", "run", "trace")


def _split(row: Row) -> tuple[str, dict[str, float]]:
    """Names the settings of a row, and gives its results."""
    told = settings(row) | {"kind": row["kind"]}
    said = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in told.items()
        if value is not None
    ]
    others = {*told, *PROVENANCE, *WAYS}
    results = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and name not in others
    }
    return " ".join(said), results


def _value(name: str, seeds: list[float]) -> Value:
    low, high = float(np.min(seeds)), float(np.max(seeds))
    return Value(name, float(np.median(seeds)), low, high, len(seeds))


def _agrees(value: Value, reference: Value) -> bool:
    slack = TOLERANCE * abs(reference.median)
    if math.isnan(reference.median):
        return math.isnan(value.median)
    return reference.low - slack <= value.median <= reference.high + slack
