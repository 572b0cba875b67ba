"""One memory of more facts than a device holds the scores of: accuracy, time, bytes."""

import dataclasses
import math
import statistics
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding
from typing_extensions import override

from recall import training
from recall.experiments.large_memory import programs, ring
from recall.memories import kinds
from recall.sweeps import search_batch
from recall.sweeps.batch import About, Batch, Lane, Restore, Row, Step
from recall.theory import costs

FLOPS = 2.5e10  # of a core of a CPU, about: enough to order batches by their work


@dataclasses.dataclass(frozen=True, kw_only=True)
class LargeLane(Lane):
    """One memory, trained until it recalls everything or its budget is spent.

    Attributes:
        memory: one of `programs.CONSTRUCTED` or TRAINED.
        d: width of the embeddings.
        m: hidden units of an MLP; None of a linear memory.
        facts: N, each with an output of its own.
        seed: of facts and initial weights.
        parts: devices; 0 for all that there are.
        embedding: one of `programs.SAMPLERS`.
        activation: of an MLP; None of a linear memory.
        chunk: facts whose scores are held at once.
        num_steps: of Adam, with cosine decay; 1 for a construction.
        check_every: steps between two counts.
        learning_rate: where the decay begins; None of a construction.
    """

    memory: str
    d: int
    m: int | None
    facts: int
    seed: int
    parts: int
    embedding: str
    activation: str | None
    chunk: int
    num_steps: int
    check_every: int
    learning_rate: float | None

    @property
    def settings(self) -> programs.Memory:
        """The settings that shape the programs: all but the seed and the devices."""
        return programs.Memory(
            kind=self.memory,
            design=kinds.Design(
                d=self.d, m=self.m or 0, activation=self.activation or ""
            ),
            n=self.facts,
            embedding=self.embedding,
            chunk=self.chunk,
            recipe=training.Recipe(
                num_steps=self.num_steps, check_every=self.check_every, cosine=True
            ),
            learning_rate=self.learning_rate or 0.0,
        )


class Cost(NamedTuple):
    """The cost of a step for each device, by closed formulas.

    Attributes:
        flops: multiplications and additions.
        held: bytes of all that is kept at once.
        ring: bytes sent round the ring.
        summed: bytes of the one all-reduce.
    """

    flops: float
    held: int
    ring: int
    summed: int


def cost(memory: programs.Memory, parts: int) -> Cost:
    """Returns the cost of a step on a number of devices."""
    layout, d, m = memory.layout(parts), memory.design.d, memory.design.m
    n, weights = layout.rows * parts, memory.num_parameters  # padding costs as much
    held = costs.held(n, d, weights, parts, chunk=layout.size, m=m)
    return Cost(
        flops=costs.memory_step(n, n, d, weights, parts).flops,
        held=int(held),
        ring=ring.ring_bytes(layout, d),
        summed=ring.sum_bytes(weights),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LargeBatch(Batch):
    """The memory of one lane, which takes all the devices that it spans."""

    lanes: tuple[LargeLane, ...]

    @property
    @override
    def devices(self) -> int:
        return self.lanes[0].parts

    @override
    def about(self) -> About:
        lane = self.lanes[0]
        width = f" m={lane.m}" if lane.m else ""
        parts = lane.parts or "all"
        # A count of the recalled facts takes another trip round the ring.
        steps = lane.num_steps + lane.num_steps / lane.check_every
        return About(
            title=f"large memory, {lane.memory}",
            shape=f"n={lane.facts} d={lane.d}{width} devices={parts}",
            parameters=(lane.settings.num_parameters,),
            core_seconds=steps * cost(lane.settings, 1).flops / FLOPS,
            # Of one device where all are taken: a plan knows not how many there are.
            memory_bytes=cost(lane.settings, max(1, lane.parts)).held,
        )

    @override
    def run(
        self,
        devices: Sequence[Any],
        done: Collection[str] = (),
        restore: Restore = lambda name: None,
    ) -> Iterator[Step]:
        lane, name = self.lanes[0], f"large-{self.lanes[0].digest()}"
        over = programs.mesh(devices[: lane.parts or None])
        start = time.perf_counter()
        compiled = programs.programs(lane.settings, over)
        seed = np.int32(lane.seed)
        points, fit = compiled.draw(seed), compiled.begin(seed)
        if (state := restore(name)) is not None:
            everywhere = NamedSharding(over, programs.SAME)
            fit = jax.device_put(search_batch.unflatten(fit, state), everywhere)
        costs_of_step = _bytes(compiled.advance, over, cost(lane.settings, over.size))
        costs_of_step["compile_seconds"] = round(time.perf_counter() - start, 3)
        seconds = []
        # Until all is recalled, or the budget is spent, or training diverged.
        while (
            int(fit.steps) < lane.num_steps
            and int(fit.correct) != lane.facts
            and bool(fit.finite)
        ):
            start = time.perf_counter()
            fit = jax.block_until_ready(compiled.advance(points, fit))
            seconds.append((time.perf_counter() - start) / lane.check_every)
            columns = _outcome(fit) | {"step_seconds": seconds[-1]} | costs_of_step
            row = lane.row("trace", int(fit.steps), **columns)
            # Flat on the host: whatever number of devices goes on from here.
            yield Step([row], name, search_batch.flatten(fit))
        # A median: the first steps after a compilation are slower.
        median = statistics.median(seconds) if seconds else None
        columns = _outcome(fit) | {"step_seconds": median} | costs_of_step
        yield Step([lane.row("run", **columns | _peak(over))], name, None)


def _outcome(fit: training.Fit) -> Row:
    loss = float(fit.loss)
    return {
        "steps": int(fit.steps),
        "loss": loss if math.isfinite(loss) else None,
        "accuracy": int(fit.correct) / max(1, int(fit.asked)),  # none before a check
        "correct": int(fit.correct),
        "finite": bool(fit.finite),
    }


def _bytes(program: Any, over: Any, wanted: Cost) -> Row:
    """Returns bytes on each device as compiled, and the cost of a step by formula."""
    analysis = program.memory_analysis()
    return {
        "devices": over.size,
        "argument_bytes": analysis.argument_size_in_bytes,
        "temporary_bytes": analysis.temp_size_in_bytes,
        "held_bytes": wanted.held,
        "ring_bytes": wanted.ring,
        "sum_bytes": wanted.summed,
        "step_flops": wanted.flops,
    }


def _peak(over: Any) -> Row:
    """Returns the most that a device of this process held; None on a CPU."""
    stats = [device.memory_stats() or {} for device in over.local_devices]
    peaks = [each["peak_bytes_in_use"] for each in stats if "peak_bytes_in_use" in each]
    return {"peak_bytes": int(np.max(peaks)) if peaks else None}
