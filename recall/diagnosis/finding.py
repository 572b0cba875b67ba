"""What a signature finds, and how it says numbers."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from recall.store.row import Row


class Finding(NamedTuple):
    """A failure that rows show, or something to know before they are read.

    Attributes:
        name: of the signature.
        serious: whether results are wrong or missing; else it is only to be known.
        sentence: what was found, with its numbers.
        advice: what to change.
    """

    name: str
    serious: bool
    sentence: str
    advice: str


Signature = Callable[[Sequence[Row]], Finding | None]


def of_kind(rows: Iterable[Row], *kinds: str) -> list[Row]:
    """Rows of these kinds."""
    return [row for row in rows if row.get("kind") in kinds]


def share(some: Sequence[Any], whole: Sequence[Any], what: str) -> str:
    """For instance "3 of 12 searches"."""
    return f"{len(some):,} of {len(whole):,} {what}"


def span(values: Sequence[int]) -> str:
    """For instance "3", or "3 to 12"."""
    ends = dict.fromkeys((min(values), max(values)))
    return " to ".join(f"{end:,}" for end in ends)


def median(values: Iterable[float]) -> float:
    """The median of numbers, of which there is one at least."""
    return float(statistics.median(values))


def settings(rows: Iterable[Row], *columns: str) -> str:
    """The different values of columns among rows, for instance "d = 8, 16"."""
    told = []
    for column in columns:
        values = {row[column] for row in rows if row.get(column) is not None}
        if values:
            ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
            shown = [f"{v:g}" if isinstance(v, float) else str(v) for v in ordered]
            shown = shown if len(shown) < 7 else [*shown[:3], "...", shown[-1]]
            told.append(f"{column.replace('_', ' ')} = {', '.join(shown)}")
    return "; ".join(told)
