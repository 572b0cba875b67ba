"""Figures of memories of Zipf facts: loss against parameters and against bits."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.scaling_law import summary
from recall.stats import points
from recall.theory import bounds

NAMES = {
    ("linear", "outer_product"): "outer product",
    ("linear", "outer_product_top"): "outer product of the top facts",
    ("linear", "trained"): "linear, trained",
    ("linear", "trained_top"): "linear, trained on the top facts",
    ("mlp", "trained"): "MLP, trained",
    ("mlp", "trained_top"): "MLP, trained on the top facts",
}
_BITS = (2, 4)  # for each parameter, of the bounds that are drawn against parameters


@plotting.styled
def draw(rows: Iterable[points.Row]) -> Figure:
    """Loss against parameters (above) and against bits (below), a column an exponent.

    Above, weights are as they are, of 32 bits; below, each way's best numbers of bits
    are joined, and dots are all others.

    Raises:
        ValueError: if no point is finite.
    """
    found = summary.curves(rows)
    if not found:
        raise ValueError("Expected rows of finite points; got none.")
    alphas = sorted({curve.alpha for curve in found})
    figure, panels = plotting.panels(2 * len(alphas), sharex=False, sharey=False)
    for index, alpha in enumerate(alphas):
        mine = [curve for curve in found if curve.alpha == alpha]
        _against_parameters(panels[index], mine)
        _against_bits(panels[len(alphas) + index], mine)
    plotting.legend(figure)
    return figure


def _against_parameters(axes: Axes, curves: Sequence[summary.Curve]) -> None:
    """Weights of 32 bits, beside what 2 and 4 bits for each parameter allow."""
    whole = [curve for curve in curves if curve.rounding == "none"]
    for curve in whole:
        _series(axes, curve, curve.parameters, filled=True)
    first = curves[0]
    x = np.geomspace(
        *plotting.ends(np.concatenate([c.parameters for c in curves]), 1.3), 60
    )
    ends = [
        _bound(axes, first, x, each * x, f"bound, {each} bits each") for each in _BITS
    ]
    _frame(axes, x, whole, ends)
    axes.set(
        xlabel="parameters",
        ylabel="population cross-entropy (nats)",
        title=f"$\\alpha = {first.alpha:g}$, weights of 32 bits",
    )


def _against_bits(axes: Axes, curves: Sequence[summary.Curve]) -> None:
    """Rounded weights, and the bound for just these bits."""
    few = [curve for curve in curves if curve.rounding != "none"]
    for curve in few:
        colour = _look(curve).colour
        axes.scatter(curve.total_bits, curve.medians, s=5, color=colour, alpha=0.35)
    best = summary.best_bits(few)
    for curve in best:
        _series(axes, curve, curve.total_bits, filled=False)
    first = curves[0]
    bits = [c.total_bits for c in few] or [c.total_bits for c in curves]
    x = np.geomspace(*plotting.ends(np.concatenate(bits), 1.3), 60)
    end = _bound(axes, first, x, x, "bound")
    _frame(axes, x, few or curves, [end])
    axes.set(
        xlabel="bits of all that a decoder needs",
        ylabel="population cross-entropy (nats)",
        title=f"$\\alpha = {first.alpha:g}$, rounded weights, best joined",
    )


def _series(axes: Axes, curve: summary.Curve, x: np.ndarray, *, filled: bool) -> None:
    lows, highs = ([pick(some) for some in curve.losses] for pick in (min, max))
    name = NAMES.get((curve.memory, curve.way), f"{curve.memory} {curve.way}")
    plotting.series(
        axes,
        x,
        curve.medians,
        (lows, highs),
        _look(curve),
        filled=filled,
        joined=True,
        label=name if filled else "_",
    )


def _look(curve: summary.Curve) -> plotting.Look:
    return plotting.look(list(NAMES).index((curve.memory, curve.way)))


def _bound(
    axes: Axes, curve: summary.Curve, x: np.ndarray, bits: np.ndarray, name: str
) -> tuple[float, str, str]:
    """Draws the bound; returns what to write at its end."""
    y = bounds.cross_entropy(curve.odds, curve.outputs, bits)
    shown = y > 0
    plotting.theory_line(axes, x[shown], y[shown], plotting.GREY)
    return float(y[shown][-1]), name, plotting.GREY


def _frame(
    axes: Axes,
    x: np.ndarray,
    curves: Sequence[summary.Curve],
    ends: Sequence[tuple[float, str, str]],
) -> None:
    losses = [loss for curve in curves for some in curve.losses for loss in some]
    low = min([*losses, *(end[0] for end in ends)])
    plotting.log_axis(axes.xaxis, x[0], x[-1])
    plotting.log_axis(axes.yaxis, low / 1.3, max(losses) * 1.3)
    plotting.edge_labels(axes, ends)
