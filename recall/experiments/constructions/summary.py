"""What rows of constructed transformers add up to: medians over seeds, by world."""

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
        width: d where it was given, None where it was searched.
        seeds: how many were built.
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
    """One for each construction, world and given width, in this order."""
    ends: dict[tuple, list[Row]] = {}
    asked: dict[str, list[bool]] = {}
    for row in rows:
        if row["kind"] == "run":
            world = row["subjects"], row["relations"], row["answers"]
            kind = row["construction"], world, row["width"]
            ends.setdefault(kind, []).append(row)
        elif row["kind"] == "probe" and _is_claim(row):
            asked.setdefault(row["search"], []).append(bool(row["stored"]))
    return [
        Summary(
            construction=kind[0],
            world=kind[1],
            width=kind[2],
            seeds=len(own),
            claim=own[0]["claim"],
            claim_stored=sum(all(asked.get(row["search"], [False])) for row in own),
            rows=[row for row in own if row["stored"]],
        )
        for kind, own in sorted(ends.items(), key=lambda pair: _order(*pair[0]))
    ]


def trained_density(rows: Iterable[rows_lib.Row], facts: int) -> list[float]:
    """Facts for each parameter of trained transformers that store about as many.

    Medians over seeds, of sizes that store between half and twice as many.
    """
    points = rows_lib.capacities(rows)
    return [
        point.median / point.parameters
        for point in points
        if point.memory == "transformer" and facts / 2 <= point.median <= 2 * facts
    ]


def _order(construction: str, world: World, width: int | None) -> tuple:
    return construction, world, width or 0


def _is_claim(row: Row) -> bool:
    return row["size"] == row["claim"] and row["beta"] == row["sharpness"]
