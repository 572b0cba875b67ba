"""Figures of the one-layer transformer: its capacity, and attention against MLP."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.transformer_capacity import summary
from recall.stats import points as rows_lib
from recall.theory import laws

Point = rows_lib.Point
Unit = Callable[[Point], float]  # by which facts of a point are divided

PUBLISHED_LINE = (2300, -0.5)  # MLP over attention, in weights of one matrix
PUBLISHED_LEAST = 1280
BITS = (1, 2)  # lines of constant bits a parameter


@plotting.styled
def capacity(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws facts over parameters (Figure 4, left), and facts for each parameter.

    Colours are attention H d_h / d, markers MLP m / d; hollow where a fraction of the
    facts was enough.

    Raises:
        ValueError: if there are no such rows.
    """
    points = [p for p in rows_lib.capacities(rows) if p.memory == "transformer"]
    if not points:
        raise ValueError("Expected capacity rows of transformers; got none.")
    figure, (left, right) = plotting.panels(2, sharey=False)
    x = np.geomspace(*plotting.ends([p.parameters for p in points], 1.4), 50)
    _draw(left, points, lambda p: 1)
    _draw(right, points, lambda p: p.parameters)
    plotting.log_axis(
        left.yaxis, *plotting.ends([n for p in points for n in _facts(p)] or [2], 1.4)
    )
    densities = [n / p.parameters for p in points for n in _facts(p)] or [1.0]
    low, high = plotting.ends(densities, 1.4)
    plotting.log_axis(right.yaxis, low, max(1.0, high))
    for axes in (left, right):
        plotting.log_axis(axes.xaxis, x[0], x[-1])
        axes.set_xlabel("parameters, $P = 4\\,H d_h d + 2\\,m d$")
    left.set(ylabel="facts stored, $S R$", title=_title(points))
    right.set(ylabel="facts for each parameter, $S R / P$")
    _lines(left, right, points, x)
    plotting.legend(figure)
    return figure


