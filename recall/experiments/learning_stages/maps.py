"""Figures of stage times over worlds, weights and optimizers."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.learning_stages import summary

Setting = summary.Setting
BAND = 0.15  # around a prediction
LABELS = {"init_scale": "scale of first weights", "noise": "noise tokens"}


@plotting.styled
def ratios(rows: Iterable[summary.Row]) -> Figure:
    """The stage over S / R, over initial scales and noise; times against theory."""
    found = summary.settings(rows)
    usual = {name: _most_common(found, name) for name in LABELS}
    figure = Figure(figsize=(9.4, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    (left, right), (scales, noises) = figure.subplots(2, 2)
    grid = [s for s in found if all(s.row[n] == usual[n] for n in LABELS)]
    _over_ratio(left, grid)
    _against_theory(right, found)
    for axes, name in ((scales, "init_scale"), (noises, "noise")):
        moved = [s.row for s in found if s.row[name] != usual[name]]
        worlds = {_world(row) for row in moved}
        own = [s for s in grid if _world(s.row) in worlds]
        own += [s for s in found if s.row[name] != usual[name]]
        _over_axis(axes, name, sorted(own, key=lambda s: s.row[name]))
    plotting.legend(figure)
    return figure


def _over_ratio(axes: Axes, grid: Sequence[Setting]) -> None:
    """Part of the time to the facts in the plateau; colours R, markers D."""
    sizes = [sorted({s.row[name] for s in grid}) for name in ("relations", "answers")]
    for (R, D), own in _by(grid, "relations", "answers").items():
        own = sorted(own, key=lambda s: s.row["subjects"])
        index = sizes[0].index(R), sizes[1].index(D)
        look = plotting.Look(
            plotting.look(index[0]).colour, plotting.look(index[1]).marker
        )
        x = [s.row["subjects"] / R for s in own]
        y, low, high = zip(*(s.share for s in own), strict=True)
        name = f"R = {R}, D = {D}"
        plotting.series(
            axes, x, y, (low, high), look, filled=True, joined=False, label=name
        )
        line = [s.predicted_share for s in own]
        plotting.theory_line(axes, x, line, look.colour)
    ends = [s.row["subjects"] / s.row["relations"] for s in grid]
    plotting.log_axis(axes.xaxis, min(ends) / 1.3, max(ends) * 1.3)
    axes.set(
        xlabel="S / R",
        ylabel="part of training spent predicting p(a | r)",
        title="plateau, within .1 nats of ln D; dashed: theory",
        ylim=(-0.04, 1),
    )


def _against_theory(axes: Axes, found: Sequence[Setting]) -> None:
    """Measured over predicted stage times, exact ones and those of small weights."""
    kinds = {
        "relation": ("relation", "predicted_relation", "escape_relation"),
        "facts": ("facts", "predicted_facts", "escape_facts"),
    }
    for index, (name, (measured, exact, early)) in enumerate(kinds.items()):
        times = np.array([getattr(s, measured).median for s in found])
        pace = np.array([s.row["learning_rate"] for s in found])
        predicted = np.array([summary.number(s.row[exact]) for s in found])
        escape = np.array([summary.number(s.row[early]) for s in found])
        colour, marker = plotting.look(1 - index)
        paint = {"color": colour, "linestyle": "none", "markersize": 3.5}
        axes.plot(times * pace, times / predicted, marker, label=name, **paint)
        hollow = {"markerfacecolor": "white", "label": f"{name}, ln(2/α)/rate only"}
        axes.plot(times * pace, times / escape, marker, zorder=1.5, **hollow, **paint)
    axes.axhspan(1 - BAND, 1 + BAND, color="#EFEFEF", zorder=0)
    axes.axhline(1.0, color=plotting.GREY, linewidth=0.9, linestyle="--")
    axes.set(
        xscale="log",
        xlabel="measured time, learning rate × steps",
        ylabel="measured / predicted",
        title=f"{len(found)} settings against theory; grey: 15 %",
    )


def _over_axis(axes: Axes, name: str, own: Sequence[Setting]) -> None:
    """Stage times of one world as one number changes."""
    x = [s.row[name] for s in own]
    for index, (what, exact) in enumerate(
        (("relation", "predicted_relation"), ("facts", "predicted_facts"))
    ):
        look = plotting.look(1 - index)
        pace = np.array([s.row["learning_rate"] for s in own])
        spread = np.array([getattr(s, what) for s in own]).reshape(-1, 3).T * pace
        plotting.series(
            axes, x, spread[0], (spread[1], spread[2]), look, filled=True, joined=False,
            label=what,
        )  # fmt: skip
        line = np.array([summary.number(s.row[exact]) for s in own]) * pace
        plotting.theory_line(axes, x, line, look.colour)
    if x:
        plotting.log_axis(axes.xaxis, min(x) / 1.5, max(x) * 1.5)
        S, R, D = _world(own[0].row)
        axes.set_title(f"S = {S}, R = {R}, D = {D}; dashed: theory")
    axes.set(xlabel=LABELS[name], ylabel="time, learning rate × steps")
    axes.set_ylim(bottom=0)


@plotting.styled
def optimizers(rows: Iterable[summary.Row]) -> Figure:
    """From the relation to the facts under each optimizer, attention and embedding."""
    found = summary.settings(rows)
    found = sorted(found, key=lambda s: -s.relation.median / s.facts.median)[::-1]
    figure = Figure(figsize=(8.6, 0.36 * len(found) + 1.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for y, setting in enumerate(found):
        _bar(axes, y, setting)
    axes.set_yticks(range(len(found)), [label(s.row) for s in found])
    axes.set(
        xscale="log",
        xlabel="steps; thick: loss within .1 of H(a | r); bars: flows; crosses: "
        "reduced training",
        ylim=(-0.7, len(found) - 0.3),
    )
    plotting.legend(figure)
    return figure


def _bar(axes: Axes, y: int, setting: Setting) -> None:
    """A line from one stage time to the other, thick in the plateau."""
    for index, what in enumerate(("relation", "facts")):
        spread = getattr(setting, what)
        look = plotting.look(1 - index)
        name = f"{what} learned" if y == 0 else "_nolegend_"
        axes.plot(spread.median, y, look.marker, color=look.colour, label=name)
        axes.plot([spread.low, spread.high], [y, y], color=look.colour, linewidth=0.9)
        predicted = getattr(setting, f"predicted_{what}")
        axes.plot(predicted, y, "|", color="black", markersize=13, zorder=4)
        steps = getattr(setting, f"reduced_{what}")
        axes.plot(steps, y, "x", color="black", markersize=5, zorder=5)
    ends = setting.relation.median, setting.facts.median
    axes.plot(ends, [y, y], color=plotting.GREY, linewidth=0.9, zorder=1)
    plateau = [number(setting.row[f"plateau_{end}_step"]) for end in ("start", "end")]
    paint = {"color": plotting.PALETTE[3], "linewidth": 6, "solid_capstyle": "butt"}
    axes.plot(plateau, [y, y], zorder=1.5, **paint)


number = summary.number


def label(row: summary.Row) -> str:
    """A case in words."""
    model = "transformer" if row["model"] == "transformer" else row["attention"]
    scale = f", weights x {row['init_scale']:g}" if row["init"] == "usual" else ""
    where = row["embedding"].replace("onehot", "one-hot")
    return f"{model}, {where}{scale}: {row['optimizer']} {row['learning_rate']:g}"


def _world(row: summary.Row) -> tuple[int, int, int]:
    return row["subjects"], row["relations"], row["answers"]


def _by(found: Iterable[Setting], *names: str) -> dict[tuple, list[Setting]]:
    groups: dict[tuple, list[Setting]] = {}
    for s in found:
        groups.setdefault(tuple(s.row[name] for name in names), []).append(s)
    return dict(sorted(groups.items()))


def _most_common(found: Sequence[Setting], name: str):
    values = [s.row[name] for s in found]
    return max(dict.fromkeys(values), key=values.count)
