"""Tables of exponents: how loss falls with parameters and bits under Zipf facts."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.scaling_law import summary
from recall.stats import fits
from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("run", "point")

_COLUMNS = (
    *("memory", "alpha", "bits", "losses", "slope [95 %]", "1 - alpha"),
    *("bound's\nown", "knowledge [95 %]", "share of bits", "seeds"),
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns exponents of weights as they are, and of the best numbers of bits."""
    found = list(rows)
    curves = summary.curves(found)
    shown = [curve for curve in curves if curve.rounding == "none"]
    shown += summary.best_bits(curves)
    lines = [cells(curve) for curve in sorted(shown, key=_order)]
    return [Table("How loss falls", _COLUMNS, lines, describe(found))]


def describe(rows: Iterable[Row]) -> str:
    """What columns mean, and whether all points keep to the bound."""
    found = list(rows)
    points, below = summary.points(found), summary.below(found)
    return (
        "slope: of ln loss against ln bits, of ln parameters where weights have 32. "
        "knowledge: of the fewest bits that such losses take, against the same. "
        "share of bits: these over the bits there are, smallest and largest size. "
        f"{len(points)} points, {len(below)} of them below the bound."
    )


def cells(curve: summary.Curve) -> list[str]:
    """A line of the table."""
    fit = summary.exponents(curve)
    low, high = fit.share
    return [
        f"{curve.memory} {curve.way}".replace("_", " "),
        f"{curve.alpha:g}",
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
