"""The table of constructed transformers."""

from collections.abc import Iterable

from recall.experiments.constructions import summary
from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("run", "probe")

_COLUMNS = (
    *("construction", "S, R, D", "claimed", "seeds", "smallest", "m", "weights"),
    *("facts/\nweight", "slim", "beta\n32", "beta\n256"),
)
_CAPTION = (
    "claimed: size (d, hidden units of product duals, gates) and seeds that recall all "
    "facts there in every noise context. smallest: median [range] over seeds of the "
    "least that does. weights: 4 H d_h d + 2 m d; slim: facts per weight with keys and "
    "queries stored as vectors. beta: the least sharpness tried that still recalls all "
    "facts at that length, median."
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns a table of the smallest sizes of each construction and world."""
    lines = [[name(found), *cells(found)] for found in summary.summaries(rows)]
    return [Table("Constructed transformers", _COLUMNS, lines, _CAPTION)]


def name(found: summary.Summary) -> str:
    """A construction in words."""
    at = "" if found.width is None else f", d={found.width}"
    return found.construction.replace("_", " ") + at


def cells(found: summary.Summary) -> list[str]:
    """What a line says after the name; lengths are the least and the largest."""
    S, R, D = found.world
    told = [f"{S}, {R}, {D}", f"{found.claim:,}"]
    told += [f"{found.claim_stored} of {found.seeds}"]
    if not found.rows:
        return [*told, "none"] + ["-"] * 6
    size = _spread(*found.spread("size"))
    if len(found.rows) < found.seeds:
        size += f" ({len(found.rows)} seeds)"
    sharp = sorted(
        (column for column in found.rows[0] if column.startswith("sharpness_")),
        key=lambda column: int(column.removeprefix("sharpness_")),
    )
    counts = [f"{found.spread(column)[0]:,.0f}" for column in ("m", "parameters")]
    densities = ("facts_per_parameter", "facts_per_slim_parameter")
    told += [size, *counts, *[f"{found.spread(d)[0]:.4f}" for d in densities]]
    return told + [f"{found.spread(sharp[end])[0]:g}" for end in (0, -1)]


def _spread(median: float, low: float, high: float) -> str:
    return f"{median:,.0f} [{low:,.0f}, {high:,.0f}]"