@plotting.styled
def training(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws loss and accuracy over training, a colour per seed and learning rate.

    Raises:
        ValueError: if there are no such rows.
    """
    traces = [row for row in rows if row["kind"] == "trace"]
    if not traces:
        raise ValueError("Expected rows of a training run; got none.")
    figure, (left, right) = plotting.panels(2, sharey=False)
    runs: dict[tuple, list[rows_lib.Row]] = {}
    for row in traces:
        if row["finite"] and row["loss"] is not None:
            runs.setdefault((row["seed"], row["learning_rate"]), []).append(row)
    for index, ((seed, rate), run) in enumerate(sorted(runs.items())):
        run = sorted(run, key=lambda row: row["steps"])
        look = {"color": plotting.look(index).colour, "label": f"seed {seed}, {rate:g}"}
        for axes, column in ((left, "loss"), (right, "accuracy")):
            axes.plot([r["steps"] for r in run], [r[column] for r in run], **look)
    first, reach = traces[0], max(row["steps"] for row in traces)
    relations = math.log(first["relations"] * first["answers"])
    for level, name in (
        (relations, "ln $R D$, nothing known"),
        (math.log(first["answers"]), "ln $D$, relation known"),
    ):
        plotting.theory_line(left, [0, reach], [level, level], plotting.GREY)
        left.text(reach, level * 1.01, name, ha="right", va="bottom")
    left.set(ylabel="cross-entropy, nats", ylim=(0, 1.12 * relations))
    right.set(ylabel="accuracy over all facts", ylim=(0, 1.02))
    for axes in (left, right):
        axes.set(xlabel="steps", xlim=(0, reach))
    plotting.legend(figure)
    return figure


@plotting.styled
def tradeoff(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws the best accuracy over attention and MLP (Figure 4, right)."""
    cells = summary.grid(rows)
    line = summary.line(cells)
    figure, (axes,) = plotting.panels(1, width=6.0, height=4.6)
    edges = [_edges(cells.mlp), _edges(cells.attention)]
    image = axes.pcolormesh(*edges, cells.accuracy, cmap="cividis", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(cells.accuracy):
        if np.isfinite(value):
            _write(axes, cells.mlp[column], cells.attention[row], value)
    attention = np.linspace(edges[1][0], edges[1][-1], 50)
    guide = PUBLISHED_LINE[0] + PUBLISHED_LINE[1] * attention
    if cells.facts == 1024:  # what the published line was drawn for
        paint = {"color": "#D55E00", "linewidth": 1.0, "linestyle": "--"}
        axes.plot(guide, attention, label="published line and minimum", **paint)
        axes.axhline(PUBLISHED_LEAST, **paint)
    if line.attention.size > 2:
        fitted = line.intercept + line.slope * attention
        name = f"{line.intercept:.0f} {line.slope:+.2f} attention"
        paint = {"color": "#CC79A7", "label": f"{line.level:.0%}: MLP = {name}"}
        axes.plot(fitted, attention, linewidth=1.4, **paint)
    axes.plot(line.mlp, line.attention, "o", color="#CC79A7", markersize=3)
    axes.set(
        xlim=(edges[0][0], edges[0][-1]),
        ylim=(edges[1][0], edges[1][-1]),
        xlabel="MLP, weights of one matrix, $d\\,m$",
        ylabel="attention, weights of one matrix, $d\\,d_h H$",
    )
    axes.grid(visible=False)
    _twice(axes)
    seeds = int(cells.seeds.max())
    of_seeds = f"median of {seeds} seeds" if seeds > 1 else "one seed"
    figure.colorbar(image, ax=axes, label=f"best accuracy, {of_seeds}")
    plotting.legend(figure)
    return figure


def _draw(axes: Axes, points: Sequence[Point], unit: Unit) -> None:
    """Draws a series for each attention and MLP ratio, and names their looks."""
    shapes: dict[tuple[float, float], list[Point]] = {}
    for p in points:
        ratio = _ratio((p.heads or 0) * (p.head_dim or 0), p.d)
        shapes.setdefault((ratio, _ratio(p.m, p.d)), []).append(p)
    ratios, widths = (sorted(set(side)) for side in zip(*shapes, strict=True))
    for (ratio, width), group in shapes.items():
        colour = plotting.look(ratios.index(ratio)).colour
        look = plotting.Look(colour, plotting.look(widths.index(width)).marker)
        _series(axes, group, unit, look)
    # A key for each colour and each marker: one for each pair would fill the page.
    for index, ratio in enumerate(ratios):
        colour, name = plotting.look(index).colour, f"$H d_h/d \\approx {ratio:g}$"
        axes.plot([], [], "s", color=colour, label=name)
    for index, width in enumerate(widths):
        marker, name = plotting.look(index).marker, f"$m/d \\approx {width:g}$"
        axes.plot(
            [], [], marker, color=plotting.GREY, markerfacecolor="white", label=name
        )


def _facts(point: Point) -> list[float]:
    """Lists the numbers that a panel has to reach: ends and the published guide."""
    guide = rows_lib.predicted(point).facts
    numbers = [point.median, point.low, point.high, guide]
    return [n for n in numbers if 1 < n < math.inf]  # from one fact on: a log axis


def _series(axes: Axes, group: Sequence[Point], unit: Unit, look: Any) -> None:
    """Draws the points of one shape: exact ones, lower bounds, and empty ones."""

    def places(some: Sequence[Point], column: str = "median") -> list[float]:
        return [getattr(p, column) / unit(p) for p in some]

    exact = [p for p in group if p.exact and p.median > 1]
    plotting.series(
        axes, [p.parameters for p in exact], places(exact),
        (places(exact, "low"), places(exact, "high")), look,
        filled=group[0].threshold == 1, joined=False, label="_nolegend_",
    )  # fmt: skip
    bounds = [p for p in group if not p.exact and p.median > 1]
    empty = [p for p in group if p.median <= 1]
    for mark, some in ((plotting.bounds, bounds), (plotting.nothing, empty)):
        if some:  # else the legend would explain a mark that no panel has
            mark(axes, [p.parameters for p in some], places(some), look)


def _lines(left: Axes, right: Axes, points: Sequence[Point], x: np.ndarray) -> None:
    """Draws the published guide, and lines of constant bits a parameter."""
    answers, *others = {p.num_outputs for p in points}
    names = []
    law = laws.trained_law("transformer", answers, 0.99)
    if law is not None and not others:  # of several D there is no one line
        facts = laws.law_facts(law, x)
        names.append((facts, f"guide, {1 / law.constant:.2f} $P$", "black"))
    if answers is not None and not others:
        each = float(laws.bits(1.0, answers))  # bits that one fact takes
        for bits in BITS:
            name = f"{bits} bit{'s' * (bits > 1)} a parameter"
            names.append((bits * x / each, name, plotting.GREY))
    for facts, _, colour in names:
        plotting.theory_line(left, x, facts, colour)
        plotting.theory_line(right, x, facts / x, colour)
    plotting.edge_labels(right, [(f[-1] / x[-1], name, c) for f, name, c in names])


def _ratio(part: int | None, whole: int) -> float:
    """Rounds a ratio to a power of two: floors of d_h and m move it off one."""
    return 2.0 ** round(math.log2(part / whole)) if part else 0.0


def _title(points: Sequence[Point]) -> str:
    thresholds = sorted({100 * p.threshold for p in points})
    worlds = sorted({str(p.world) for p in points})
    percents = ", ".join(f"{t:g} %" for t in thresholds)
    return f"{percents} of facts, {', '.join(worlds)}"


def _edges(centres: np.ndarray) -> np.ndarray:
    """Returns the borders of cells, halfway between their centres."""
    if len(centres) == 1:  # a lone cell has no neighbour to end at
        return centres[0] + np.array([-0.5, 0.5]) * max(centres[0], 1)
    middle = (centres[1:] + centres[:-1]) / 2
    ends = 2 * centres[[0, -1]] - middle[[0, -1]]
    return np.concatenate([ends[:1], middle, ends[1:]])


def _write(axes: Axes, x: Any, y: Any, value: float) -> None:
    # Rounded down: only all facts are 1.
    text = "1" if value == 1 else f"{math.floor(100 * value) / 100:.2f}".lstrip("0")
    colour = "black" if value > 0.6 else "white"
    axes.text(x, y, text, ha="center", va="center", fontsize=4.5, color=colour)


def _twice(axes: Axes) -> None:
    """Counts all weights on the opposite sides: 2 d m, and 4 d d_h H."""
    twice, half = (lambda x: 2 * x), (lambda x: x / 2)
    top = axes.secondary_xaxis("top", functions=(twice, half))
    top.set_xlabel("all MLP weights, $2\\,d\\,m$")
    sides = (lambda x: 4 * x), (lambda x: x / 4)
    right = axes.secondary_yaxis("right", functions=sides)
    right.set_ylabel("all attention weights, $4\\,d\\,d_h H$")


FIGURES = {
    "recall_capacity": capacity,
    "recall_train": training,
    "tradeoff": tradeoff,
}
