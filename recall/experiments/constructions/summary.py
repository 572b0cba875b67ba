"""Medians over seeds of constructed transformers, by construction and world."""

from collections.abc import Iterable
from typing import NamedTuple

from recall.stats import points as rows_lib
from recall.stats import seeds
from recall.store.row import Row

World = tuple[int, int, int]  # S, R, D


class Summary(NamedTuple):
    """The smallest transformers of one construction that recall every fact.

    Attributes:
        construction: its name.
        world: (S, R, D).
        width: d, or None where it was searched.
        seeds: number of seeds.
        claim: the size that was claimed to be enough.
        claim_stored: seeds that recall every fact at that size, at every length.
        rows: end rows of the seeds for which a size was found.
    """

    construction: str
    world: World
    width: int | None
    seeds: int
    claim: int
    claim_stored: int
    rows: list[Row]

    def spread(self, column: str) -> tuple[float, float, float]:
        """Returns median, least and most over seeds; nan where no row has a value."""
        return seeds.spread(self.rows, column)


def summaries(rows: Iterable[Row]) -> list[Summary]:
    """Returns one for each construction, world and fixed width, in this order."""
    ends: dict[tuple, list[Row]] = {}
    stored: dict[str, list[bool]] = {}  # at the claimed size, for each length
    for row in rows:
        if row["kind"] == "run":
            world = row["subjects"], row["relations"], row["answers"]
            kind = row["construction"], world, row["width"]
            ends.setdefault(kind, []).append(row)
        elif row["kind"] == "probe" and (
            (row["size"], row["beta"]) == (row["claim"], row["sharpness"])
        ):
            stored.setdefault(row["search"], []).append(bool(row["stored"]))
    return [
        Summary(
            construction=kind[0],
            world=kind[1],
            width=kind[2],
            seeds=len(group),
            claim=group[0]["claim"],
            claim_stored=sum(all(stored.get(row["search"], [False])) for row in group),
            rows=[row for row in group if row["stored"]],
        )
        for kind, group in sorted(
            ends.items(), key=lambda pair: (*pair[0][:2], pair[0][2] or 0)
        )
    ]


def trained_density(rows: Iterable[rows_lib.Row], facts: int) -> list[float]:
    """Returns facts for each parameter of trained transformers of about as many facts.

    Medians over seeds, of sizes that store between half and twice as many.
    """
    return [
        point.median / point.parameters
        for point in rows_lib.capacities(rows)
        if point.memory == "transformer" and facts / 2 <= point.median <= 2 * facts
    ]
