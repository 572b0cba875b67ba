"""Small tables as CSV that a forge shows and pandas reads, with the types of cells."""

import contextlib
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recall.store import files
from recall.store.row import Row, plain


def write(
    path: str | Path,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
) -> None:
    """Replaces a table at once; columns default to the order of first appearance.

    An empty cell is None. Lists, and strings that look like another type, are JSON.
    """
    columns = columns or list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")  # git shows a \r in every line
    lines.writerow(columns)
    lines.writerows([_cell(row.get(name), name) for name in columns] for row in rows)
    files.write(Path(path), text.getvalue().encode())


def read(path: str | Path) -> list[Row]:
    """Returns the rows of a table, each cell with the type it was written with.

    Raises:
        StoreError: if the file cannot be read, or a line lacks a cell.
    """
    with files.reported("read table", path):
        # -sig: spreadsheets put a byte-order mark before the first column's name.
        lines = csv.reader(io.StringIO(Path(path).read_text("utf-8-sig")))
    try:
        names = next(lines, [])
        return [dict(zip(names, map(_value, r), strict=True)) for r in lines if r]
    except (csv.Error, ValueError) as error:
        raise files.StoreError(
            f"{path}, line {lines.line_num}: {error}; expected one cell a column."
        ) from error


def _cell(value: Any, column: str) -> str:
    value = plain(value, f"column {column}", nonfinite=float)
    if value is None:
        return ""
    if isinstance(value, str) and value.isprintable() and value[:1] not in '"[{':
        # A device named "12e4" must not come back as a number.
        return value if _value(value) == value else json.dumps(value)
    return json.dumps(value)


def _value(cell: str) -> Any:
    if not cell:
        return None
    if cell in ("true", "false") or cell[0] in '"[{':
        return json.loads(cell)
    for kind in (int, float):  # integers first: 10**20 is no float
        with contextlib.suppress(ValueError):
            return kind(cell)
    return cell
