"""The table of constructed transformers."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from recall.experiments.constructions import summary
from recall.stats import points

_COLUMNS = (
    "S, R, D",
    "claimed",
    "seeds",
    "smallest",
    "m",
    "weights",
    "facts/\nweight",
    "slim",
    "beta 32",
    "beta 256",
)
_CAPTION = (
    "claimed: size (d, hidden units of product duals, gates) and seeds that recall all "
    "facts there in every noise context. smallest: median [range] over seeds of the "
    "least that does. weights: 4 H d_h d + 2 m d; slim: facts per weight with keys and "
    "queries stored as vectors. beta: the least sharpness tried that still recalls all "
    "facts at that length, median."
)


def main_table(rows: Iterable[points.Row]) -> Table:
    """Smallest sizes of each construction and world."""
    made = Table(
        title="Constructed transformers",
        caption=Text(_CAPTION),  # its brackets are no markup
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
        collapse_padding=True,
    )
    made.add_column("construction")
    for column in _COLUMNS:
        made.add_column(column, justify="right", no_wrap=True)
    for found in summary.summaries(rows):
        made.add_row(name(found), *cells(found))
    return made


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


def tables(rows: Iterable[points.Row]) -> list[Table]:
    """Returns the tables that a run shows."""
    found = list(rows)
    return [main_table(found)]
