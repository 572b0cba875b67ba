"""The finding of a signature, and the words for its numbers."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from recall.store.row import Row


class Finding(NamedTuple):
    """A failure that rows show, or something to know before they are read.

    Attributes:
        name: of the signature.
        serious: if results are wrong or missing; else it is only to be known.
        sentence: the observation, with its numbers.
        advice: what to change.
    """

    name: str
    serious: bool
    sentence: str
    advice: str


class Symptom(NamedTuple):
    """The sentence that says what a signature saw, and advice on what to change."""

    sentence: str
    advice: str


Signature = Callable[[Sequence[Row]], Symptom | None]


def of_kind(rows: Iterable[Row], *kinds: str) -> list[Row]:
    """Returns the rows whose kind is one of these."""
    return [row for row in rows if row.get("kind") in kinds]


def fraction(some: Sequence[Any], whole: Sequence[Any], noun: str) -> str:
    """Returns both counts in words, for instance "3 of 12 searches"."""
    return f"{len(some):,} of {len(whole):,} {noun}"


def settings(rows: Iterable[Row], *columns: str) -> str:
    """Returns the different values of columns among rows, such as "d = 8, 16"."""
    parts = []
    for column in columns:
        values = {row[column] for row in rows if row.get(column) is not None}
        if values:
            # Numbers first: a column may hold "all" beside them.
            ordered = sorted(values, key=lambda value: (isinstance(value, str), value))
            shown = [f"{v:g}" if isinstance(v, float) else str(v) for v in ordered]
            shown = shown if len(shown) < 7 else [*shown[:3], "...", shown[-1]]
            parts.append(f"{column.replace('_', ' ')} = {', '.join(shown)}")
    return "; ".join(parts)
