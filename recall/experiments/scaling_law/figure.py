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
_BITS = (2, 4)  # of a parameter: trained weights put about so many to use


@plotting.styled
def draw(rows: Iterable[points.Row]) -> Figure:
    """Draws loss against parameters (above) and bits (below), a column an exponent.

    Above, weights have 32 bits; below, the best numbers of bits of each method are
    joined, and dots are all others.

    Raises:
        ValueError: if no point is finite.
    """
    curves = summary.curves(rows)
    if not curves:
        raise ValueError("Expected rows of finite points; got none.")
    alphas = sorted({curve.alpha for curve in curves})
    figure, panels = plotting.panels(2 * len(alphas), sharex=False, sharey=False)
    for index, alpha in enumerate(alphas):
        column = [curve for curve in curves if curve.alpha == alpha]
        _against_parameters(panels[index], column)
        _against_bits(panels[len(alphas) + index], column)
    plotting.legend(figure)
    return figure


def _against_parameters(axes: Axes, curves: Sequence[summary.Curve]) -> None:
    """Draws weights of 32 bits beside the bounds of 2 and 4 bits a parameter."""
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
    """Draws rounded weights, and the bound for just these bits."""
    quantized = [curve for curve in curves if curve.rounding != "none"]
    for curve in quantized:
        colour = _look(curve).colour
        axes.scatter(curve.total_bits, curve.medians, s=5, color=colour, alpha=0.35)
    for curve in summary.best_bits(quantized):
        _series(axes, curve, curve.total_bits, filled=False)
    first = curves[0]
    bits = [c.total_bits for c in quantized] or [c.total_bits for c in curves]
    x = np.geomspace(*plotting.ends(np.concatenate(bits), 1.3), 60)
    end = _bound(axes, first, x, x, "bound")
    _frame(axes, x, quantized or curves, [end])
    axes.set(
        xlabel="bits of all that a decoder needs",
        ylabel="population cross-entropy (nats)",
        title=f"$\\alpha = {first.alpha:g}$, rounded weights, best joined",
    )


def _series(axes: Axes, curve: summary.Curve, x: np.ndarray, *, filled: bool) -> None:
    lows, highs = ([end(seeds) for seeds in curve.losses] for end in (min, max))
    name = NAMES[curve.memory, curve.method]
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
    return plotting.look(list(NAMES).index((curve.memory, curve.method)))


def _bound(
    axes: Axes, curve: summary.Curve, x: np.ndarray, bits: np.ndarray, name: str
) -> tuple[float, str, str]:
    """Draws the bound; returns the height, text and colour of the label at its end."""
    y = bounds.cross_entropy(curve.probs, curve.outputs, bits)
    shown = y > 0  # with all facts known it is zero, which no log axis shows
    plotting.theory_line(axes, x[shown], y[shown], plotting.GREY)
    return float(y[shown][-1]), name, plotting.GREY


def _frame(
    axes: Axes,
    x: np.ndarray,
    curves: Sequence[summary.Curve],
    ends: Sequence[tuple[float, str, str]],
) -> None:
    losses = [loss for curve in curves for seeds in curve.losses for loss in seeds]
    low = min([*losses, *(end[0] for end in ends)])
    plotting.log_axis(axes.xaxis, x[0], x[-1])
    plotting.log_axis(axes.yaxis, low / 1.3, max(losses) * 1.3)
    plotting.edge_labels(axes, ends)
