"""Figures of constructed transformers: widths needed, and facts for each weight."""

import math
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.constructions import summary
from recall.stats import points
from recall.theory import laws, widths

NAMES = {
    "plain": "attention only, plain codes",
    "decorrelated": "attention only, decorrelated codes",
    "fitted": "attention only, convex-fitted codes",
    "product_duals": "copy heads and an MLP, product duals",
    "fitted_gates": "copy heads and an MLP, convex-fitted gates",
}
SPREAD = 0.5  # of the series of a world along the axis, whose ticks are 1 apart
BESIDE = "recall_capacity"  # rows of trained transformers, drawn for comparison


@plotting.styled
def draw(rows: Iterable[points.Row]) -> Figure:
    """Draws the smallest width d, and facts for each weight, of all constructions.

    Filled marks count all weights, hollow ones keys and queries as vectors. Rows of
    trained transformers may stand among the rows.

    Raises:
        ValueError: if there are no such rows.
    """
    rows = list(rows)
    groups = [s for s in summary.summaries(rows) if s.rows]
    if not groups:
        raise ValueError("Expected rows of constructed transformers; got none.")
    worlds = sorted({s.world for s in groups}, key=lambda w: (w[0] * w[1], w))
    figure, (left, right) = plotting.panels(2, sharey=False)
    for index, construction in enumerate(NAMES):
        series = [s for s in groups if s.construction == construction]
        if not series:
            continue
        look, label = plotting.look(index), NAMES[construction]
        x = [_place(s, worlds, index) for s in series]
        pairs = list(zip(x, series, strict=True))
        searched = [(at, s) for at, s in pairs if s.width is None]  # others chose d
        _marks(left, searched, "d", look, filled=True, label=label)
        _marks(right, pairs, "facts_per_slim_parameter", look, filled=False)
        _marks(right, pairs, "facts_per_parameter", look, filled=True, label=label)
    _predicted(left, worlds)
    _trained(right, worlds, rows)
    _axes(left, right, worlds, groups)
    plotting.legend(figure)
    return figure


def _place(
    group: summary.Summary, worlds: Sequence[summary.World], index: int
) -> float:
    """Returns the position of a series of a world, beside others around its tick."""
    side = index / (len(NAMES) - 1) - 0.5
    wide = 0.0 if group.width is None else 0.03 * math.log2(group.width / 32)
    return worlds.index(group.world) + SPREAD * side + wide


def _marks(
    axes: Axes,
    pairs: Sequence[tuple[float, summary.Summary]],
    column: str,
    look: plotting.Look,
    *,
    filled: bool,
    label: str = "_nolegend_",
) -> None:
    """Draws medians over seeds with their ranges."""
    spreads = [s.spread(column) for _, s in pairs]
    ends = [low for _, low, _ in spreads], [high for _, _, high in spreads]
    plotting.series(
        axes,
        [x for x, _ in pairs],
        [median for median, _, _ in spreads],
        ends,
        look,
        filled=filled,
        joined=False,
        label=label,
    )


def _predicted(axes: Axes, worlds: Sequence[summary.World]) -> None:
    """Draws the formula of plain codes and the bound of decorrelated ones by world."""
    laws_of = (
        ("plain", widths.attention_only, "$4(R+D)\\,\\ln(SR(R+D))$"),
        ("decorrelated", lambda S, R, D: widths.decorrelated(R, D), "$R D$"),
    )
    for construction, law, name in laws_of:
        colour = plotting.look(list(NAMES).index(construction)).colour
        for at, world in enumerate(worlds):
            d = law(*world)
            plotting.theory_line(axes, [at - 0.4, at + 0.4], [d, d], colour)
            if at == 0:
                axes.text(-0.4, 1.04 * d, name, color=colour, fontsize=7, va="bottom")


def _trained(
    axes: Axes, worlds: Sequence[summary.World], rows: Sequence[points.Row]
) -> None:
    """Draws trained transformers that store about as many facts, and their guide."""
    # They were trained on worlds of S = R until 99 % of the facts were recalled.
    label = "trained, half to twice as many facts"
    for at, (S, R, _) in enumerate(worlds):
        density = summary.trained_density(rows, S * R)
        if density:
            low, high = min(density), max(density)
            axes.fill_between(
                [at - 0.4, at + 0.4],
                low,
                high,
                color=plotting.GREY,
                alpha=0.25,
                label=label,
            )
            label = "_nolegend_"
    law = laws.trained_law("transformer", worlds[0][2], 0.99)
    if law is not None:
        ends = [-0.5, len(worlds) - 0.5]
        plotting.theory_line(axes, ends, [1 / law.constant] * 2, "black")
        axes.text(ends[1], 1 / law.constant, "guide,\ntrained", fontsize=7, va="center")


def _axes(
    left: Axes,
    right: Axes,
    worlds: Sequence[summary.World],
    groups: Sequence[summary.Summary],
) -> None:
    """Names the worlds and the quantities."""
    d = [row["d"] for s in groups for row in s.rows if s.width is None] or [1]
    predicted = [widths.attention_only(*world) for world in worlds]
    plotting.log_axis(left.yaxis, min(d) / 1.4, 1.4 * max(*d, *predicted))
    density = [row["facts_per_parameter"] for s in groups for row in s.rows]
    slim = [row["facts_per_slim_parameter"] for s in groups for row in s.rows]
    plotting.log_axis(right.yaxis, min(density) / 1.4, 1.4 * max(0.2, *slim))
    for axes in (left, right):
        axes.set_xticks(range(len(worlds)), [", ".join(map(str, w)) for w in worlds])
        axes.set(xlim=(-0.5, len(worlds) - 0.5), xlabel="subjects, relations, answers")
        axes.grid(visible=False, axis="x")
    left.set(ylabel="smallest width $d$ with all facts recalled")
    right.set(ylabel="facts for each weight; hollow: slim keys")
