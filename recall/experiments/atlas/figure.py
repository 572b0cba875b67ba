"""The atlas: every memory's facts against its parameters, and a ladder of bits."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.atlas import summary
from recall.stats import points
from recall.theory import bounds

COLOURS: dict[str, str] = dict(zip(summary.METHODS, plotting.PALETTE, strict=False))
LINES = (0.1, 1.0)  # facts for each parameter


@plotting.styled
def draw(rows: Iterable[points.Row]) -> Figure:
    """Draws facts against parameters, and a ladder of bits for each parameter.

    Raises:
        ValueError: if there are no such rows.
    """
    entries = summary.entries(rows)
    if not entries:
        raise ValueError("Expected rows of finished searches; got none.")
    ladder = summary.best(entries)
    height = max(4.2, 0.24 * (len(ladder) + len(bounds.LADDER)))
    figure, (left, right) = plotting.panels(
        2, width=6.2, height=height, sharex=False, sharey=False
    )
    for index, entry in enumerate(ladder):
        sizes = [e for e in entries if (e.name, e.method) == (entry.name, entry.method)]
        _facts(left, sizes, index)
    _facts_axes(left, entries)
    _ladder(right, ladder)
    for method in summary.METHODS:
        right.plot([], [], "o", color=COLOURS[method], label=method)
    plotting.legend(figure)
    return figure


def _facts(axes: Axes, sizes: Sequence[summary.Entry], index: int) -> None:
    """Draws the line of a memory, with its number in the ladder at the last point."""
    colour, last = COLOURS[sizes[0].method], sizes[-1]
    plotting.line_label(axes, last.parameters, last.facts, str(index + 1), colour)
    plotting.series(
        axes,
        [e.parameters for e in sizes],
        [e.facts for e in sizes],
        ([e.facts_low for e in sizes], [e.facts_high for e in sizes]),
        plotting.Look(colour, plotting.MARKERS[index % len(plotting.MARKERS)]),
        filled=True,
        joined=len(sizes) > 1,
        label="_",
    )


def _facts_axes(axes: Axes, entries: Sequence[summary.Entry]) -> None:
    x, y = [e.parameters for e in entries], [e.facts for e in entries]
    plotting.log_axis(axes.xaxis, min(x) / 1.5, max(x) * 1.5)
    plotting.log_axis(axes.yaxis, min(y) / 1.5, max(y) * 1.5)
    ends = np.array(axes.get_xlim())
    labels = []
    for density in LINES:
        plotting.theory_line(axes, ends, density * ends, plotting.GREY)
        labels.append((density * ends[1], f"{density:g} a weight", plotting.GREY))
    plotting.edge_labels(axes, labels)
    axes.set(xlabel="parameters, all of them", ylabel="facts stored")
    axes.set_title("Facts (medians, ranges over seeds; numbers: see the ladder)")


def _ladder(axes: Axes, ladder: Sequence[summary.Entry]) -> None:
    """Draws a line for each memory and each law, the highest on top."""
    lines = [(e.bits, f"{e.name}  {i + 1}", e) for i, e in enumerate(ladder)]
    laws = [(r.bits, f"{r.name} ({r.status})", None) for r in bounds.LADDER]
    ordered = sorted([*lines, *laws], key=lambda line: line[0])
    for place, (bits, _, entry) in enumerate(ordered):
        if entry is None:
            axes.plot([bits], [place], "|", color="black", markersize=9)
        else:
            colour = COLOURS[entry.method]
            axes.plot([entry.bits_low, entry.bits_high], [place] * 2, color=colour)
            axes.plot([bits], [place], "o", color=colour)
    axes.set_yticks(range(len(ordered)), [name for _, name, _ in ordered])
    lowest = min(e.bits_low for e in ladder)
    plotting.log_axis(axes.xaxis, lowest / 1.3, 5.0)
    axes.set_xlabel("bits for each parameter, each memory at its best size")
    axes.set_title("The ladder (dots: measured, bars: laws and guides)")
