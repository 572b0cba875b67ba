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
    """Returns exponents of float32 weights, and of the best numbers of bits."""
    rows = list(rows)
    curves = summary.curves(rows)
    shown = [curve for curve in curves if curve.rounding == "none"]
    shown += summary.best_bits(curves)
    shown.sort(key=lambda c: (c.alpha, c.memory, c.method, c.rounding != "none"))
    return [Table("How loss falls", _COLUMNS, list(map(_line, shown)), describe(rows))]


def describe(rows: Iterable[Row]) -> str:
    """Returns the caption: the columns, and the number of points below the bound."""
    rows = list(rows)
    points, below = summary.points(rows), summary.below(rows)
    return (
        "slope: of ln loss against ln bits, of ln parameters where weights have 32. "
        "knowledge: of the fewest bits that such losses take, against the same. "
        "share of bits: these over the bits there are, smallest and largest size. "
        f"{len(points)} points, {len(below)} of them below the bound."
    )


def _line(curve: summary.Curve) -> list[str]:
    fit = summary.exponents(curve)
    # Steps of matrices and K count: a weight takes more bits than its levels.
    bits = curve.total_bits / curve.parameters
    low, high = fit.fractions
    return [
        f"{curve.memory} {curve.method}".replace("_", " "),
        f"{curve.alpha:g}",
        "32" if curve.rounding == "none" else f"{bits.min():.1f}-{bits.max():.1f}",
        f"{curve.medians[0]:.3g} to {curve.medians[-1]:.3g}",
        _interval(fit.loss),
        f"{1 - curve.alpha:g}",
        f"{fit.bound:.2f}" if np.isfinite(fit.bound) else "-",
        _interval(fit.knowledge),
        f"{low:.3f} to {high:.3f}",
        str(min(map(len, curve.losses))),
    ]


def _interval(slope: fits.Estimate) -> str:
    return f"{slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}]"
