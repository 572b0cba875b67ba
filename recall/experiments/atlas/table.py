"""The table of the atlas: bits for each parameter, and parameters for given bits."""

import math
from collections.abc import Iterable

from recall.experiments.atlas import summary
from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("capacity", "run")
BITS = 768.0  # of 256 facts with 8 answers each

_COLUMNS = (
    *("memory", "way", "bits/param [range]", "parameters", "facts", "seeds"),
    f"parameters for\n{BITS:g} bits",
)
_CAPTION = (
    "Each memory at the size where it holds most for each parameter; bits: log2 N!,"
    " or N log2 D for D answers. The last column lies between sizes, where it can."
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns a table with a line for each memory, the best first."""
    entries = summary.entries(rows)
    lines = [_line(entry, entries) for entry in summary.best(entries)]
    return [Table("Atlas", _COLUMNS, lines, _CAPTION, num_labels=2)]


def _line(entry: summary.Entry, entries: list[summary.Entry]) -> list[str]:
    bits = f"{entry.bits:.3g} [{entry.bits_low:.3g}, {entry.bits_high:.3g}]"
    counts = [f"{x:,.0f}" for x in (entry.parameters, entry.facts, entry.seeds)]
    needed = summary.parameters_for(entries, entry.name, entry.method, BITS)
    last = "-" if math.isnan(needed) else f"{needed:,.0f}"
    return [entry.name, entry.method, bits, *counts, last]
