"""Searches packed into batches that share compiled programs.

Searches of like kind are zero-padded into one shape where the padding costs less than
another compilation would.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from recall.sweeps.batch import ONE, Batch, Plan
from recall.sweeps.search import Search, Shape, joined
from recall.sweeps.search_batch import SearchBatch


def group(searches: Sequence[Search], *, trace: bool = False) -> list[SearchBatch]:
    """Groups searches into batches, the cheapest first.

    Args:
        searches: in any order.
        trace: whether every check becomes a row, and models are kept.
    """
    kinds: dict[tuple, list[Search]] = {}
    for search in searches:
        kinds.setdefault(search.kind(), []).append(search)
    packs = [pack for kind in kinds.values() for pack in _pack(kind)]
    batches = [
        SearchBatch(
            lanes=pack.searches,
            shape=pack.shape,
            firsts=tuple(search.first for search in pack.searches),
            behind=(0,) * len(pack.searches),
            trace=trace,
        )
        for pack in packs
    ]
    # The first rows come soon, and what is wrong with a config shows early.
    return sorted(batches, key=lambda batch: batch.about().core_seconds)


def plan(
    work: Iterable[Search | Batch], skipped: Sequence[str] = (), *, trace: bool = False
) -> Plan:
    """Plans searches and batches: searches first, what spans processes last.

    Args:
        work: lanes that are searches, in any order, and batches.
        skipped: reasons why some of what was asked for cannot be.
        trace: whether every check of a search becomes a row, and models are kept.
    """
    each = list(work)
    batches: list[Batch] = [item for item in each if isinstance(item, Batch)]
    # What spans processes makes them wait for each other: so only once, at the end.
    single = [batch for batch in batches if batch.devices == ONE]
    spanning = [batch for batch in batches if batch.devices != ONE]
    searches = [item for item in each if isinstance(item, Search)]
    return Plan([*group(searches, trace=trace), *single, *spanning], tuple(skipped))


class _Pack(NamedTuple):
    """Searches of one kind, and the shape that they would share."""

    searches: tuple[Search, ...]
    shape: Shape

    @property
    def seconds(self) -> float:
        """The work of all lanes: searches of a kind cost alike in a shape."""
        return len(self.searches) * self.searches[0].core_seconds(self.shape)


def _pack(searches: Sequence[Search]) -> list[_Pack]:
    """Merges packs of like searches as long as that saves more than padding costs."""
    # The best pair first: sorting by size and cutting needed 52 programs for the 169
    # cells of the trade-off, this way 37 at 1,024 facts a step and 22 at 512.
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
        new = len(packs) - 1  # only its gains are new
        gains |= {(i, new): _gain(packs[i], packs[new]) for i in alive}
        alive.add(new)
    return [packs[i] for i in sorted(alive)]


def _merged(one: _Pack, other: _Pack) -> _Pack:
    shape = joined(one.shape, other.shape)
    return _Pack(one.searches + other.searches, shape)


def _gain(one: _Pack, other: _Pack) -> float:
    """Returns the seconds that one program for two packs saves."""
    padding = _merged(one, other).seconds - one.seconds - other.seconds
    return one.searches[0].compile_seconds - padding
