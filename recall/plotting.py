"""The look of figures: colours, panels, log axes, marks of censored points, saving.

Figures are `matplotlib.figure.Figure`s without pyplot: no global state, no window. The
same rows give the same bytes.
"""

import math
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path

Number = int | float
Values = Sequence[Number] | np.ndarray

# Okabe and Ito's colours, which colour-blind readers tell apart; not their yellow.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
GREY = "#666666"

RC: dict[Any, Any] = {
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "grid.color": "#E8E8E8",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "svg.fonttype": "path",  # text looks the same without the font installed
    "svg.hashsalt": "recall",  # else ids are random: other bytes each time
}

styled = matplotlib.rc_context(RC)  # decorates functions: artists read RC when made


def _arrow(foot: float) -> Any:
    """Returns a marker: an arrow up by 1, from `foot` below the point that it marks."""
    strokes = [Path.MOVETO, Path.LINETO, Path.MOVETO, Path.LINETO, Path.LINETO]
    points = [(0, 0), (0, 1), (-0.25, 0.65), (0, 1), (0.25, 0.65)]
    return Path([(x, y - foot) for x, y in points], strokes)


_MARKS = {
    "bound": (_arrow(0.5), 11, "lower bound"),
    "diverged": ("x", 5, "diverged"),
    "nothing": (7, 5, "one fact or none"),  # 7 is matplotlib's caret
}


class Look(NamedTuple):
    """The colour and the marker of one series."""

    colour: str
    marker: str


def look(index: int) -> Look:
    """Returns the look of the series of an index; looks repeat after seven."""
    index %= len(PALETTE)
    return Look(colour=PALETTE[index], marker=MARKERS[index])


def panels(
    num: int,
    width: float = 4.5,
    height: float = 3.3,
    sharey: bool = True,
    sharex: bool = True,
):
    """Returns a figure and its `num` panels of a size in inches, with common axes."""
    num_rows = 1 if num <= 3 else 2
    num_columns = math.ceil(num / num_rows)
    size = (width * num_columns, height * num_rows + 0.4)  # .4 for the legend
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)  # a canvas without pyplot
    grid = figure.subplots(
        num_rows, num_columns, sharex=sharex, sharey=sharey, squeeze=False
    )
    for spare in grid.flat[num:]:
        spare.remove()
    for axes in grid.flat[:num]:
        axes.tick_params(labelbottom=True, labelleft=True)  # shared axes hide them
        axes.set_axisbelow(True)
    return figure, list(grid.flat[:num])


def series(
    axes: Axes,
    x: Values,
    y: Values,
    ends: tuple[Values, Values],
    look: Look,
    *,
    filled: bool,
    joined: bool,
    label: str,
) -> None:
    """Draws medians y and the bars of their intervals; an infinite end has none."""
    bars = np.abs(np.array(ends, float).reshape(2, -1) - np.array(y, float))
    bars = np.where(np.isfinite(bars), bars, 0.0)
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker}
    style["markerfacecolor"] = look.colour if filled else "white"
    style |= {"linestyle": "-" if joined else "none", "linewidth": 0.9, "label": label}
    axes.errorbar(x, y, bars, elinewidth=0.9, capsize=1.8, zorder=3, **style)


def bounds(axes: Axes, x: Values, y: Values, look: Look) -> None:
    """Draws arrows up from lower bounds, which no line joins."""
    paint = {"color": look.colour, "zorder": 3}
    # `legend` finds by its gid which marks a figure has, and explains each once.
    axes.scatter(x, y, s=500, marker=_arrow(0.0), linewidths=1.1, gid="bound", **paint)
    axes.scatter(x, y, s=30, marker="_", linewidths=1.5, **paint)


def diverged(axes: Axes, x: Values, y: Values, look: Look) -> None:
    """Draws crosses at sizes beyond which training diverged."""
    axes.scatter(x, y, s=26, marker="x", color=look.colour, gid="diverged", zorder=4)


def nothing(axes: Axes, x: Values, y: Values, look: Look) -> None:
    """Draws carets at the foot of the panel, whatever y is: nothing was stored."""
    paint = {"color": look.colour, "zorder": 3, "gid": "nothing", "marker": 7}
    foot = axes.get_xaxis_transform()  # x in data, y in fractions of the panel
    axes.scatter(x, np.full(len(y), 0.02), s=26, transform=foot, **paint)


