"""The type of a row: one line of a journal or of a committed table, by column."""

from typing import Any

# A dict, not a mapping: engines add columns to rows, and one type serves both sides.
Row = dict[str, Any]
