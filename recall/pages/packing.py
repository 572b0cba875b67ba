"""Rows as text for a page: columns, shortened numbers, compressed, in base 64."""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from recall.store.row import Row

DIGITS = 6  # significant, of fractions
# What other columns say, or what no table can show.
HIDDEN = ("key", "kind", "experiment", "scores", "values")
LAST = ("search", "wall_seconds", "compile_seconds")  # least looked at


def pack(tables: Mapping[str, Sequence[Row]], extra: Mapping[str, Any]) -> str:
    """Base 64 of gzip of JSON: `extra`, and each table as `columns` of it.

    Browsers undo it by themselves (DecompressionStream), and only for the tables that
    a reader opens.
    """
    document = {"tables": {name: columns(rows) for name, rows in tables.items()}}
    text = json.dumps(document | dict(extra), separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def columns(rows: Sequence[Row]) -> dict[str, Any]:
    """A table by columns: the value of one where all rows agree, else a list.

    Returns:
        `count` of rows, `shared` values, `columns` of lists; no column is all None.
    """
    found = dict.fromkeys(name for row in rows for name in row if name not in HIDDEN)
    names = sorted(found, key=lambda name: name in LAST)  # else as they appeared
    told: dict[str, Any] = {"count": len(rows), "shared": {}, "columns": {}}
    for name in names:
        values = [short(row.get(name)) for row in rows]
        if any(value != values[0] for value in values):
            told["columns"][name] = values
        elif values[0] is not None:
            told["shared"][name] = values[0]
    return told


def short(value: Any) -> Any:
    """A value of JSON: fractions to six digits, lists as text, no nan."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        value = float(f"{value:.{DIGITS}g}")
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, list | tuple | dict):
        return json.dumps(value)
    return value


def unpack(text: str) -> dict[str, Any]:
    """What `pack` was given, as a browser sees it."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows by the columns that say what they are about, for a first look."""
    axes = ("memory", "method", "construction", "subjects", "d", "m", "threshold")
    asked = (*axes, "heads", "seed", "probe", "steps")
    return sorted(rows, key=lambda row: _place([row.get(name) for name in asked]))


def parts_of(parents: Sequence[Row], rows: Iterable[Row]) -> list[Row]:
    """Rows with `of`, the number of the parent that they are part of, in its order.

    A parent is known by its search; that name stays only where a parent has not come.
    """
    places = {row.get("search"): place for place, row in enumerate(parents)}
    found = [
        {"of": places.get(row.get("search"))} | dict(row) for row in in_order(rows)
    ]
    if all(row["of"] is not None for row in found):
        found = [{k: v for k, v in row.items() if k != "search"} for row in found]
    return sorted(found, key=lambda row: _place([row["of"]]))


def _place(values: Sequence[Any]) -> list[tuple]:
    """Sorts None before numbers, and these before words."""
    return [(v is not None, isinstance(v, str), v) for v in values]
