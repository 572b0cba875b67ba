"""Tables of large memories: what they recall, and what a step costs each device."""

from collections.abc import Iterable

from rich import box
from rich.table import Table

from recall import rows as rows_lib
from recall.studies import large_summary

COLUMNS = (
    *("memory", "d", "m", "facts", "devices", "recalled", "loss", "steps"),
    *("ms a step", "MiB held", "sent", "summed", "seeds"),
)
MEBI = 2**20


def table(rows: Iterable[rows_lib.Row]) -> Table:
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


def lines(rows: Iterable[rows_lib.Row]) -> list[list[str]]:
    """The cells of the table."""
    return [_line(one) for one in large_summary.summaries(rows)]


def _line(one: large_summary.Summary) -> list[str]:
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
