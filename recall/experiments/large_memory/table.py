"""Tables of large memories: what they recall, and what a step costs each device."""

from collections.abc import Iterable

from rich import box
from rich.table import Table

from recall.experiments.large_memory import summary
from recall.stats import points

COLUMNS = (
    *("memory", "d", "m", "facts", "devices", "recalled", "loss", "steps"),
    *("ms a step", "MiB held", "sent", "summed", "seeds"),
)
MEBI = 2**20


def main_table(rows: Iterable[points.Row]) -> Table:
    """Medians over seeds, a line for each memory and number of devices."""
    made = Table(title="Large memories", box=box.SIMPLE_HEAD)
    for index, column in enumerate(COLUMNS):
        made.add_column(column, justify="right" if index else "left")
    for line in lines(rows):
        made.add_row(*line)
    made.caption = (
        "MiB on each device. Held: arguments and temporary arrays, as compiled. Sent:"
        " in one trip of the ring. Summed: by the one all-reduce of a step."
    )
    return made


def lines(rows: Iterable[points.Row]) -> list[list[str]]:
    """The cells of the table."""
    return [_line(one) for one in summary.summaries(rows)]


def _line(one: summary.Summary) -> list[str]:
    median = lambda column: one.spread(column)[0]  # noqa: E731
    return [
        *(one.memory.replace("_", " "), str(one.d), str(one.m or "-")),
        *(f"{one.facts:,}", str(one.devices)),
        *(f"{median('accuracy'):.4f}", f"{median('loss'):.3f}"),
        f"{median('steps'):g}",
        f"{1e3 * median('step_seconds'):,.2f}",
        *(f"{one.held / MEBI:,.2f}", f"{median('ring_bytes') / MEBI:,.3f}"),
        *(f"{median('sum_bytes') / MEBI:,.3f}", str(len(one.rows))),
    ]


def tables(rows: Iterable[points.Row]) -> list[Table]:
    """Returns the tables that a run shows."""
    found = list(rows)
    return [main_table(found)]
