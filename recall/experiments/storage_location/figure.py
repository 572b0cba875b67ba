"""Where facts are held: maps over attention and MLP, and what they add up to."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.storage_location import summary

Grid = summary.Grid
MOST_WRITTEN = 8  # columns of a map whose cells have room for their numbers
NAMES = {
    "attention": "attention alone",
    "mlp": "MLP alone",
    "both": "either (twice held)",
    "neither": "only both together",
}


class Map(NamedTuple):
    """One heat map.

    Attributes:
        title: of the panel.
        name: of the number, as `summary.Grid` has it.
        able: whether sizes that recall too little are left out.
    """

    title: str
    name: str
    able: bool = False


MAPS = (
    Map("all facts: recalled, nothing changed", "free.accuracy"),
    Map("recalled facts that survive without the MLP", "free.mlp_zero.kept"),
    Map("… without attention's direct path", "free.direct_zero.kept"),
    Map("MLP's part of the margin over the best rival", "free.mlp_share_rival", True),
    Map("MLP retrained on another table: that one", "free.mlp_refit.other_accuracy"),
    Map("values frozen to a copy map: recalled", "copy.accuracy"),
)


@plotting.styled
def draw(rows: Iterable[summary.Row]) -> Figure:
    """Six maps over the weights of attention and MLP; holders, copying, ranks."""
    cells = summary.grid(rows)
    figure = Figure(figsize=(12.4, 10.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 3)
    for axes, chosen in zip(panels[:2].flat, MAPS, strict=True):
        image = _map(axes, cells, chosen)
    figure.colorbar(image, ax=list(panels[:2, 2]), label="median over seeds", pad=0.02)
    _holders(panels[2, 0], cells)
    _copying(panels[2, 1], cells)
    _ranks(panels[2, 2], cells)
    return figure


def _map(axes: Axes, cells: Grid, chosen: Map):
    """One number over the grid; steps of the axes are the steps of the sweep."""
    value = cells.median(chosen.name)
    value = np.where(cells.able, value, np.nan) if chosen.able else value
    paint = {"cmap": "cividis", "vmin": 0, "vmax": 1}
    image = axes.imshow(value, origin="lower", aspect="auto", **paint)
    if len(cells.m) <= MOST_WRITTEN:
        for (row, column), x in np.ndenumerate(value):
            colour = "white" if x < 0.6 else "black"
            text = "–" if np.isnan(x) else f"{x:.2f}"
            axes.text(
                column, row, text, ha="center", va="center", fontsize=6.5, color=colour
            )
    ticks = [f"{m}\n{weights:,}" for m, weights in zip(cells.m, cells.mlp, strict=True)]
    axes.set_xticks(range(len(cells.m)), ticks, fontsize=6.5)
    ticks = [f"{H}: {w:,}" for H, w in zip(cells.heads, cells.attention, strict=True)]
    axes.set_yticks(range(len(cells.heads)), ticks, fontsize=6.5)
    axes.set(title=chosen.title, xlabel="$m$; MLP weights $2md$")
    axes.set_ylabel("$H$: attention weights $4Hd_hd$")
    axes.grid(visible=False)
    return image


def _holders(axes: Axes, cells: Grid) -> None:
    """Who recalls the facts without the other, over the MLP's part of the weights."""
    able = cells.able
    for index, part in enumerate(summary.HOLDERS):
        name = f"free.held_{part}_zero"
        value, spread = cells.median(name)[able], cells.seeds_of(name)[able]
        ends = (_fallback(np.nanmin, spread), _fallback(np.nanmax, spread))
        plotting.series(
            axes, cells.share[able], value, ends, plotting.look(index), filled=True,
            joined=False, label=NAMES[part],
        )  # fmt: skip
    _join_units(axes, cells, plotting.look(summary.HOLDERS.index("mlp")).colour)
    axes.set(
        title=f"who holds a fact, in models that recall {summary.LEVEL:.0%}",
        xlabel="MLP's part of all weights",
        ylabel="part of the recalled facts",
        xlim=(-0.03, 1),
        ylim=(-0.03, 1.03),
    )
    axes.legend(loc="center right", fontsize=7)


def _join_units(axes: Axes, cells: Grid, colour: str) -> None:
    """Joins what MLPs of the same width hold alone, beside more and more heads."""
    value = cells.median("free.held_mlp_zero")
    for column, m in enumerate(cells.m):
        own = cells.able[:, column]
        if m and own.any():
            x, y = cells.share[own, column], value[own, column]
            axes.plot(x, y, color=colour, linewidth=0.8, zorder=2)
            axes.annotate(
                f"m = {m}", xy=(x[0], y[0]), xytext=(5, 0), textcoords="offset points",
                fontsize=6.5, color=colour, va="center",
            )  # fmt: skip


def _copying(axes: Axes, cells: Grid) -> None:
    """Facts stored where values only copy, over the MLP's width, a line per H."""
    for index, heads in enumerate(cells.heads):
        value = cells.facts * cells.median("copy.accuracy")[index]
        spread = cells.facts * cells.seeds_of("copy.accuracy")[index]
        ends = (_fallback(np.nanmin, spread), _fallback(np.nanmax, spread))
        plotting.series(
            axes, cells.m, value, ends, plotting.look(index), filled=True, joined=True,
            label=f"H = {heads}",
        )  # fmt: skip
    axes.axhline(cells.facts, color=plotting.GREY, linewidth=0.9, linestyle="--")
    axes.set(
        title="values frozen to a copy map",
        xlabel="hidden units $m$",
        ylabel="facts recalled",
        ylim=(0, 1.4 * cells.facts),
    )
    axes.legend(loc="upper left", fontsize=7, ncols=3)


def _ranks(axes: Axes, cells: Grid) -> None:
    """Effective rank of the summed values and of a head, over the MLP's part."""
    able = cells.able
    for index, kind in enumerate(("sum", "head")):
        name = f"free.{kind}_participation"
        for row, heads in enumerate(cells.heads):
            own = able[row]
            if own.any():
                x, y = cells.share[row][own], cells.median(name)[row][own]
                colour = plotting.look(row).colour
                marker = plotting.look(index).marker
                filled = colour if kind == "sum" else "white"
                axes.plot(
                    x, y, marker=marker, color=colour, markerfacecolor=filled,
                    linewidth=0.7,
                    label=f"H = {heads}" if kind == "sum" else "_nolegend_",
                )  # fmt: skip
    axes.set(
        title="rank of $O^TV$; filled: sum of heads, hollow: one",
        xlabel="MLP's part of all weights",
        ylabel="participation ratio",
        xlim=(-0.03, 1),
    )
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right", fontsize=7, ncols=2)


def _fallback(end, spread: np.ndarray) -> np.ndarray:
    """Least or most over seeds; nan where no seed has a number."""
    known = np.asarray(np.isfinite(spread).any(axis=-1))
    filled = np.where(known[..., None], spread, 0.0)
    return np.where(known, end(filled, axis=-1), np.nan)
