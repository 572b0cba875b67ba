"""The table of the atlas: bits for each parameter, and parameters for given bits."""

import math
from collections.abc import Iterable

from rich import box
from rich.table import Table

from recall.experiments.atlas import summary
from recall.stats import points

BITS = 768.0  # those of 256 facts with 8 answers each

COLUMNS = (
    *("memory", "way", "bits/param [range]", "parameters", "facts", "seeds"),
    f"parameters for {BITS:g} bits",
)


def main_table(rows: Iterable[points.Row]) -> Table:
    """A line for each memory, the best first."""
    drawn = Table(title="Atlas", box=box.SIMPLE_HEAD)
    for place, name in enumerate(COLUMNS):
        drawn.add_column(name, justify="left" if place < 2 else "right")
    for line in lines(rows):
        drawn.add_row(*line)
    drawn.caption = (
        "Each memory at the size where it holds most for each parameter; bits: log2 N!,"
        " or N log2 D for D answers. The last column lies between sizes, where it can."
    )
    return drawn


def lines(rows: Iterable[points.Row]) -> list[list[str]]:
    """The cells of the table."""
    found = summary.entries(rows)
    return [[*_cells(e), _needed(found, e)] for e in summary.best(found)]


def _cells(entry: summary.Entry) -> list[str]:
    bits = f"{entry.bits:.3g} [{entry.bits_low:.3g}, {entry.bits_high:.3g}]"
    counts = [f"{x:,.0f}" for x in (entry.parameters, entry.facts, entry.seeds)]
    return [entry.name, entry.way, bits, *counts]


def _needed(found: list[summary.Entry], entry: summary.Entry) -> str:
    needed = summary.parameters_for(found, entry.name, entry.way, BITS)
    return "-" if math.isnan(needed) else f"{needed:,.0f}"


def tables(rows: Iterable[points.Row]) -> list[Table]:
    """Returns the tables that a run shows."""
    found = list(rows)
    return [main_table(found)]
