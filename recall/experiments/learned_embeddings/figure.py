"""Figures of learned embeddings: widths, parameters, survival, geometry."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.learned_embeddings import summary
from recall.stats import points as rows_lib

NAMES = {
    "frozen": "embeddings frozen",
    "inputs": "inputs learned",
    "outputs": "outputs learned",
    "both": "both learned",
}
PARTS = ("inputs", "weights", "outputs")


@plotting.styled
def draw(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws widths and facts a number above, survival and overlaps below.

    Raises:
        ValueError: if there are no such rows.
    """
    kept = list(rows)
    widths, survival = summary.widths(kept), summary.survival(kept)
    if not widths and not survival:
        raise ValueError("Expected rows of widths or of changed parts; got none.")
    size = {"width": 3.6, "height": 3.1}
    figure, panels = plotting.panels(6, **size, sharex=False, sharey=False)
    _width(panels[0], [w for w in widths if w.kind[2] is None], "an output a fact")
    _width(panels[1], [w for w in widths if w.kind[2]], "shared outputs")
    _facts(panels[2], [w for w in widths if w.kind[2]])
    shared = max((key[2] or 0 for key in survival), default=0)
    here = {k: v for k, v in survival.items() if (k[2] or 0) == shared}
    _bars(panels[3], here, "reset", "one part put back to its first values")
    _bars(panels[4], here, "retrain others", "one part redrawn, the others retrained")
    traces = summary.geometry(kept)
    _overlaps(panels[5], {k: v for k, v in traces.items() if (k[2] or 0) == shared})
    plotting.legend(figure)
    return figure


def _width(axes: Axes, widths: Sequence[summary.Widths], outputs: str) -> None:
    for some in widths:
        _series(axes, some, some.d, (some.low, some.high))
    if widths:
        n = np.concatenate([w.facts for w in widths])
        d = np.concatenate([w.d[np.isfinite(w.d)] for w in widths])
        x = np.geomspace(n.min(), n.max(), 40)
        plotting.theory_line(axes, x, np.log2(x), plotting.GREY)
        plotting.log_axis(axes.xaxis, n.min() / 1.3, n.max() * 1.3)
        top = max([*d, np.log2(n.max())])
        plotting.log_axis(axes.yaxis, min([*d, 2]) / 1.4, top * 1.4)
        plotting.edge_labels(axes, [(float(np.log2(x[-1])), "log2 N", plotting.GREY)])
    axes.set(xlabel="facts N", ylabel="smallest d that stores all", title=outputs)


def _facts(axes: Axes, widths: Sequence[summary.Widths]) -> None:
    """Plots facts for each trained number, embeddings among them."""
    for some in widths:
        _series(axes, some, some.per_parameter, (some.per_parameter,) * 2)
    if widths:
        n = np.concatenate([w.facts for w in widths])
        plotting.log_axis(axes.xaxis, n.min() / 1.3, n.max() * 1.3)
        axes.set_ylim(0, None)
    ylabel = "facts a trained number"
    axes.set(xlabel="facts N", ylabel=ylabel, title="shared outputs, at d")


def _series(axes: Axes, some: summary.Widths, y: np.ndarray, ends: tuple) -> None:
    memory, mode, _ = some.kind
    name = f"{memory if memory == 'linear' else 'MLP'}, {NAMES[mode]}"
    look = plotting.look(list(NAMES).index(mode))
    known = np.isfinite(y)  # inf: a seed stored at no width
    ends = tuple(end[known] for end in ends)
    style: dict[str, Any] = {
        "filled": memory == "linear",
        "joined": True,
        "label": name,
    }
    plotting.series(axes, some.facts[known], y[known], ends, look, **style)


def _bars(axes: Axes, survival: Mapping[tuple, float], change: str, title: str) -> None:
    """Draws a group of bars for each mode, a bar for each part; MLPs wide, in light."""
    heights = {(m, o, p): v for (m, o, _, p, c), v in survival.items() if c == change}
    below: Any = {"ha": "center", "va": "top", "xycoords": ("data", "axes fraction")}
    for (index, mode), (place, part) in itertools.product(
        enumerate(NAMES), enumerate(PARTS)
    ):
        at = index + 0.28 * (place - 1)
        for memory, shade, width in (("mlp", 0.35, 0.26), ("linear", 1.0, 0.13)):
            if (memory, mode, part) not in heights:
                continue
            colour = plotting.PALETTE[4 + (place > 0) - 3 * (place > 1)]
            height = heights[memory, mode, part]
            axes.bar(at, height, width, color=colour, alpha=shade)
            if index == 0 and memory == "linear":  # once is enough
                axes.annotate(part[:1].upper(), (at, -0.01), fontsize=6, **below)
    axes.set_xticks(range(len(NAMES)), list(NAMES))
    axes.tick_params(axis="x", pad=9)
    axes.set(
        ylim=(0, 1.02),
        ylabel="facts recalled (narrow: linear, wide: MLP)",
        xlabel="learned; bars: inputs (I), weights (W), outputs (O)",
        title=title,
    )


def _overlaps(axes: Axes, traces: Mapping[tuple, Sequence[tuple[int, float]]]) -> None:
    """Plots the root mean square overlap of both tables, relative to the first."""
    for (memory, mode, _, column), points in traces.items():
        side = column.split("_")[0]
        moves = mode in (side, "both")
        if memory == "linear" and column == f"{side}_rms_overlap" and moves:
            steps, values = np.array(points).T
            x = np.maximum(steps, steps[1] / 2)  # a logarithmic axis has no step 0
            colour = plotting.look(list(NAMES).index(mode)).colour
            line = "-" if side == "inputs" else ":"
            axes.plot(x, values / values[0], line, color=colour, linewidth=1.2)
    axes.axhline(1.0, color=plotting.GREY, linestyle="--", linewidth=0.9)
    if axes.lines[:-1]:
        axes.set_xscale("log")
    axes.set(
        xlabel="steps (the first: before training)",
        ylabel="rms overlap / that of random points",
        title="linear: inputs (line), outputs (dots)",
    )
