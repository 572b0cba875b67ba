"""Figures of how facts are learned: the stages of one run, as curves and pictures."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.learning_stages import summary

PICTURES = 6
STAGES = (
    "relations are learned",
    "p(answer | relation) is predicted",
    "facts are learned",
)
TINTS = ("#DCE9F5", "#FBE6D4", "#DDF0E8")

number = summary.number


@plotting.styled
def sequential(rows: Iterable[summary.Row]) -> Figure:
    """Draws losses with stages shaded (Figure 5), distance to p(a | r), attention.

    Those of the first seed; the losses of the others are thin lines beneath.

    Raises:
        ValueError: if there are no such rows.
    """
    rows = list(rows)
    ends = sorted((r for r in rows if r["kind"] == "run"), key=lambda r: r["seed"])
    if not ends:
        raise ValueError("Expected rows of runs whose stages were watched; got none.")
    traces = [trace for end in ends if (trace := _trace(rows, end))]
    figure = Figure(figsize=(9.0, 9.0), layout="constrained")
    FigureCanvasAgg(figure)
    pictures = _chosen(rows, ends[0])
    ratios = [2.2, 1.0, 1.0, 0.15, 1.5] if pictures else [2.2, 1.0, 1.0]
    # One flat grid: nested ones under constrained layout gave other bytes each time.
    grid = figure.add_gridspec(len(ratios), max(len(pictures), 1), height_ratios=ratios)
    curves = [figure.add_subplot(grid[i, :]) for i in range(3)]
    _losses(curves[0], traces, ends[0])
    _distances(curves[1], traces)
    _attention(curves[2], traces[0])
    for axes in curves:
        _shade(axes, ends[0])
        axes.set_xlim(0, traces[0][-1]["steps"])
    curves[2].set_xlabel("steps")
    for axes in curves[:2]:
        axes.tick_params(labelbottom=False)
    if pictures:
        strip = [
            [figure.add_subplot(grid[row, i]) for i in range(len(pictures))]
            for row in (3, 4)
        ]
        _strip(figure, strip, pictures, ends[0])
    plotting.legend(figure)
    return figure


def _trace(rows: Sequence[summary.Row], end: summary.Row) -> list:
    """Returns the checks of one run, in order."""
    run = [r for r in rows if r["kind"] == "trace" and r["search"] == end["search"]]
    return sorted(run, key=lambda row: row["steps"])


def _line(axes: Axes, trace: Sequence, column: str, **paint) -> None:
    steps = [row["steps"] for row in trace]
    axes.plot(steps, [number(row[column]) for row in trace], **paint)


def _losses(axes: Axes, traces: Sequence[list], end: summary.Row) -> None:
    names = {
        "loss": "total",
        "relation_loss": "relation only",
        "subject_loss": "subject only",
    }
    for index, (column, name) in enumerate(names.items()):
        paint = {"color": plotting.look(index).colour, "zorder": 4 - index}
        for trace in traces[1:]:
            _line(axes, trace, column, linewidth=0.4, alpha=0.6, **paint)
        look = {"linestyle": "--"} if column == "subject_loss" else {}
        _line(axes, traces[0], column, label=name, linewidth=1.5, **look, **paint)
    D, answers = end["answers"], end["answers"] * end["relations"]
    reach = traces[0][-1]["steps"]
    for level, name in (
        (np.log(answers), f"ln {answers}: nothing known"),
        (end["entropy"], f"H(a | r){f' = ln {D}' if end['structured'] else ''}"),
    ):
        plotting.theory_line(axes, [0, reach], [level, level], plotting.GREY)
        axes.text(
            reach, level + 0.04, name, ha="right", va="bottom", color=plotting.GREY
        )
    for column in ("predicted_relation", "predicted_facts"):
        if end[column] is not None:
            name = "theory" if column == "predicted_facts" else "_nolegend_"
            axes.axvline(end[column], color="black", linewidth=1, ls=":", label=name)
    axes.set(ylabel="cross-entropy, nats", ylim=(0, 1.12 * np.log(answers)))
    axes.set_title(
        f"S = {end['subjects']}, R = {end['relations']}, D = {D}, T = {end['length']}, "
        f"{end['noise']} noise tokens; weights of {end['init_scale']:g}, "
        f"{end['optimizer']} at {end['learning_rate']:g}"
    )


def _distances(axes: Axes, traces: Sequence[list]) -> None:
    for index, trace in enumerate(traces):
        width = 1.5 if index == 0 else 0.4
        _line(axes, trace, "distance", color=plotting.PALETTE[4], linewidth=width)
    # A guide for the eye; the claim asks for less than .02.
    axes.axhline(0.01, color=plotting.GREY, linewidth=0.9, linestyle="--")
    axes.set(yscale="log", ylabel="distance to p(a | r)")


def _attention(axes: Axes, trace: Sequence) -> None:
    # Colours of the losses that each of them lowers; noise lowers none.
    for kind, index in (("subject", 2), ("relation", 1), ("noise", 6)):
        paint = {"color": plotting.look(index).colour, "label": f"attention to {kind}"}
        _line(axes, trace, f"to_{kind}", linewidth=1.5, **paint)
    axes.set_ylabel("attention")


def _shade(axes: Axes, end: summary.Row) -> None:
    """Tints each stage, and names it in the panel of losses."""
    start, stop = end["plateau_start_step"], end["plateau_end_step"]
    if start is None or start == stop:  # one check is no stage that one could see
        return
    spans = [(0, start), (start, stop), (stop, end["steps"])]
    for (low, high), tint, name in zip(spans, TINTS, STAGES, strict=True):
        axes.axvspan(low, high, color=tint, zorder=0, linewidth=0)
        if axes.get_ylabel().startswith("cross"):
            middle, foot = (low + high) / 2, axes.get_xaxis_transform()
            axes.text(middle, 0.965, name, ha="center", va="top", transform=foot)


def _chosen(rows: Sequence, end: summary.Row) -> list[summary.Row]:
    """Returns a few pictures, spread over what happens between start and end."""
    run = [r for r in rows if r["kind"] == "picture" and r["search"] == end["search"]]
    whole = [r for r in run if None not in r["scores"]]  # training may diverge
    ordered = sorted(whole, key=lambda row: row["steps"])
    if len(ordered) <= PICTURES:
        return ordered
    relation, facts = number(end["relation_step"]), number(end["facts_step"])
    if not np.isfinite(relation + facts) or relation > facts:
        wanted = np.linspace(0, end["steps"], PICTURES)
    else:
        # Steps at which weights look different: before, in and after the plateau.
        between = relation + (facts - relation) * np.array([0.35, 0.85, 1.1])
        wanted = np.array([0.8 * relation, relation, *between, end["steps"]])
    steps = np.array([row["steps"] for row in ordered])
    return [ordered[i] for i in np.unique(np.abs(steps - wanted[:, None]).argmin(1))]


def _strip(
    figure: Figure,
    grid: Sequence[Sequence[Axes]],
    pictures: Sequence[summary.Row],
    end: summary.Row,
) -> None:
    """Draws scores above values, tokens across, answers down, in one common scale."""
    scores = max(np.abs(p["scores"]).max() for p in pictures)
    values = max(np.abs(p["values"]).max() for p in pictures)
    image: Any = None
    for above, below, picture in zip(*grid, pictures, strict=True):
        look = {"aspect": "auto", "interpolation": "nearest", "cmap": "RdBu_r"}
        of_tokens = np.array([picture["scores"]])
        above.imshow(of_tokens, vmin=-scores, vmax=scores, **look)
        image = below.imshow(picture["values"], vmin=-values, vmax=values, **look)
        above.set_title(f"step {picture['steps']:,}", fontsize=8)
        for axes in (above, below):
            axes.grid(visible=False)
            axes.set(xticks=[], yticks=[])
        borders = np.cumsum([end["subjects"], end["relations"]])
        for border in borders - 0.5:
            below.axvline(border, color=plotting.GREY, linewidth=0.5)
        centres = [end["subjects"] / 2, borders[0] + end["relations"] / 2]
        centres.append(borders[1] + end["noise"] / 2)
        below.set_xticks(np.array(centres) - 0.5, ["s", "r", "noise"])
        below.tick_params(length=0)
    grid[0][0].set_ylabel("w(z)", rotation=0, ha="right", va="center")
    grid[1][0].set_ylabel("answers")
    grid[1][len(pictures) // 2].set_xlabel("tokens z")
    figure.colorbar(image, ax=grid[1][-1], label="value V(a, z)")
