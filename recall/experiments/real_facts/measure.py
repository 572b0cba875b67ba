"""The smallest memories that store a table of named facts, all of it and 99 % of it."""

import dataclasses
import time
from collections.abc import Iterator, Sequence

from typing_extensions import override

from recall.data import fact_tables, names
from recall.experiments.real_facts import lanes as fact_lanes
from recall.experiments.real_facts import memories
from recall.sweeps import bracket
from recall.sweeps.batch import About, Row, Rows

THRESHOLDS = (1.0, 0.99)
SECONDS = {  # of one core for a lane of 1,557 facts, measured on a busy machine
    "trained": 60.0,
    "codes": 40.0,
    "gates": 60.0,
    "mlp": 30.0,
    "bilinear": 30.0,
    "linear": 40.0,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FactBatch(Rows):
    """The seeds of one kind of memory.

    Attributes:
        table: the facts, as they are read.
        vectors: of their names, where lanes ask for them.
    """

    lanes: tuple[fact_lanes.FactLane, ...]
    table: fact_tables.FactTable
    vectors: names.Vectors | None = dataclasses.field(compare=False, repr=False)

    @override
    def about(self) -> About:
        one, table = self.lanes[0], self.table
        keys = f" {one.keys}" if one.keys else ""
        tokens = len(table.subjects), len(table.relations)
        scores = table.num_facts * len(table.answers)
        budget = one.budget / memories.METHODS[one.method].usual
        seconds = SECONDS[one.method] * scores / (1557 * 859) * budget
        parameters = [memories.parameters(x, x.claim, tokens) for x in self.lanes]
        return About(
            title=f"{one.method}, {one.facts} facts, {one.embedding}",
            shape=f"n={table.num_facts} S={tokens[0]} R={tokens[1]} "
            f"{one.sizes[0]} to {one.sizes[-1]}{keys}",
            parameters=parameters,
            # Scores of every fact, and as many steps as the budget allows.
            core_seconds=len(self.lanes) * seconds,
            # Scores, a few times, and weights with the state of Adam.
            memory_bytes=24 * scores + 20 * max(parameters),
        )

    @override
    def measure(self, lanes: Sequence[fact_lanes.FactLane]) -> Iterator[list[Row]]:
        for lane in lanes:
            yield from search(lane, self.table, self.vectors)


def search(
    lane: fact_lanes.FactLane,
    table: fact_tables.FactTable,
    vectors: names.Vectors | None,
) -> Iterator[list[Row]]:
    """Walks from the claimed size to the smallest that stores all, then 99 %."""
    known: dict[int, memories.Found] = {}
    method = memories.METHODS[lane.method]
    smallest = {}
    for threshold in THRESHOLDS:
        while True:
            ok = {s: found.accuracy >= threshold for s, found in known.items()}
            size = next_size(lane.sizes, lane.claim, ok)
            if size is None:
                break
            begun = time.perf_counter()
            held = fact_lanes.stock(
                lane, table, vectors, size if method.wide else lane.d
            )
            known[size] = method.attempt(lane, held, size)
            told = known[size]._asdict() | {
                "size": size,
                "stored": known[size].accuracy == 1.0,
                "seconds": round(time.perf_counter() - begun, 3),
            }
            yield [lane.row("probe", size, **told)]
        smallest[threshold] = bracket.of(ok).high
    yield [lane.row("run", **_outcome(lane, table, known, smallest))]


def next_size(sizes: Sequence[int], claim: int, ok: dict[int, bool]) -> int | None:
    """Returns the size to try next, or None where the smallest that is good is known.

    Steps away from the claim double until both ends are known, then halve. The smallest
    is one whose next smaller size fails.
    """
    known = bracket.of({sizes.index(size): good for size, good in ok.items()})
    first = sizes.index(claim)
    stride = bracket.doubling(first)
    at = bracket.next_size(known, range(len(sizes)), first, stride)
    return None if at is None else sizes[at]


def _outcome(
    lane: fact_lanes.FactLane,
    base: fact_tables.FactTable,
    known: dict[int, memories.Found],
    smallest: dict[float, int | None],
) -> Row:
    """What a lane came to, beside what its table says."""
    table = fact_lanes.table_of(base, lane.facts, lane.seed)
    bits = fact_tables.size(table)
    told: Row = {
        "n": table.num_facts,
        "subjects": len(table.subjects),
        "relations": len(table.relations),
        "answers": len(table.answers),
        "clashes": fact_tables.clashes(table),
        "swaps": fact_tables.swaps(table),
        "uniform_bits": bits.uniform,
        "entropy_bits": bits.entropy,
        "trained": memories.METHODS[lane.method].trained,
        "finite": all(found.finite for found in known.values()),
        "impossible": sum(found.fit == "impossible" for found in known.values()),
        "num_probes": len(known),
        "best_accuracy": max(found.accuracy for found in known.values()),
    }
    for threshold, size in smallest.items():
        name = f"{threshold:.0%}".removesuffix("%")
        weights = None if size is None else known[size].parameters
        told |= {f"size_{name}": size, f"parameters_{name}": weights}
    weights = told["parameters_100"]
    if weights:
        told["facts_per_parameter"] = table.num_facts / weights
        told["bits_per_parameter"] = bits.entropy / weights
        told["uniform_bits_per_parameter"] = bits.uniform / weights
    return told
