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

FLOPS = 2.5e10  # of a core of a CPU, about: what a plan reckons with


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
        """What its programs are made from."""
        design = kinds.Design(d=self.d, m=self.m or 0, activation=self.activation or "")
        recipe = training.Recipe(
            num_steps=self.num_steps, check_every=self.check_every, cosine=True
        )
        return programs.Memory(
            kind=self.memory,
            design=design,
            n=self.facts,
            embedding=self.embedding,
            chunk=self.chunk,
            recipe=recipe,
            learning_rate=self.learning_rate or 0.0,
        )


class Cost(NamedTuple):
    """What a step costs each device, by closed formulas.

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
    """What a step costs, given the number of devices; padding is counted."""
    layout, d, m = memory.layout(parts), memory.design.d, memory.design.m
    n, weights = layout.rows * parts, memory.num_parameters
    held = costs.held(n, d, weights, parts, chunk=layout.size, m=m)
    return Cost(
        flops=costs.memory_step(n, n, d, weights, parts).flops,
        held=int(held),
        ring=ring.ring_bytes(layout, d),
        summed=ring.sum_bytes(weights),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LargeBatch(Batch):
    """The memory of one lane."""

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
        steps = lane.num_steps + lane.num_steps / lane.check_every
        return About(
            title=f"large memory, {lane.memory}",
            shape=f"n={lane.facts} d={lane.d}{width} devices={parts}",
            parameters=(lane.settings.num_parameters,),
            # Its flops on one core.
            core_seconds=steps * cost(lane.settings, 1).flops / FLOPS,
            # On each of its devices; on one, if it takes all there are.
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
        begun = time.perf_counter()
        made = programs.programs(lane.settings, over)
        seed = np.int32(lane.seed)
        points, fit = made.draw(seed), made.begin(seed)
        if (state := restore(name)) is not None:
            everywhere = NamedSharding(over, programs.SAME)
            fit = jax.device_put(search_batch.unflatten(fit, state), everywhere)
        told = _bytes(made.advance, over, cost(lane.settings, over.size))
        told |= {"compile_seconds": round(time.perf_counter() - begun, 3)}
        spent = []
        while not _ended(lane, fit):
            begun = time.perf_counter()
            fit = jax.block_until_ready(made.advance(points, fit))
            spent.append((time.perf_counter() - begun) / lane.check_every)
            found = _found(fit) | {"step_seconds": spent[-1]} | told
            row = lane.row("trace", int(fit.steps), **found)
            yield Step([row], name, search_batch.flatten(fit))
        median = statistics.median(spent) if spent else None
        found = _found(fit) | {"step_seconds": median} | told
        yield Step([lane.row("run", **found | _peak(over))], name, None)


def _ended(lane: LargeLane, fit: training.Fit) -> bool:
    """Whether all is recalled, or the budget spent, or training diverged."""
    spent = int(fit.steps) >= lane.num_steps
    return spent or int(fit.correct) == lane.facts or not bool(fit.finite)


def _found(fit: training.Fit) -> Row:
    loss = float(fit.loss)
    return {
        "steps": int(fit.steps),
        "loss": loss if math.isfinite(loss) else None,
        "accuracy": int(fit.correct) / max(1, int(fit.asked)),
        "correct": int(fit.correct),
        "finite": bool(fit.finite),
    }


def _bytes(program: Any, over: Any, wanted: Cost) -> Row:
    """Bytes on each device: as compiled, and by formula."""
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
    """The most that any of this process' devices held; None where nobody counts."""
    stats = [device.memory_stats() or {} for device in over.local_devices]
    peaks = [each["peak_bytes_in_use"] for each in stats if "peak_bytes_in_use" in each]
    return {"peak_bytes": int(np.max(peaks)) if peaks else None}
