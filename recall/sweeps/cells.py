"""How searches share compiled programs: cells, their shapes, and what they cost.

Searches of like kind are zero-padded into one shape where the padding costs less than
another compilation would.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from recall.sweeps.search import Search, Shape

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


class _Pack(NamedTuple):
    """Searches of one kind, and the shape that they would share."""

    searches: tuple[Search, ...]
    shape: Shape

    @property
    def seconds(self) -> float:
        """The work of its lanes: searches of a kind cost alike in a shape."""
        return len(self.searches) * self.searches[0].core_seconds(self.shape)


def _pack(searches: Sequence[Search]) -> list[_Pack]:
    """Merges packs of like searches as long as that saves more than padding costs."""
    shapes: dict[Shape, list[Search]] = {}
    for search in searches:
        shapes.setdefault(search.own_shape(), []).append(search)
    packs = [_Pack(tuple(shapes[shape]), shape) for shape in sorted(shapes)]
    gains = {
        (i, j): _gain(packs[i], packs[j]) for j in range(len(packs)) for i in range(j)
    }
    alive = set(range(len(packs)))
    while gains and gains[best := max(gains, key=gains.__getitem__)] > 0:
        packs.append(_merged(*(packs[i] for i in best)))
        alive -= set(best)
        gains = {pair: gain for pair, gain in gains.items() if alive.issuperset(pair)}
        new = len(packs) - 1
        gains |= {(i, new): _gain(packs[i], packs[new]) for i in alive}
        alive.add(new)
    return [packs[i] for i in sorted(alive)]


def _merged(one: _Pack, other: _Pack) -> _Pack:
    sizes = map(max, zip(one.shape, other.shape, strict=True))
    return _Pack(one.searches + other.searches, type(one.shape)(*sizes))


def _gain(one: _Pack, other: _Pack) -> float:
    """Seconds saved by one program for two packs."""
    padding = _merged(one, other).seconds - one.seconds - other.seconds
    return one.searches[0].compile_seconds - padding


def _cell(pack: _Pack) -> Cell:
    firsts = tuple(search.first for search in pack.searches)
    return Cell(pack.searches, pack.shape, firsts, (0,) * len(pack.searches))
