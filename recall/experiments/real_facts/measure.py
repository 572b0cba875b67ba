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
        table: the facts, before lanes copy or replace them.
        vectors: of their names, where lanes embed these.
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
        # The seconds were measured with 859 answers and the usual budgets.
        budget = one.budget / memories.METHODS[one.method].usual
        seconds = SECONDS[one.method] * scores / (1557 * 859) * budget
        parameters = [memories.parameters(x, x.claim, tokens) for x in self.lanes]
        return About(
            title=f"{one.method}, {one.facts} facts, {one.embedding}",
            shape=f"n={table.num_facts} S={tokens[0]} R={tokens[1]} "
            f"{one.sizes[0]} to {one.sizes[-1]}{keys}",
            parameters=parameters,
            core_seconds=len(self.lanes) * seconds,
            # Six float32 copies of the scores, and five of weights that Adam trains.
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
    results: dict[int, memories.Result] = {}
    method = memories.METHODS[lane.method]
    smallest = {}
    for threshold in THRESHOLDS:  # probes of the first serve the second
        while True:
            ok = {s: result.accuracy >= threshold for s, result in results.items()}
            size = next_size(lane.sizes, lane.claim, ok)
            if size is None:
                break
            start = time.perf_counter()
            d = size if method.wide else lane.d
            stock = fact_lanes.draw(lane, table, vectors, d)
            results[size] = method.attempt(lane, stock, size)
            values = results[size]._asdict() | {
                "size": size,
                "stored": results[size].accuracy == 1.0,
                "seconds": round(time.perf_counter() - start, 3),
            }
            yield [lane.row("probe", size, **values)]
        smallest[threshold] = bracket.of(ok).high
    yield [lane.row("run", **_outcome(lane, table, results, smallest))]


def next_size(sizes: Sequence[int], claim: int, ok: dict[int, bool]) -> int | None:
    """Returns the size to try next; None once one is good and the next smaller fails.

    Steps away from the claim double until both ends are known, then halve.
    """
    known = bracket.of({sizes.index(size): good for size, good in ok.items()})
    first = sizes.index(claim)
    stride = bracket.doubling(first)
    at = bracket.next_size(known, range(len(sizes)), first, stride)
    return None if at is None else sizes[at]


def _outcome(
    lane: fact_lanes.FactLane,
    base: fact_tables.FactTable,
    results: dict[int, memories.Result],
    smallest: dict[float, int | None],
) -> Row:
    """Returns the outcome of a lane, beside the numbers of its table."""
    table = fact_lanes.table_of(base, lane.facts, lane.seed)
    bits = fact_tables.size(table)
    row: Row = {
        "n": table.num_facts,
        "subjects": len(table.subjects),
        "relations": len(table.relations),
        "answers": len(table.answers),
        "clashes": fact_tables.clashes(table),
        "swaps": fact_tables.swaps(table),
        "uniform_bits": bits.uniform,
        "entropy_bits": bits.entropy,
        "trained": memories.METHODS[lane.method].trained,
        "finite": all(result.finite for result in results.values()),
        "impossible": sum(r.fit == "impossible" for r in results.values()),
        "num_probes": len(results),
        "best_accuracy": max(result.accuracy for result in results.values()),
    }
    for threshold, size in smallest.items():
        name = f"{threshold:.0%}".removesuffix("%")
        weights = None if size is None else results[size].parameters
        row |= {f"size_{name}": size, f"parameters_{name}": weights}
    weights = row["parameters_100"]
    if weights:
        row["facts_per_parameter"] = table.num_facts / weights
        row["bits_per_parameter"] = bits.entropy / weights
        row["uniform_bits_per_parameter"] = bits.uniform / weights
    return row
