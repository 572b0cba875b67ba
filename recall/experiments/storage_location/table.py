"""Tables of where facts are held: what each ablation leaves, and size by size."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.storage_location import summary
from recall.stats.table import Table
from recall.store.row import Row

_COLUMNS = (
    *("ablation or swap", "recalled", "relation right", "kept", "the other table"),
)
_SIZES = (
    *("H", "m", "MLP\npart", "recalled", "margin", "attention", "MLP", "either"),
    *("both", "refit", "copy", "rank of\na head", "of the\nsum"),
)
COLUMNS_SAY = (
    "MLP part: of all weights. margin: its part of the margin over the best rival. "
    "attention, MLP: facts that this part alone recalls; either, or only both. refit: "
    "facts of the other table, by an MLP retrained behind the same attention. copy: "
    "facts, where values only copy."
)
TRENDS = {
    "MLP's part of the margin": "free.mlp_share_rival",
    "held by the MLP alone": "free.held_mlp_zero",
    "held by attention alone": "free.held_attention_zero",
    "held twice": "free.held_both_zero",
    "held by neither alone": "free.held_neither_zero",
    "effective rank of a head": "free.head_participation",
    "effective rank of the sum": "free.sum_participation",
}


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns the facts that each ablation leaves, and who holds them size by size."""
    cells = summary.grid(rows)
    return [
        Table(
            "What is recalled without a part, or with a part of another model",
            _COLUMNS,
            ablation_lines(cells),
            describe(cells),
        ),
        Table(
            "Who holds the facts, parts zeroed (medians over seeds)",
            _SIZES,
            [_size_line(cells, *place) for place in np.ndindex(cells.share.shape)],
            COLUMNS_SAY,
            num_labels=0,
        ),
    ]


def kept(rows: Iterable[Row]) -> list[Row]:
    """Returns runs and models, and the ablations of one training."""
    return [
        row
        for row in rows
        if row["kind"] in ("run", "model")
        or (row["kind"] == "probe" and row["training"] == "free")
    ]


def _size_line(cells: summary.Grid, row: int, column: int) -> list[str]:
    """Returns the numbers of a size: medians over seeds."""
    names = ["free.accuracy", "free.mlp_share_rival"]
    names += [f"free.held_{part}_zero" for part in summary.HOLDERS]
    names += ["free.mlp_refit.other_accuracy", "copy.accuracy"]
    names += ["free.head_participation", "free.sum_participation"]
    shares = [float(cells.share[row, column])]
    shares += [float(cells.median(name)[row, column]) for name in names]
    return [str(cells.heads[row]), str(cells.m[column]), *map(_share, shares)]


def ablation_lines(cells: summary.Grid) -> list[list[str]]:
    """Each ablation: shares as medians over able sizes, and their ranges."""
    lines = []
    for name in summary.ablations(cells):
        columns = ("accuracy", "relation_accuracy", "kept", "other_accuracy")
        spreads = [
            summary.over_cells(cells, f"free.{name}.{column}") for column in columns
        ]
        lines.append([name.replace("_", " "), *map(_spread, spreads)])
    return lines


def describe(cells: summary.Grid) -> str:
    """Returns a caption: the sizes counted, trends with the MLP, the worst error."""
    worst = np.nanmax(cells.values["free.conservation"])
    said = (
        f"{int(cells.able.sum())} of {cells.able.size} sizes recall "
        f"{summary.LEVEL:.0%} of {cells.facts:,} facts; medians over them "
        "(least to most). kept: of the facts that the whole model recalls; the tables "
        f"agree on 1/{cells.answers} by chance. Scores of parts add up to "
        f"{worst:.0e} of the largest. As the MLP's part of the weights grows "
        "(lowest to highest third of the sizes; rank correlation): "
    )
    parts = []
    for label, name in TRENDS.items():
        found = summary.trend(cells, name)
        parts.append(
            f"{label} {found.low:.2f} to {found.high:.2f} "
            f"({found.rank_correlation:+.2f})"
        )
    held = [
        f"m = {m}: {low:.2f} to {high:.2f}"
        for m, _, low, high in summary.by_units(cells, "free.held_mlp_zero")
    ]
    said += "; ".join(parts)
    return f"{said}. Held by the MLP alone, over all H: {', '.join(held)}."


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"


def _spread(spread: tuple[float, float, float]) -> str:
    median, low, high = spread
    return "-" if np.isnan(median) else f"{median:.3f} ({low:.2f} to {high:.2f})"
