"""Capacity against the geometry of embeddings, and of those of a language model."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.embedding_geometry import summary
from recall.stats import points as rows_lib

PLAIN = "outer product"
FAR = 1.7  # factor from the prediction beyond which a point is named


@plotting.styled
def geometry(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws the outer product against its prediction, and memories by coherence.

    Raises:
        ValueError: if no memory was measured beside its embeddings.
    """
    groups = summary.by_memory(summary.entries(rows))
    if not groups:
        raise ValueError("Expected rows of capacities and coherence; got none.")
    figure, (left, right) = plotting.panels(
        2, width=5.4, height=4.2, sharex=False, sharey=False
    )
    plain = [e for name, some in groups.items() if name.startswith(PLAIN) for e in some]
    _predicted(left, plain)
    for index, (name, group) in enumerate(groups.items()):
        _relative(right, name, group, plotting.look(index))
    _relative_axes(right, [e for group in groups.values() for e in group])
    plotting.legend(figure)
    return figure


@plotting.styled
def real(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws facts of each memory on each kind of embeddings, a panel for each width.

    Raises:
        ValueError: if there are no such rows.
    """
    points = rows_lib.capacities(rows)
    if not points:
        raise ValueError("Expected rows of capacities; got none.")
    widths = sorted({point.d for point in points})
    figure, panels = plotting.panels(
        len(widths), width=5.2, height=3.6, sharex=False, sharey=False
    )
    for axes, d in zip(panels, widths, strict=True):
        _bars(axes, [point for point in points if point.d == d])
        axes.set_title(f"$d = {d}$: medians and ranges over seeds")
    plotting.legend(figure)
    return figure


def _ends(points: Sequence[rows_lib.Point]) -> tuple[list[int], list[int]]:
    return [min(p.values) for p in points], [max(p.values) for p in points]


def _predicted(axes: Axes, plain: Sequence[summary.Entry]) -> None:
    """Draws facts against second moments: on the diagonal if they predict all."""
    points = [e.point for e in plain]
    x, y = [e.predicted for e in plain], [p.median for p in points]
    dots = {"filled": True, "joined": False, "label": "_"}
    plotting.series(axes, x, y, _ends(points), plotting.look(0), **dots)
    top = 1.5 * max([*x, *y, 10.0])
    plotting.log_axis(axes.xaxis, 0.7, top)
    plotting.log_axis(axes.yaxis, 0.7, top)
    plotting.theory_line(axes, [0.7, top], [0.7, top], plotting.GREY)
    for entry, at, stored in zip(plain, x, y, strict=True):
        if not 1 / FAR < stored / at < FAR:
            plotting.line_label(axes, at, stored, entry.point.embedding, plotting.GREY)
    axes.set(xlabel="facts predicted from moments", ylabel="facts stored")
    axes.set_title(f"{PLAIN}: {len(plain)} geometries, nothing fitted")


def _relative(
    axes: Axes, name: str, group: Sequence[summary.Entry], look: plotting.Look
) -> None:
    """Draws facts of a memory over those of random embeddings, and the fitted law."""
    x, y = np.array([(e.overlap, e.relative) for e in group]).T
    axes.scatter(x, y, s=18, color=look.colour, marker=look.marker, label=name)
    if len(group) >= summary.LEAST:
        fit = summary.law(group)
        random = y[0] and group[0].point.median / y[0]  # facts of random embeddings
        line = fit.constant / random * np.array([x.min(), x.max()]) ** fit.overlap
        plotting.theory_line(axes, [x.min(), x.max()], line, look.colour)


def _relative_axes(axes: Axes, entries: Sequence[summary.Entry]) -> None:
    x, y = np.array([(e.overlap, e.relative) for e in entries]).T
    plotting.log_axis(axes.xaxis, x.min() / 1.2, x.max() * 1.2)
    plotting.log_axis(axes.yaxis, max(y.min(), 1e-3) / 1.5, y.max() * 1.5)
    axes.set(
        xlabel="rms overlap of inputs x of outputs x $d$ (random: 1)",
        ylabel="facts over those of random embeddings",
    )
    axes.set_title("dashed: fitted law at equal norms and no mean")


def _bars(axes: Axes, points: Sequence[rows_lib.Point]) -> None:
    memories = dict.fromkeys(point.memory for point in points)
    kinds = list(dict.fromkeys(point.embedding for point in points))
    kinds.sort(key=lambda kind: (kind != summary.RANDOM, len(kind)))
    for index, memory in enumerate(memories):
        group = [point for point in points if point.memory == memory]
        x = [kinds.index(p.embedding) + 0.12 * (index - 1) for p in group]
        dots = {"filled": True, "joined": False, "label": memory.replace("_", " ")}
        y = [p.median for p in group]
        plotting.series(axes, x, y, _ends(group), plotting.look(index), **dots)
    plotting.log_axis(axes.yaxis, 0.8, 1.6 * max(max(p.values) for p in points))
    axes.set_xticks(range(len(kinds)), [kind.replace(":", ":\n") for kind in kinds])
    axes.set_ylabel("facts stored at 99 %")


FIGURES = {
    "embedding_geometry": geometry,
    "real_embeddings": real,
}
