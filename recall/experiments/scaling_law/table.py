"""Tables of exponents: how loss falls with parameters and bits under Zipf facts."""

from collections.abc import Iterable

import numpy as np
from rich import box
from rich.table import Table

from recall.experiments.scaling_law import summary
from recall.stats import fits
from recall.stats import points as rows_lib

COLUMNS = (
    *("alpha", "memory", "bits", "losses", "slope [95 %]", "1 - alpha"),
    *("bound's own", "knowledge [95 %]", "share of bits", "seeds"),
)


def main_table(rows: Iterable[rows_lib.Row]) -> Table:
    """Exponents of weights as they are, and of the best numbers of bits."""
    found = list(rows)
    table = Table(title="How loss falls", caption=describe(found), box=box.SIMPLE_HEAD)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "memory" else "right")
    for line in lines(found):
        table.add_row(*line)
    return table


def describe(rows: Iterable[rows_lib.Row]) -> str:
    """What columns mean, and whether all points keep to the bound."""
    found = list(rows)
    points, below = summary.points(found), summary.below(found)
    return (
        "slope: of ln loss against ln bits, of ln parameters where weights have 32. "
        "knowledge: of the fewest bits that such losses take, against the same. "
        "share of bits: these over the bits there are, smallest and largest size. "
        f"{len(points)} points, {len(below)} of them below the bound."
    )


def lines(rows: Iterable[rows_lib.Row]) -> list[list[str]]:
    """A line for each way, whole weights first."""
    found = summary.curves(rows)
    shown = [curve for curve in found if curve.rounding == "none"]
    shown += summary.best_bits(found)
    return [cells(curve) for curve in sorted(shown, key=_order)]


def cells(curve: summary.Curve) -> list[str]:
    """A line of the table."""
    fit = summary.exponents(curve)
    low, high = fit.share
    return [
        f"{curve.alpha:g}",
        f"{curve.memory} {curve.way}".replace("_", " "),
        "32" if curve.rounding == "none" else _bits(curve),
        f"{curve.medians[0]:.3g} to {curve.medians[-1]:.3g}",
        _interval(fit.loss),
        f"{1 - curve.alpha:g}",
        f"{fit.bound:.2f}" if np.isfinite(fit.bound) else "-",
        _interval(fit.knowledge),
        f"{low:.3f} to {high:.3f}",
        str(min(map(len, curve.losses))),
    ]


def _order(curve: summary.Curve) -> tuple:
    return curve.alpha, curve.memory, curve.way, curve.rounding != "none"


def _bits(curve: summary.Curve) -> str:
    """Bits for each parameter, steps of matrices included."""
    each = curve.total_bits / curve.parameters
    return f"{each.min():.1f}-{each.max():.1f}"


def _interval(slope: fits.Estimate) -> str:
    return f"{slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}]"


def tables(rows: Iterable[rows_lib.Row]) -> list[Table]:
    """Returns the tables that a run shows."""
    found = list(rows)
    return [main_table(found)]
