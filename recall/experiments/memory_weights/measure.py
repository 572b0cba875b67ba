"""The fewest weights with which a memory stores all its facts: a search of widths."""

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence

import jax
from typing_extensions import override

from recall.experiments.memory_weights import small_memories
from recall.sweeps import bracket
from recall.sweeps.batch import About, Lane, Row, Rows


def next_width(
    stored: Mapping[int, bool], first: int, most: int, resolution: float
) -> int | None:
    """Returns the width to try next, or None once the smallest that stores is known.

    Args:
        stored: the widths that were tried, and if all facts are stored there.
        first: width to begin with.
        most: largest width to try.
        resolution: how far apart both ends may stay, as a fraction of the upper one.
    """
    known = bracket.of(stored)
    # A fraction of the upper end: the width that stores is the one that is reported.
    gap = max(1, int(resolution * (known.high or 0)))
    widths = range(1, most + 1)
    return bracket.next_size(known, widths, first, bracket.WIDTHS, gap)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsLane(Lane):
    """One search for the fewest weights.

    Attributes:
        method: one of `small_memories.METHODS`.
        d: width of the embeddings.
        facts: how many are to be stored, all of them.
        seed: of facts and features.
        expected: width that is expected.
        most: largest width to try.
        resolution: by which widths close in, as a fraction.
    """

    method: str
    d: int
    facts: int
    seed: int
    expected: int
    most: int
    resolution: float = 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightsBatch(Rows):
    """The search of one lane: widths and facts are shapes of its programs."""

    lanes: tuple[WeightsLane, ...]

    @override
    def about(self) -> About:
        lane = self.lanes[0]
        scores = lane.facts**2 * (0.85e-9 + 0.03e-9 * lane.d)
        step = 2e-5 + scores + 2e-10 * lane.facts * lane.expected * lane.d
        method = small_memories.METHODS[lane.method]
        return About(
            title=f"fewest weights, {lane.method}",
            shape=f"n={lane.facts} d={lane.d} width={lane.expected}",
            parameters=(method.weights(lane.d, lane.expected),),
            # A few widths of thousands of steps, or a few closed forms.
            core_seconds=step * (5e4 if method.iterative else 500),
            # Scores in float64 and features.
            memory_bytes=40 * lane.facts**2 + 32 * lane.facts * lane.expected,
        )

    @override
    def measure(self, lanes: Sequence[WeightsLane]) -> Iterator[list[Row]]:
        (lane,) = lanes
        method = small_memories.METHODS[lane.method]
        facts = small_memories.draw(lane.seed, lane.facts, lane.d)
        key = jax.random.fold_in(jax.random.key(lane.seed), 2)
        room, stored = 0, dict[int, bool]()
        while (
            width := next_width(stored, lane.expected, lane.most, lane.resolution)
        ) is not None:
            room = max(width, room)  # only wider ones compile again
            start = time.perf_counter()
            attempt = method.attempt(facts, key, width, room)
            columns = {"probe": len(stored), "width": width} | attempt._asdict()
            columns |= {"finite": True}
            columns["seconds"] = round(time.perf_counter() - start, 3)
            yield [lane.row("probe", len(stored), **columns)]
            stored[width] = attempt.stored
        fewest = bracket.of(stored).high
        yield [
            lane.row(
                "run",
                width=fewest,
                weights=None if fewest is None else method.weights(lane.d, fewest),
                iterative=method.iterative,
                censored=fewest is None,  # all widths up to `most` were too few
                finite=True,
                num_probes=len(stored),
            )
        ]
