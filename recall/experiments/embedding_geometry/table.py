"""Tables of geometries: what each memory stores of each, and their laws."""

from collections.abc import Iterable

from rich import box
from rich.table import Table

from recall.experiments.embedding_geometry import summary
from recall.stats import points

COLUMNS = (
    *("memory", "embedding", "facts [range]", "of random", "moments say"),
    *("rms overlap x d", "max overlap", "rank", "mean", "spread"),
)
LAW_COLUMNS = (
    *("memory", "geometries", "rank corr. with moments, overlap, mean, spread"),
    *("facts at overlap 1", "overlap^", "exp spread^2 x", "exp mean^2 x"),
    *("error: law", "moments alone", "measured / moments"),
)


def main_table(rows: Iterable[points.Row]) -> Table:
    """A line for each memory and geometry, the least coherent first."""
    caption = (
        "Of inputs: largest overlap, effective rank (participation), norm of the mean, "
        "spread of norms. Moments: facts that theory gives an outer product."
    )
    return _table("Geometries", COLUMNS, lines(rows), caption)


def law_table(rows: Iterable[points.Row]) -> Table:
    """A line for each memory with enough geometries."""
    caption = (
        "Errors are factors: root mean squares, of geometries left out by the fit."
    )
    return _table("Laws of coherence", LAW_COLUMNS, law_lines(rows), caption)


def lines(rows: Iterable[points.Row]) -> list[list[str]]:
    """The cells of the table of geometries."""
    groups = summary.by_memory(summary.entries(rows))
    return [_cells(entry) for own in groups.values() for entry in own]


def law_lines(rows: Iterable[points.Row]) -> list[list[str]]:
    """The cells of the table of laws."""
    groups = summary.by_memory(summary.entries(rows))
    fits = [summary.law(own) for own in groups.values() if len(own) >= summary.LEAST]
    return [_law_cells(fit) for fit in fits]


def _cells(entry: summary.Entry) -> list[str]:
    point, e = entry.point, entry.inputs
    facts = f"{point.median:g} [{min(point.values)}, {max(point.values)}]"
    moments = f"{entry.predicted:.3g}" if point.memory == "outer_product" else ""
    return [
        *(entry.memory, point.embedding, facts, f"{entry.relative:.2f}", moments),
        *(f"{entry.overlap:.2f}", f"{e['max_overlap']:.2f}"),
        *(f"{e['participation']:.1f}", f"{e['mean_share']:.2f}"),
        f"{e['norm_spread']:.2f}",
    ]


def _law_cells(fit: summary.Law) -> list[str]:
    names = ("predicted", "rms_overlap", "mean_share", "norm_spread")
    ranks = ", ".join(f"{fit.ranks[name]:.2f}" for name in names)
    plain = fit.memory.startswith("outer")
    alone = [f"{fit.unfitted:.2f}", f"{fit.bias:.2f}"] if plain else ["", ""]
    numbers = [f"{x:.3g}" for x in (fit.constant, fit.overlap, fit.spread, fit.mean)]
    return [fit.memory, str(fit.num), ranks, *numbers, f"{fit.error:.2f}", *alone]


def _table(title: str, columns: Iterable[str], cells: list, caption: str) -> Table:
    drawn = Table(title=title, box=box.SIMPLE_HEAD, caption=caption)
    for place, name in enumerate(columns):
        drawn.add_column(name, justify="left" if place < 2 else "right")
    for line in cells:
        drawn.add_row(*line)
    return drawn


def tables(rows: Iterable[points.Row]) -> list[Table]:
    """Returns the tables that a run shows; laws only where geometries are many."""
    found = list(rows)
    real = any(row["experiment"] == "real_embeddings" for row in found)
    return [main_table(found)] if real else [main_table(found), law_table(found)]
