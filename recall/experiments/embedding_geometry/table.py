"""Tables of geometries: what each memory stores of each, and their laws."""

from collections.abc import Iterable

from recall.experiments.embedding_geometry import summary
from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("capacity", "run")

_COLUMNS = (
    *("memory", "embedding", "facts\n[range]", "of\nrandom", "moments\nsay"),
    *("rms over-\nlap x d", "max over-\nlap", "rank", "mean", "spread"),
)
_CAPTION = (
    "Of inputs: largest overlap, effective rank (participation), norm of the mean, "
    "spread of norms. Moments: facts that theory gives an outer product."
)
_LAW_COLUMNS = (
    *("memory", "geome-\ntries", "rank corr. with moments,\noverlap, mean, spread"),
    *("facts at\noverlap 1", "overlap^", "exp\nspread^2 x", "exp\nmean^2 x"),
    *("error:\nlaw", "moments\nalone", "measured/\nmoments"),
)
_LAW_CAPTION = "Errors are factors: root mean squares, of geometries left out."


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns a line for each memory and geometry, and laws where these are many."""
    groups = summary.by_memory(summary.entries(rows)).values()
    lines = [_cells(entry) for group in groups for entry in group]
    made = [Table("Geometries", _COLUMNS, lines, _CAPTION, num_labels=2)]
    laws = [summary.law(group) for group in groups if len(group) >= summary.LEAST]
    if laws:
        lines = [_law_cells(law) for law in laws]
        made.append(Table("Laws of coherence", _LAW_COLUMNS, lines, _LAW_CAPTION))
    return made


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
