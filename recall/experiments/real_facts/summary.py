"""The smallest memories of named facts, over seeds."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from recall.stats import points, seeds

CASE = ("method", "facts", "embedding", "keys", "d")


class Case(NamedTuple):
    """One kind of memory on one kind of facts.

    Attributes:
        method: of `memories.METHODS`.
        facts: "real", "copies" or "synthetic".
        embedding: of names or tokens.
        keys: of an associative memory, else "".
        d: width, 0 where it is what is searched.
        rows: the end row of each seed.
    """

    method: str
    facts: str
    embedding: str
    keys: str
    d: int
    rows: list[points.Row]

    def values(self, column: str) -> np.ndarray:
        """Returns a column over the seeds that have it."""
        cells = [row.get(column) for row in self.rows]
        return np.array([cell for cell in cells if cell is not None], float)

    def spread(self, column: str) -> tuple[float, float, float]:
        """Returns median, least and most over seeds; nan where no row has a value."""
        return seeds.spread(self.rows, column)


def cases(rows: Iterable[points.Row]) -> list[Case]:
    """Groups the searches by case, in the order of their rows."""
    groups: dict[tuple, list[Any]] = {}
    for row in rows:
        if row["kind"] == "run" and row["method"] != "stages":
            case = tuple(row.get(name) or "" for name in CASE[:4])
            groups.setdefault((*case, row["d"] or 0), []).append(row)
    return [Case(*key, rows=ends) for key, ends in groups.items()]


def stages(rows: Iterable[points.Row]) -> list[points.Row]:
    """Returns the end rows of the runs whose stages were watched."""
    return [r for r in rows if r["kind"] == "run" and r["method"] == "stages"]
