"""A batch that counts, for tests of whatever runs batches."""

import dataclasses
from collections.abc import Iterator, Sequence

import jax
from typing_extensions import override

from recall.sweeps.batch import About, Lane, Row, Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Count(Lane):
    """Counts to a number."""

    number: int
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counting(Rows):
    """Tells every number of each lane, then ends it."""

    lanes: tuple[Count, ...]
    shape: str = "numbers"
    fails_at: int = -1

    @override
    def about(self) -> About:
        numbers = [lane.number for lane in self.lanes]
        return About("counting", self.shape, numbers, sum(numbers), 0)

    @override
    def measure(self, lanes: Sequence[Count]) -> Iterator[list[Row]]:
        for lane in lanes:
            for i in range(lane.number):
                if i == self.fails_at:
                    raise RuntimeError(f"cannot count to {i}")
                yield [lane.row("probe", i, device=str(jax.numpy.zeros(()).device))]
            yield [lane.row("run", total=lane.number)]


def batch(*numbers: int, **changes) -> Counting:
    return Counting(lanes=tuple(Count(number=n) for n in numbers), **changes)
