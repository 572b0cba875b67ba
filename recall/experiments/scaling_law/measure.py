"""Batches of memories of Zipf facts: all seeds and exponents of one size."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall import training
from recall.experiments.scaling_law import lanes as zipf_lanes
from recall.experiments.scaling_law import training as zipf_training
from recall.experiments.scaling_law.lanes import ZipfLane
from recall.memories import linear, mlp
from recall.sweeps import lanes
from recall.sweeps.batch import About, Row, Rows

SIDE_BY_SIDE = 5  # lanes of a call: rows of all seeds at once, and a safe place to stop


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZipfBatch(Rows):
    """Memories of one size and method, over seeds and exponents."""

    lanes: tuple[ZipfLane, ...]

    @override
    def about(self) -> About:
        first, sizes = self.lanes[0], self.lanes[0].sizes
        rows, trained = max(first.known), first.way.startswith("trained")
        tries = len(first.learning_rates) * len(first.known) * len(first.powers)
        # A loss without its gradient takes a third of a step.
        steps = 2 * len(first.loop_bits) * first.loop_steps
        steps += tries * len(first.bits) * len(zipf_training.WIDENED) / 3
        steps += tries * (first.num_steps if trained else zipf_training.SCALES / 3)
        # Seconds of one core: a dispatch, the products of each fact, and its softmax.
        reads = 1.2e-10 * (sum(sizes) + first.outputs * first.d)
        step = 2e-5 + rows * (reads + 1.5e-9 * first.outputs)
        return About(
            title=f"Zipf facts, {first.memory} {first.way}".replace("_", " "),
            shape=f"n={rows} M={first.outputs} d={first.d} m={first.m}",
            parameters=[sum(lane.sizes) for lane in self.lanes],
            core_seconds=len(self.lanes) * steps * step,
            # Scores and hidden units of a step, four float32 copies of each.
            memory_bytes=16 * len(self.lanes) * rows * (first.outputs + first.m),
            compile_seconds=3.0,
        )

    @override
    def measure(self, lanes: Sequence[ZipfLane]) -> Iterator[list[Row]]:
        for first in range(0, len(lanes), SIDE_BY_SIDE):
            some = lanes[first : first + SIDE_BY_SIDE]
            stacked = jax.device_get(solve(some))
            for index, lane in enumerate(some):
                losses = jax.tree.map(lambda x: x[index], stacked)  # noqa: B023
                yield zipf_lanes.rows_of(lane, losses)


def solve(some: Sequence[ZipfLane]) -> zipf_training.Losses:
    """Solves lanes of one program; returns their losses, stacked."""
    first = some[0]
    starts = [lane.start() for lane in some]
    tasks, initial = jax.tree.map(lambda *xs: jnp.stack(xs), *starts)
    scores, devices = max(first.known) * first.outputs, [jax.local_devices()[0]]
    group = lanes.group_size(len(some), scores, devices, trained=True)
    recipes = (_decay(steps) for steps in (first.num_steps, first.loop_steps))
    run = program(first.memory, first.way, first.activation, *recipes, group)
    bits, loop_bits = (
        jnp.asarray(counts, jnp.float32) for counts in (first.bits, first.loop_bits)
    )
    return run(tasks, initial, first.tries(), bits, loop_bits)


@functools.cache
def program(
    memory: str,
    method: str,
    activation: str,
    recipe: training.Recipe,
    loop: training.Recipe,
    group: int,
) -> Callable:
    """Returns a jitted solver of stacked lanes; cached, as jit keeps its programs."""
    apply = linear.apply
    if memory == "mlp":
        apply = functools.partial(mlp.apply, activation=activation)
    make = functools.partial(zipf_training.fit, apply=apply, recipe=recipe)
    if method.startswith("outer_product"):
        make = zipf_training.outer_product
    solve = functools.partial(zipf_training.solve, apply=apply, make=make, recipe=loop)

    def every(tasks: Any, initial: Any, *shared: Any) -> Any:
        lane = lambda task, first: solve(task, first, *shared)  # noqa: E731
        if group > 1:
            return jax.vmap(lane)(tasks, initial)
        return jax.lax.map(lambda pair: lane(*pair), (tasks, initial))

    return jax.jit(every)


def _decay(steps: int) -> training.Recipe:
    """Returns Adam with cosine decay, without a look before the last step."""
    return training.Recipe(num_steps=steps, check_every=steps, cosine=True)
