"""Summaries over the seeds of one setting."""

import statistics
from collections.abc import Iterable, Mapping
from typing import Any


def spread(
    rows: Iterable[Mapping[str, Any]], column: str
) -> tuple[float, float, float]:
    """Returns median, least and most of a column; nan where no row has a value."""
    cells = (row.get(column) for row in rows)
    values = [float(cell) for cell in cells if cell is not None] or [float("nan")]
    return statistics.median(values), min(values), max(values)
