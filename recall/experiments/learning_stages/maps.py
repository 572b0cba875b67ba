"""Figures of stage times over worlds, weights and optimizers."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.learning_stages import summary

Setting = summary.Setting
number = summary.number
BAND = 0.15  # around a prediction: wider than any deviation, to judge them by eye
LABELS = {"init_scale": "scale of first weights", "noise": "noise tokens"}


@plotting.styled
def ratios(rows: Iterable[summary.Row]) -> Figure:
    """Draws the stage over S / R, initial scales, noise; and times against theory."""
    settings = summary.settings(rows)
    usual = {}
    for name in LABELS:
        values = [s.row[name] for s in settings]
        usual[name] = max(dict.fromkeys(values), key=values.count)
    figure = Figure(figsize=(9.4, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    (left, right), (scales, noises) = figure.subplots(2, 2)
    grid = [s for s in settings if all(s.row[n] == usual[n] for n in LABELS)]
    _over_ratio(left, grid)
    _against_theory(right, settings)
    for axes, name in ((scales, "init_scale"), (noises, "noise")):
        moved = [s for s in settings if s.row[name] != usual[name]]
        worlds = {_world(s.row) for s in moved}
        along = [s for s in grid if _world(s.row) in worlds] + moved
        _over_axis(axes, name, sorted(along, key=lambda s: s.row[name]))
    plotting.legend(figure)
    return figure


def _over_ratio(axes: Axes, grid: Sequence[Setting]) -> None:
    """Draws the plateau's fraction of the time to the facts; colours R, markers D."""
    relations, answers = (
        sorted({s.row[name] for s in grid}) for name in ("relations", "answers")
    )
    for R, D in sorted({(s.row["relations"], s.row["answers"]) for s in grid}):
        group = [s for s in grid if (s.row["relations"], s.row["answers"]) == (R, D)]
        group.sort(key=lambda s: s.row["subjects"])
        look = plotting.Look(
            plotting.look(relations.index(R)).colour,
            plotting.look(answers.index(D)).marker,
        )
        x = [s.row["subjects"] / R for s in group]
        y, low, high = zip(*(s.share for s in group), strict=True)
        name = f"R = {R}, D = {D}"
        plotting.series(
            axes, x, y, (low, high), look, filled=True, joined=False, label=name
        )
        line = [s.predicted_share for s in group]
        plotting.theory_line(axes, x, line, look.colour)
    ends = [s.row["subjects"] / s.row["relations"] for s in grid]
    plotting.log_axis(axes.xaxis, min(ends) / 1.3, max(ends) * 1.3)
    axes.set(
        xlabel="S / R",
        ylabel="part of training spent predicting p(a | r)",
        title="plateau, within .1 nats of ln D; dashed: theory",
        ylim=(-0.04, 1),
    )


def _against_theory(axes: Axes, settings: Sequence[Setting]) -> None:
    """Draws measured over predicted stage times, exact ones and escapes alone."""
    pace = np.array([s.row["learning_rate"] for s in settings])
    for index, name in enumerate(("relation", "facts")):
        times = np.array([getattr(s, name).median for s in settings])
        predicted, escape = (
            np.array([number(s.row[f"{theory}_{name}"]) for s in settings])
            for theory in ("predicted", "escape")
        )
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
        title=f"{len(settings)} settings against theory; grey: 15 %",
    )


def _over_axis(axes: Axes, name: str, along: Sequence[Setting]) -> None:
    """Draws the stage times of one world as one number changes."""
    x = [s.row[name] for s in along]
    # Rates differ from point to point, so that budgets are alike: see `ratio`.
    pace = np.array([s.row["learning_rate"] for s in along])
    for index, stage in enumerate(("relation", "facts")):
        look = plotting.look(1 - index)
        spread = np.array([getattr(s, stage) for s in along]).reshape(-1, 3).T * pace
        plotting.series(
            axes, x, spread[0], (spread[1], spread[2]), look, filled=True, joined=False,
            label=stage,
        )  # fmt: skip
        line = np.array([number(s.row[f"predicted_{stage}"]) for s in along]) * pace
        plotting.theory_line(axes, x, line, look.colour)
    if x:  # a config may name no other scales, or no other noise
        plotting.log_axis(axes.xaxis, min(x) / 1.5, max(x) * 1.5)
        S, R, D = _world(along[0].row)
        axes.set_title(f"S = {S}, R = {R}, D = {D}; dashed: theory")
    axes.set(xlabel=LABELS[name], ylabel="time, learning rate × steps")
    axes.set_ylim(bottom=0)


@plotting.styled
def optimizers(rows: Iterable[summary.Row]) -> Figure:
    """Draws the time from the relation to the facts under each optimizer and model."""
    cases = summary.settings(rows)
    cases = sorted(cases, key=lambda s: -s.relation.median / s.facts.median)[::-1]
    figure = Figure(figsize=(8.6, 0.36 * len(cases) + 1.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for y, setting in enumerate(cases):
        _bar(axes, y, setting)
    axes.set_yticks(range(len(cases)), [_label(s.row) for s in cases])
    axes.set(
        xscale="log",
        xlabel="steps; thick: loss within .1 of H(a | r); bars: flows; crosses: "
        "reduced training",
        ylim=(-0.7, len(cases) - 0.3),
    )
    plotting.legend(figure)
    return figure


def _bar(axes: Axes, y: int, setting: Setting) -> None:
    """Draws a line from one stage time to the other, thick in the plateau."""
    for index, stage in enumerate(("relation", "facts")):
        spread = getattr(setting, stage)
        look = plotting.look(1 - index)
        name = f"{stage} learned" if y == 0 else "_nolegend_"
        axes.plot(spread.median, y, look.marker, color=look.colour, label=name)
        axes.plot([spread.low, spread.high], [y, y], color=look.colour, linewidth=0.9)
        predicted = getattr(setting, f"predicted_{stage}")
        axes.plot(predicted, y, "|", color="black", markersize=13, zorder=4)
        steps = getattr(setting, f"reduced_{stage}")
        axes.plot(steps, y, "x", color="black", markersize=5, zorder=5)
    ends = setting.relation.median, setting.facts.median
    axes.plot(ends, [y, y], color=plotting.GREY, linewidth=0.9, zorder=1)
    plateau = [number(setting.row[f"plateau_{end}_step"]) for end in ("start", "end")]
    paint = {"color": plotting.PALETTE[3], "linewidth": 6, "solid_capstyle": "butt"}
    axes.plot(plateau, [y, y], zorder=1.5, **paint)


def _label(row: summary.Row) -> str:
    # A transformer has softmax attention, always.
    model = "transformer" if row["model"] == "transformer" else row["attention"]
    scale = f", weights x {row['init_scale']:g}" if row["init"] == "usual" else ""
    where = row["embedding"].replace("onehot", "one-hot")
    return f"{model}, {where}{scale}: {row['optimizer']} {row['learning_rate']:g}"


def _world(row: summary.Row) -> tuple[int, int, int]:
    return row["subjects"], row["relations"], row["answers"]
