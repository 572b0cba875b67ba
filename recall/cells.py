"""How searches share compiled programs: cells, their shapes, and what they cost.

Searches of like kind are zero-padded into one shape where the padding costs less than
another compilation would.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from recall.searches import Search, Shape, first, own_shape

COMPILE_SECONDS = 2.0  # what a further program costs on a CPU, measured 1.4-2.5
BUDGETS = {"bisect": 4.0, "grow": 2.2, "grow+bisect": 4.5}  # spent by one search


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
        kinds.setdefault(_static(search), []).append(search)
    packs = [pack for kind in kinds.values() for pack in _pack(kind)]
    return sorted((_cell(pack) for pack in packs), key=core_seconds)


def step_seconds(shape: Shape) -> float:
    """Estimates one training step of one lane on one CPU core (benchmarks/steps.py)."""
    n, num_outputs, d, m = shape
    return 1e-5 + n * num_outputs * (0.85e-9 + 0.03e-9 * d) + 0.2e-9 * n * d * m


def core_seconds(cell: Cell) -> float:
    """Estimates the work of a cell in seconds of one CPU core."""
    return sum(_lane_seconds(search, cell.shape) for search in cell.searches)


def memory_bytes(cell: Cell, num_devices: int) -> int:
    """Estimates what a cell holds: data of all lanes, scores of one lane a device."""
    n, num_outputs, d, m = cell.shape
    data = 4 * (n + num_outputs) * d
    weights = 4 * 5 * max(2 * d * m, d**2)
    scores = 4 * 3 * min(n * num_outputs, 2**26)
    return len(cell.searches) * (data + weights) + num_devices * scores


def wider(cell: Cell, full: Sequence[int], probes: Sequence[int]) -> Cell | None:
    """The cell of twice the room for the lanes that filled this one, if any."""
    if not full:
        return None
    searches = tuple(cell.searches[i] for i in full)
    n_max = min(2 * cell.shape.n_max, max(s.limit for s in searches))
    num_outputs = searches[0].num_outputs or n_max
    return Cell(
        searches=searches,
        shape=cell.shape._replace(n_max=n_max, num_outputs=num_outputs),
        firsts=(cell.shape.n_max,) * len(full),
        behind=tuple(cell.behind[i] + probes[i] for i in full),
    )


def _static(search: Search) -> tuple:
    """What searches must share to share a program."""
    program = search.memory, search.activation, search.num_outputs
    return (*program, search.recipe, search.strategy, len(search.learning_rates))


def _lane_seconds(search: Search, shape: Shape) -> float:
    if not search.trained:
        return 12 * (step_seconds(shape) + 2e-9 * shape.d**3)
    budget = BUDGETS[search.strategy.method] * search.recipe.num_steps
    return budget * step_seconds(shape)


def _pack(searches: Sequence[Search]) -> list[list[Search]]:
    """Sorts like searches by size and cuts where padding would cost too much."""
    packs: list[list[Search]] = []
    for search in sorted(searches, key=own_shape):
        if packs and _padding_cost([*packs[-1], search]) < COMPILE_SECONDS:
            packs[-1].append(search)
        else:
            packs.append([search])
    return packs


def _padding_cost(pack: Sequence[Search]) -> float:
    """Seconds that a pack loses by running all its lanes in one padded shape."""
    shape = _common_shape(pack)
    return sum(_lane_seconds(s, shape) - _lane_seconds(s, own_shape(s)) for s in pack)


def _common_shape(pack: Sequence[Search]) -> Shape:
    return Shape(*(max(sizes) for sizes in zip(*map(own_shape, pack), strict=True)))


def _cell(pack: Sequence[Search]) -> Cell:
    firsts = tuple(first(s) for s in pack)
    return Cell(tuple(pack), _common_shape(pack), firsts, (0,) * len(pack))
