"""Failures in one line each: rows of lanes that raised instead of ending."""

import pathlib
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from recall.sweeps import batch

KIND = "failed"
_HERE = str(pathlib.Path(__file__).parents[1])  # the package


def rows_of(lanes: Iterable[Any], program: str, reason: str) -> list[dict[str, Any]]:
    """Returns a row for each lane that failed, to be tried again by a later launch.

    Args:
        lanes: the ones that were not finished.
        program: the label of their program, for a person.
        reason: one line.
    """
    same = {"kind": KIND, "program": program, "error": reason}
    return [
        lane.columns() | same | {"key": f"{lane.digest()}:{KIND}"} for lane in lanes
    ]


def reason(error: BaseException) -> str:
    """Returns the type, the message's first line, and the line of ours that it left."""
    # Errors of XLA go on for pages, and the innermost frame is rarely ours.
    first = (str(error).strip().splitlines() or [""])[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_HERE)] or frames
    where = [f" ({pathlib.Path(f.filename).name}:{f.lineno})" for f in ours[-1:]]
    return "".join([f"{type(error).__name__}: {first}"[:300], *where])


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Returns a line for each program and reason, with the number of lanes."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["kind"] == KIND:
            cause = row["program"], row["error"]
            counts[cause] = counts.get(cause, 0) + 1
    return [
        f"Failed: {count} {'lane' if count == 1 else 'lanes'} of {program}: {error}"
        for (program, error), count in counts.items()
    ]


def standing(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows without the failures of lanes that a later try has ended."""
    over = batch.ended(rows)
    return [r for r in rows if r["kind"] != KIND or r["search"] not in over]
