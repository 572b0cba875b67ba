"""The type of a row: one line of a journal or of a committed table, by column."""

import math
from typing import Any

# A dict, not a mapping: engines add columns to rows, and one type serves both sides.
Row = dict[str, Any]


def number(value: Any, digits: int = 6) -> float | None:
    """Returns a number to some digits; None for nan and infinity, which JSON lacks."""
    return float(f"{float(value):.{digits}g}") if math.isfinite(value) else None
