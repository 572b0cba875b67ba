"""Tables of capacities and fitted laws, for a terminal or a file.

Tables fit in 100 columns. Counts are facts; C is x / (N ln N), or x / N where the
number of outputs is fixed, with x = d^2, rank x d or md weights of one matrix.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from recall.stats import points as rows_lib
from recall.stats.table import Table
from recall.store.row import Row
from recall.theory import laws

KEPT = ("capacity",)

_CAPACITY_COLUMNS = (
    *("memory", "d", "m, rank\nH x d_h", "recall", "facts [95 %]", "seeds"),
    *("C", "C\ntheory", "facts/\nparam", "bits/\nparam"),
)
_LAW_COLUMNS = (
    *("memory", "recall", "points", "C [95 %]", "C of theory", "slope [95 %]"),
)
_CAPTION = (
    "facts: median over seeds [interval of order statistics; the range, below 6 seeds];"
    " >= n: the search stored its ceiling; diverged: no failed probe was finite."
    " seeds: +k at the ceiling, !k diverged. C = x / (N ln N), or x / N with fixed"
    " outputs. theory: for sphere embeddings; guides were drawn at 99 %."
)
_LAW_CAPTION = (
    "x = C N ln N, or C N with fixed outputs; slope of ln N against ln x. Intervals:"
    " bootstrap over seeds. points: +k left out (ceiling, diverged, or under 2 facts)."
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns capacities and the laws fitted to them."""
    rows = list(rows)
    return [capacity_table(rows), law_table(rows)]


def capacity_table(rows: Iterable[Row]) -> Table:
    """Returns the capacity of each memory and size, theory beside the constant."""
    points, lines = rows_lib.capacities(rows), []
    for family in rows_lib.families(points):
        labels = [rows_lib.label(family[0], points)] + [""] * (len(family) - 1)
        pairs = zip(labels, family, strict=True)
        lines += [[label, *_capacity_cells(point)] for label, point in pairs]
    return Table("Facts stored", _CAPACITY_COLUMNS, lines, _CAPTION)


def law_table(rows: Iterable[Row]) -> Table:
    """Returns the constant and slope fitted to each family, beside the guide."""
    points = rows_lib.capacities(rows)
    lines = [
        [rows_lib.label(family[0], points), *_law_cells(family)]
        for family in rows_lib.families(points)
    ]
    return Table("Fitted laws", _LAW_COLUMNS, lines, _LAW_CAPTION)


def _capacity_cells(point: rows_lib.Point) -> list[str]:
    cells = [f"{point.d}", _size(point), _percent(point)]
    cells += [_facts(point), _seeds(point)]
    if point.num_nonfinite and not point.exact:  # no bound either: training failed
        return [*cells, "-", _number(_theory_constant([point])), "-", "-"]
    logarithmic = point.num_outputs is None
    constant = laws.law_constant(point.x, point.median, logarithmic)
    answers = math.sqrt(point.median) if point.world == "D=S" else point.num_outputs
    bits = laws.bits(point.median, answers) / point.parameters
    # More facts are fewer weights for each: a bound from below is one from above.
    below, above = ("", "") if point.exact else ("<", ">")
    return [
        *cells,
        below + _number(constant),
        _number(_theory_constant([point])),
        above + _number(point.median / point.parameters),
        above + _number(bits),
    ]


def _size(point: rows_lib.Point) -> str:
    if point.heads is not None:
        return f"{'-' if point.m is None else point.m}\n{point.heads}x{point.head_dim}"
    size = point.m if point.m is not None else point.rank
    return "-" if size is None else f"{size}"


def _law_cells(family: Sequence[rows_lib.Point]) -> list[str]:
    fit = rows_lib.fit_law(family)
    left_out = f" +{fit.num_excluded}" if fit.num_excluded else ""
    used = [point for point in family if rows_lib.usable(point)]
    return [
        _percent(family[0]),
        f"{fit.num_points}{left_out}",
        _interval(fit.constant, fit.constant_low, fit.constant_high),
        f"{_number(_theory_constant(used))} ({rows_lib.predicted(family[0]).status})",
        _interval(fit.slope, fit.slope_low, fit.slope_high),
    ]


def _theory_constant(points: Sequence[rows_lib.Point]) -> float:
    """Returns the constant of a fit to points that store what theory says."""
    constants = [
        laws.law_constant(
            point.x, rows_lib.predicted(point).facts, point.num_outputs is None
        )
        for point in points
    ]
    return float(np.exp(np.mean(np.log(constants)))) if constants else math.nan


def _facts(point: rows_lib.Point) -> str:
    if not point.exact:
        return "diverged" if point.num_nonfinite else f">= {_count(point.median)}"
    if math.isnan(point.low):
        return _count(point.median)
    open_end = math.isinf(point.high)
    high = f">= {max(point.values):,}" if open_end else _count(point.high)
    return f"{_count(point.median)} [{_count(point.low)}, {high}]"


def _seeds(point: rows_lib.Point) -> str:
    marks = [(point.num_censored, " +"), (point.num_nonfinite, " !")]
    return f"{point.num_seeds}" + "".join(f"{m}{k}" for k, m in marks if k)


def _percent(point: rows_lib.Point) -> str:
    return f"{100 * point.threshold:g} %"


def _count(n: float) -> str:
    return f"{n:,.0f}" if n == round(n) else f"{n:,.1f}"


def _number(value: float | np.ndarray) -> str:
    """Formats three digits without an exponent, which a column of numbers needs."""
    value = float(value)
    if not math.isfinite(value) or value == 0:
        return "0" if value == 0 else "-"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"


def _interval(value: float, low: float, high: float) -> str:
    if math.isnan(low):
        return _number(value)
    return f"{_number(value)} [{_number(low)}, {_number(high)}]"
