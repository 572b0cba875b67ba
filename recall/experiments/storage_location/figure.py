"""Figure of the parts that hold facts: maps over attention and MLP, and trends."""

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
        able: if sizes that recall too little are left out.
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
    """Draws six maps over the weights of attention and MLP; holders, copying, ranks."""
    cells = summary.grid(rows)
    figure = Figure(figsize=(12.4, 10.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 3)
    for axes, number in zip(panels[:2].flat, MAPS, strict=True):
        image = _map(axes, cells, number)
    figure.colorbar(image, ax=list(panels[:2, 2]), label="median over seeds", pad=0.02)
    _holders(panels[2, 0], cells)
    _copying(panels[2, 1], cells)
    _ranks(panels[2, 2], cells)
    return figure


def _map(axes: Axes, cells: Grid, number: Map):
    """Draws one number over the grid, a step of the axes for a step of the sweep."""
    value = cells.median(number.name)
    # Where few facts are recalled, fractions of them are fractions of next to nothing.
    value = np.where(cells.able, value, np.nan) if number.able else value
    paint = {"cmap": "cividis", "vmin": 0, "vmax": 1}
    image = axes.imshow(value, origin="lower", aspect="auto", **paint)
    if len(cells.m) <= MOST_WRITTEN:
        for (row, column), x in np.ndenumerate(value):
            colour = "white" if x < 0.6 else "black"  # read on cividis, dark below
            text = "–" if np.isnan(x) else f"{x:.2f}"
            axes.text(
                column, row, text, ha="center", va="center", fontsize=6.5, color=colour
            )
    ticks = [f"{m}\n{weights:,}" for m, weights in zip(cells.m, cells.mlp, strict=True)]
    axes.set_xticks(range(len(cells.m)), ticks, fontsize=6.5)
    ticks = [f"{H}: {w:,}" for H, w in zip(cells.heads, cells.attention, strict=True)]
    axes.set_yticks(range(len(cells.heads)), ticks, fontsize=6.5)
    axes.set(title=number.title, xlabel="$m$; MLP weights $2md$")
    axes.set_ylabel("$H$: attention weights $4Hd_hd$")
    axes.grid(visible=False)
    return image


def _holders(axes: Axes, cells: Grid) -> None:
    """Draws the facts that each part recalls alone, over the MLP's part of weights."""
    able = cells.able
    for index, part in enumerate(summary.HOLDERS):
        name = f"free.held_{part}_zero"
        value, ends = cells.median(name)[able], _ends(cells.seeds_of(name)[able])
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
    """Joins the points of MLPs of the same width, beside more and more heads."""
    value = cells.median("free.held_mlp_zero")
    for column, m in enumerate(cells.m):
        able = cells.able[:, column]
        if m and able.any():
            x, y = cells.share[able, column], value[able, column]
            axes.plot(x, y, color=colour, linewidth=0.8, zorder=2)
            axes.annotate(
                f"m = {m}", xy=(x[0], y[0]), xytext=(5, 0), textcoords="offset points",
                fontsize=6.5, color=colour, va="center",
            )  # fmt: skip


def _copying(axes: Axes, cells: Grid) -> None:
    """Draws facts stored where values only copy, over the MLP's width, a line per H."""
    for index, heads in enumerate(cells.heads):
        value = cells.facts * cells.median("copy.accuracy")[index]
        ends = _ends(cells.facts * cells.seeds_of("copy.accuracy")[index])
        plotting.series(
            axes, cells.m, value, ends, plotting.look(index), filled=True, joined=True,
            label=f"H = {heads}",
        )  # fmt: skip
    axes.axhline(cells.facts, color=plotting.GREY, linewidth=0.9, linestyle="--")
    axes.set(
        title="values frozen to a copy map",
        xlabel="hidden units $m$",
        ylabel="facts recalled",
        ylim=(0, 1.4 * cells.facts),  # above the line there is room for the legend
    )
    axes.legend(loc="upper left", fontsize=7, ncols=3)


def _ranks(axes: Axes, cells: Grid) -> None:
    """Draws effective ranks of the summed values and of a head, over the MLP's part."""
    for index, kind in enumerate(("sum", "head")):
        ranks = cells.median(f"free.{kind}_participation")
        for row, heads in enumerate(cells.heads):
            able, colour = cells.able[row], plotting.look(row).colour
            if able.any():
                axes.plot(
                    cells.share[row][able], ranks[row][able], color=colour,
                    marker=plotting.look(index).marker, linewidth=0.7,
                    markerfacecolor=colour if kind == "sum" else "white",
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


def _ends(spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the least and the most over seeds; nan where no seed has a number."""
    known = np.asarray(np.isfinite(spread).any(axis=-1))
    filled = np.where(known[..., None], spread, 0.0)  # nanmin warns where all are nan
    low, high = np.nanmin(filled, axis=-1), np.nanmax(filled, axis=-1)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)
