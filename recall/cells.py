"""How searches share compiled programs: cells, their shapes, and what they cost.

Searches of like kind are zero-padded into one shape where the padding costs less than
another compilation would.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from recall.searches import Search, Shape

MAX_HELD = 2**26  # scores held at once; beyond it they are computed in chunks


class Cell(NamedTuple):
    """Searches that share one compiled program.

    Attributes:
        searches: the lanes.
        shape: what they are padded to.
        firsts: the size that each lane probes first.
        behind: probes that each lane has behind it, in a smaller cell.
    """

    searches: tuple[Search, ...]
    shape: Shape
    firsts: tuple[int, ...]
    behind: tuple[int, ...]

    @property
    def name(self) -> str:
        """A name for these lanes in this shape."""
        parts = [s.digest() for s in self.searches] + [str(self.shape)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def group(searches: Sequence[Search]) -> list[Cell]:
    """Groups searches into cells, the cheapest cell first."""
    kinds: dict[tuple, list[Search]] = {}
    for search in searches:
        kinds.setdefault(search.kind(), []).append(search)
    packs = [pack for kind in kinds.values() for pack in _pack(kind)]
    return sorted((_cell(pack) for pack in packs), key=core_seconds)


def core_seconds(cell: Cell) -> float:
    """Estimates the work of a cell in seconds of one CPU core."""
    return sum(search.core_seconds(cell.shape) for search in cell.searches)


def memory_bytes(cell: Cell, num_devices: int) -> int:
    """Estimates what a cell holds: data of all lanes, scores of one lane a device."""
    data = sum(search.bytes(cell.shape) for search in cell.searches)
    scores = 4 * 3 * min(cell.searches[0].num_scores(cell.shape), MAX_HELD)
    return data + num_devices * scores


def wider(cell: Cell, full: Sequence[int], probes: Sequence[int]) -> Cell | None:
    """The cell of twice the room for the lanes that filled this one, if any."""
    if not full:
        return None
    searches = tuple(cell.searches[i] for i in full)
    n_max = min(2 * cell.shape.n_max, max(s.limit for s in searches))
    return Cell(
        searches=searches,
        shape=searches[0].widened(cell.shape, n_max),
        firsts=(cell.shape.n_max,) * len(full),
        behind=tuple(cell.behind[i] + probes[i] for i in full),
    )


def _pack(searches: Sequence[Search]) -> list[list[Search]]:
    """Sorts like searches by size and cuts where padding would cost too much."""
    packs: list[list[Search]] = []
    for search in sorted(searches, key=lambda s: s.own_shape()):
        together = [*packs[-1], search] if packs else []
        if packs and _padding_cost(together) < search.compile_seconds:
            packs[-1].append(search)
        else:
            packs.append([search])
    return packs


def _padding_cost(pack: Sequence[Search]) -> float:
    """Seconds that a pack loses by running all its lanes in one padded shape."""
    shape = _common_shape(pack)
    return sum(s.core_seconds(shape) - s.core_seconds(s.own_shape()) for s in pack)


def _common_shape(pack: Sequence[Search]) -> Shape:
    shapes = [search.own_shape() for search in pack]
    return type(shapes[0])(*(max(sizes) for sizes in zip(*shapes, strict=True)))


def _cell(pack: Sequence[Search]) -> Cell:
    firsts = tuple(search.first for search in pack)
    return Cell(tuple(pack), _common_shape(pack), firsts, (0,) * len(pack))
