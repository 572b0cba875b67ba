"""Summaries of learned embeddings: widths over facts, survival, geometry."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recall.store.row import Row

Kind = tuple[str, str, int | None]  # memory, mode, shared outputs
MODES = ("frozen", "inputs", "outputs", "both")


class Widths(NamedTuple):
    """Smallest widths of one kind, over numbers of facts.

    Attributes:
        facts: `[sizes]` rising.
        d: `[sizes]` medians over seeds of the smallest width that stores all; `low`
            and `high` are extremes, inf where a seed stored at no width.
        per_weight: `[sizes]` facts for each number in the memory alone, at the median;
            `per_parameter`, for each trained number, embeddings too.
        seeds: of the size with the fewest.
    """

    kind: Kind
    facts: np.ndarray
    d: np.ndarray
    low: np.ndarray
    high: np.ndarray
    per_weight: np.ndarray
    per_parameter: np.ndarray
    seeds: int


class Growth(NamedTuple):
    """Fits of the smallest width: power g of d ~ N^g, rate b of d = a + b ln N.

    Errors are root mean squares of those of d, as fractions.
    """

    power: float
    power_error: float
    rate: float
    rate_error: float


def widths(rows: Iterable[Row]) -> list[Widths]:
    """Gathers smallest widths of ended searches, by memory and mode."""
    groups: dict[Kind, dict[int, list[Row]]] = {}
    for row in ends(rows, "width"):
        sizes = groups.setdefault(_kind(row), {})
        sizes.setdefault(row["facts"], []).append(row)
    order = sorted(groups, key=lambda k: (k[0], k[2] is not None, MODES.index(k[1])))
    return [_widths(kind, groups[kind]) for kind in order]


def growth(some: Widths) -> Growth:
    """Fits both laws to medians; nan with fewer than three sizes that are known."""
    known = np.isfinite(some.d)
    n, d = np.log(some.facts[known]), some.d[known]
    if len(d) < 3:
        return Growth(*[math.nan] * 4)
    g, scale = np.polyfit(n, np.log(d), 1)
    b, a = np.polyfit(n, d, 1)
    errors = np.exp(g * n + scale) / d - 1, (a + b * n) / d - 1
    power_error, rate_error = (float(np.sqrt(np.mean(e**2))) for e in errors)
    return Growth(float(g), power_error, float(b), rate_error)


def survival(rows: Iterable[Row]) -> dict[tuple, float]:
    """Returns the median accuracy over seeds for (*kind, part, change)."""
    groups: dict[tuple, list[float]] = {}
    for row in rows:
        if row["kind"] == "probe" and row.get("part"):
            key = (*_kind(row), row["part"], row["change"])
            groups.setdefault(key, []).append(row["accuracy"])
    return {key: float(np.median(values)) for key, values in groups.items()}


def geometry(rows: Iterable[Row]) -> dict[tuple, list[tuple[int, float]]]:
    """Returns for (*kind, column) the medians over seeds at each step."""
    groups: dict[tuple, dict[int, list[float]]] = {}
    for row in rows:
        if row["kind"] == "trace":
            for column in sorted(row):
                is_measure = column.startswith(("inputs_", "outputs_"))
                if is_measure and row[column] is not None:
                    steps = groups.setdefault((*_kind(row), column), {})
                    steps.setdefault(row["steps"], []).append(row[column])
    return {
        key: [(step, float(np.median(steps[step]))) for step in sorted(steps)]
        for key, steps in groups.items()
    }


def ends(rows: Iterable[Row], measure: str) -> list[Row]:
    """Returns the rows that end lanes of a measure."""
    return [r for r in rows if r["kind"] == "run" and r["measure"] == measure]


def _kind(row: Row) -> Kind:
    return row["memory"], row["mode"], row["num_outputs"]


def _widths(kind: Kind, sizes: Mapping[int, Sequence[Row]]) -> Widths:
    facts = sorted(sizes)
    d = [[r["d"] or math.inf for r in sizes[n]] for n in facts]
    middle = np.array([np.median(some) for some in d])
    per = [
        [n / np.median([r[column] or math.inf for r in sizes[n]]) for n in facts]
        for column in ("weights", "parameters")
    ]
    return Widths(
        kind=kind,
        facts=np.array(facts, float),
        d=middle,
        low=np.array([min(some) for some in d]),
        high=np.array([max(some) for some in d]),
        per_weight=np.array(per[0]),
        per_parameter=np.array(per[1]),
        seeds=min(map(len, d)),
    )
