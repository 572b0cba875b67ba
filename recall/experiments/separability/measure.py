"""The exact capacity of memories that are linear in their weights, proved both ways.

Fact sets are nested, so that the answer changes once: some weights store the sizes up
to `stored`, none store those from `impossible` on, and in between nothing was decided.
"""

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from typing_extensions import override

from recall.experiments.separability import features
from recall.solvers import separation
from recall.sweeps import bracket
from recall.sweeps.batch import About, Row, Rows

ROOM = 1.06  # facts to make room for, as a multiple of what is expected
STEP = 1.03  # by which a missing end is looked for, as expectations are close
STRIDE = bracket.geometric(STEP, STEP**2)  # guesses are one STEP below what is expected


class Known(NamedTuple):
    """The verdicts on a capacity so far.

    Attributes:
        stored: largest size that some weights store; 0 if none is known.
        impossible: smallest size that no weights store; None if none is known.
        undecided: sizes in between that were probed in vain.
    """

    stored: int = 0
    impossible: int | None = None
    undecided: tuple[int, ...] = ()


def learn(known: Known, size: int, verdict: str) -> Known:
    """Adds a verdict, and drops the undecided sizes that monotonicity decides."""
    stored, impossible, undecided = known
    if verdict == "stored":
        stored = max(stored, size)
    elif verdict == "impossible":
        impossible = min(size, impossible or size)
    else:
        undecided = (*undecided, size)
    inside = (n for n in undecided if stored < n < (impossible or math.inf))
    return Known(stored, impossible, tuple(sorted(inside)))


def next_size(known: Known, first: int, limit: int, resolution: float) -> int | None:
    """Returns the size to probe next, or None once both ends are close enough.

    The largest that is stored is looked for first, then the smallest impossible one:
    they differ where sizes in between stay undecided.
    """
    stored, impossible, undecided = known
    not_stored = [*undecided, *([impossible] if impossible else [])]
    ends = bracket.Bracket(low=stored or None, high=min(not_stored, default=None))
    rest = range(1, limit + 1), first, STRIDE, max(1, int(resolution * stored))
    size = bracket.next_size(ends, *rest)
    if size is None and stored:
        ends = bracket.Bracket(low=max([*undecided, stored]), high=impossible)
        size = bracket.next_size(ends, *rest)
    return size


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeparableLane(features.FixedFeatures):
    """One search for an exact capacity.

    Attributes:
        expected: size that is expected to be the capacity.
        limit: ceiling on the size.
        resolution: by which both ends close in, as a fraction.
        solver: how hard each size is tried.
    """

    expected: int = 1
    limit: int = 10**6
    resolution: float = 0.01
    solver: separation.Solver = separation.SOLVER

    @override
    def columns(self) -> Row:
        return super().columns() | {"method": "separation"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeparableBatch(Rows):
    """The search of one lane: widths are shapes, so that no two share a program."""

    lanes: tuple[SeparableLane, ...]

    @override
    def about(self) -> About:
        lane = self.lanes[0]
        room = _room(lane)
        n_max = lane.num_facts(room)
        scores = n_max * room * (features.ANSWERS if lane.heads else 1)
        step = scores * (0.85e-9 + 0.03e-9 * lane.d)
        reads = 0.1e-9 * n_max * lane.num_features
        return About(
            title=f"separable {lane.memory}",
            shape=f"n_max={n_max} q={lane.num_features} d={lane.d}",
            parameters=(lane.parameters,),
            # About 20,000 steps: eight probes, of which few are hard.
            core_seconds=2e4 * (5e-6 + step + reads),
            memory_bytes=36 * scores,  # three times in float32 and three in float64
        )

    @override
    def measure(self, lanes: Sequence[SeparableLane]) -> Iterator[list[Row]]:
        (lane,) = lanes
        known, probes, room = Known(), 0, _room(lane)
        first = max(1, int(lane.expected / STEP))
        facts_of = lane.facts_of(room)
        while (n := next_size(known, first, lane.limit, lane.resolution)) is not None:
            if n > room:  # another shape, and by so much that it is the last one
                room = min(lane.limit, math.ceil(1.5 * n))
                facts_of = lane.facts_of(room)
            start = time.perf_counter()
            result = separation.separate(facts_of(n), lane.solver)
            known = learn(known, n, result.verdict)
            columns = {
                "n": lane.num_facts(n),
                "probe": probes,
                **_probe_columns(result),
            }
            columns["seconds"] = round(time.perf_counter() - start, 3)
            yield [lane.row("probe", probes, **columns)]
            probes += 1
        yield [lane.row("capacity", **_capacity_columns(lane, known, probes))]


def _room(lane: SeparableLane) -> int:
    return min(lane.limit, math.ceil(ROOM * lane.expected))


def _probe_columns(result: separation.Separation) -> Row:
    return {
        "verdict": result.verdict,
        "stored": result.stored,
        "margin": result.margin,
        # Weights that store leave no certificate to look for.
        "infeasibility": None if result.stored else result.infeasibility,
        "steps": result.steps,
        "finite": math.isfinite(result.margin),
    }


def _capacity_columns(lane: SeparableLane, known: Known, probes: int) -> Row:
    impossible = known.impossible
    return {
        "capacity": lane.num_facts(known.stored),
        "upper": None if impossible is None else lane.num_facts(impossible),
        "undecided": len(known.undecided),
        "censored": known.stored == lane.limit,
        "finite": True,
        "num_probes": probes,
    }
