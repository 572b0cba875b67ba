"""The type of a row: one line of a journal or of a committed table, by column."""

import math
from typing import Any

# A dict, not a mapping: engines add columns to rows, and one type serves both sides.
Row = dict[str, Any]


def number(value: Any) -> float | None:
    """Returns six digits of a number; None for nan and infinity, which JSON lacks."""
    return float(f"{float(value):.6g}") if math.isfinite(value) else None
