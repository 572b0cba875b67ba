"""Medians over seeds of the rows of large memories."""

from collections.abc import Iterable
from typing import NamedTuple

from recall.stats import seeds
from recall.store.row import Row


class Summary(NamedTuple):
    """One memory of one number of facts, on one number of devices.

    Attributes:
        memory: its name.
        d: width of the embeddings.
        m: hidden units, or None.
        facts: N.
        devices: P.
        rows: the last row of each seed.
    """

    memory: str
    d: int
    m: int | None
    facts: int
    devices: int
    rows: list[Row]

    def spread(self, column: str) -> tuple[float, float, float]:
        """Returns median, least and most over seeds; nan where no row has a value."""
        return seeds.spread(self.rows, column)

    @property
    def held(self) -> float:
        """Bytes on each device: arguments and temporary arrays, as compiled."""
        return self.spread("argument_bytes")[0] + self.spread("temporary_bytes")[0]


def summaries(rows: Iterable[Row]) -> list[Summary]:
    """Returns a summary for each memory, width, devices and facts, in this order."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["kind"] == "run":
            # None does not sort beside numbers.
            kind = row["memory"], row["d"], row["m"] or 0, row["devices"], row["facts"]
            groups.setdefault(kind, []).append(row)
    return [
        Summary(memory=name, d=d, m=m or None, facts=facts, devices=devices, rows=group)
        for (name, d, m, devices, facts), group in sorted(
            groups.items(), key=lambda pair: pair[0]
        )
    ]


def families(summaries: Iterable[Summary]) -> dict[tuple, list[Summary]]:
    """Groups summaries that differ in facts only, by (memory, d, m, devices)."""
    groups: dict[tuple, list[Summary]] = {}
    for one in summaries:
        groups.setdefault((one.memory, one.d, one.m, one.devices), []).append(one)
    return groups
