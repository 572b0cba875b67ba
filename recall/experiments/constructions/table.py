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
    lines = [_line(group) for group in summary.summaries(rows)]
    return [Table("Constructed transformers", _COLUMNS, lines, _CAPTION)]


def _line(group: summary.Summary) -> list[str]:
    """Returns the cells of a construction; lengths are the least and the largest."""
    width = "" if group.width is None else f", d={group.width}"
    cells = [group.construction.replace("_", " ") + width]
    cells += [", ".join(map(str, group.world)), f"{group.claim:,}"]
    cells += [f"{group.claim_stored} of {group.seeds}"]
    if not group.rows:
        return [*cells, "none"] + ["-"] * 6
    median, low, high = group.spread("size")
    size = f"{median:,.0f} [{low:,.0f}, {high:,.0f}]"
    if len(group.rows) < group.seeds:
        size += f" ({len(group.rows)} seeds)"
    betas = sorted(
        (column for column in group.rows[0] if column.startswith("sharpness_")),
        key=lambda column: int(column.removeprefix("sharpness_")),
    )
    counts = [f"{group.spread(column)[0]:,.0f}" for column in ("m", "parameters")]
    densities = ("facts_per_parameter", "facts_per_slim_parameter")
    cells += [size, *counts, *[f"{group.spread(d)[0]:.4f}" for d in densities]]
    return cells + [f"{group.spread(betas[end])[0]:g}" for end in (0, -1)]