def theory_line(axes: Axes, x: Values, y: Values, colour: str) -> None:
    """Draws a law as a dashed line, below all measured points."""
    axes.plot(x, y, "--", color=colour, linewidth=0.9, zorder=2)


def edge_labels(axes: Axes, lines: Iterable[tuple[Number, str, str]]) -> None:
    """Writes (y, text, colour) at the right edge, apart where lines end close by.

    Call it once the limits of the y axis are final: ends outside are left out.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    ends = [(to_axes.transform((1.0, y))[1], text, colour) for y, text, colour in lines]
    ends = sorted(end for end in ends if 0 <= end[0] <= 1)
    places = _spread([end[0] for end in ends], 0.055)  # of the height: a line of text
    for place, (_, text, colour) in zip(places, ends, strict=True):
        at = (1.0, place), (4, 0), "axes fraction", "offset points"
        axes.annotate(text, *at, color=colour, fontsize=7, va="center")


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """Moves sorted places as little as makes neighbours `gap` apart.

    Places that touch form a block, centred where its members were.
    """
    blocks: list[list[float]] = []  # [sum of places less their offsets, members]
    top = lambda total, members: total / members + gap * members  # noqa: E731
    for place in places:
        block = [place, 1.0]
        # Pool adjacent violators: the least-squares fit of places that are `gap` apart.
        while blocks and top(*blocks[-1]) > block[0] / block[1]:
            total, members = blocks.pop()
            block = [total + block[0] - members * gap * block[1], members + block[1]]
        blocks.append(block)
    return [
        total / members + gap * offset
        for total, members in blocks
        for offset in range(int(members))
    ]


def line_label(axes: Axes, x: Number, y: Number, text: str, colour: str) -> None:
    """Writes the name of a rising line below and right of the point (x, y) on it."""
    at = (x, y), (5, -4), "data", "offset points"
    axes.annotate(text, *at, color=colour, fontsize=8, va="top")


def ends(values: Iterable[Number], room: float) -> tuple[Number, Number]:
    """Returns the ends of a log axis of values, those <= 0 left out, with some room."""
    positive = [value for value in values if value > 0] or [1.0]
    return min(positive) / room, max(positive) * room


def log_axis(axis: XAxis | YAxis, low: Number, high: Number) -> None:
    """Makes an axis logarithmic, with the sparsest ticks that are three or more."""
    name = axis.axis_name
    getattr(axis.axes, f"set_{name}scale")("log")
    getattr(axis.axes, f"set_{name}lim")(low, high)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    candidates = [  # parsed, not 10**decade * step: .3 and not .30000000000000004
        [float(f"{step}e{decade}") for decade in decades for step in steps]
        for steps in ([1], [1, 3], [1, 2, 5], [1, 2, 3, 5], range(1, 10))
    ]
    enough = [t for t in candidates if sum(low <= tick <= high for tick in t) >= 3]
    major = (enough or candidates[-1:])[0]
    axis.set_major_locator(ticker.FixedLocator(major))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.set_minor_locator(ticker.FixedLocator(sorted({*candidates[-1]} - {*major})))
    axis.set_minor_formatter(ticker.NullFormatter())  # minor labels overlap


def legend(figure: Figure) -> None:
    """Draws one legend for all panels, below them, where it covers no data."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    gids = {mark.get_gid() for axes in figure.axes for mark in axes.collections}
    for gid, (marker, size, label) in _MARKS.items():
        if gid in gids:
            look: dict[str, Any] = {"marker": marker, "linestyle": "none"}
            entries[label] = Line2D([], [], color=GREY, markersize=size, **look)
    if not entries:
        return
    widest = 0.5 + 0.06 * max(map(len, entries))  # inches, about
    num_rows = math.ceil(len(entries) * widest / figure.get_figwidth())
    place: dict[str, Any] = {"loc": "outside lower center"}
    place["ncols"] = math.ceil(len(entries) / num_rows)
    figure.legend([*entries.values()], [*entries], **place)


@styled
def save(figure: Figure, stem: str | os.PathLike[str]) -> None:
    """Writes `stem`.svg and `stem`.png, without dates or versions."""
    figure.savefig(f"{os.fspath(stem)}.svg", metadata={"Date": None, "Creator": None})
    figure.savefig(f"{os.fspath(stem)}.png", metadata={"Software": None})
