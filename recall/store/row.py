"""A row: one line of a journal or of a committed table, by column."""

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recall.store import files

# A dict, not a mapping: engines add columns to rows, and one type serves both sides.
Row = dict[str, Any]


def plain(value: Any, field: str, *, nonfinite: Callable[[float], Any]) -> Any:
    """Returns a value in JSON's types, numpy and JAX scalars and arrays included.

    Args:
        value: to be converted.
        field: the name of the value, for errors.
        nonfinite: replaces NaN and infinities, for which JSON has no word.

    Raises:
        StoreError: if the value, or one inside it, is of another type.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)  # enumerations and other subclasses come back as integers
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else nonfinite(float(value))
    if isinstance(value, Mapping):
        items = ((str(name), child) for name, child in value.items())
        return {n: plain(v, f"{field}.{n}", nonfinite=nonfinite) for n, v in items}
    if isinstance(value, list | tuple):
        return [plain(child, field, nonfinite=nonfinite) for child in value]
    with contextlib.suppress(TypeError, ValueError):
        array = np.asarray(value)
        if array.dtype.kind in "fV":  # bfloat16 is of kind V
            array = array.astype(np.float64)
        if array.dtype.kind in "biufU":
            return plain(array.tolist(), field, nonfinite=nonfinite)
    raise files.StoreError(
        f"{field} is a {type(value).__name__}; expected None, bool, int, float, str, "
        "or lists, mappings and arrays of these."
    )


def number(value: Any, digits: int = 6) -> float | None:
    """Returns a number to some digits; None for nan and infinity, which JSON lacks."""
    return float(f"{float(value):.{digits}g}") if math.isfinite(value) else None
