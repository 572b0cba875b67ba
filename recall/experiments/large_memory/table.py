"""Tables of large memories: what they recall, and what a step costs each device."""

from collections.abc import Iterable

from recall.experiments.large_memory import summary
from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("run",)
MEBI = 2**20

_COLUMNS = (
    *("memory", "d", "m", "facts", "devices", "recalled", "loss", "steps"),
    *("ms a step", "MiB held", "sent", "summed", "seeds"),
)
_CAPTION = (
    "MiB on each device. Held: arguments and temporary arrays, as compiled. Sent:"
    " in one trip of the ring. Summed: by the one all-reduce of a step."
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns medians over seeds, a line for each memory and number of devices."""
    lines = [_line(one) for one in summary.summaries(rows)]
    return [Table("Large memories", _COLUMNS, lines, _CAPTION)]


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
