"""Jobs of memories of Zipf facts: all seeds and exponents of one size."""

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

SIDE_BY_SIDE = 5  # lanes of one call


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZipfBatch(Rows):
    """Lanes of one program."""

    lanes: tuple[ZipfLane, ...]

    @override
    def about(self) -> About:
        first = self.lanes[0]
        tries = len(first.learning_rates) * len(first.known) * len(first.powers)
        steps = 2 * len(first.loop_bits) * first.loop_steps
        steps += tries * len(first.bits) * len(zipf_training.WIDENED) / 3
        trained = first.way.startswith("trained")
        steps += tries * (first.num_steps if trained else zipf_training.SCALES / 3)
        reads = 1.2e-10 * (first.parameters + first.outputs * first.d)
        step = 2e-5 + first.rows * (reads + 1.5e-9 * first.outputs)
        return About(
            title=f"Zipf facts, {first.memory} {first.way}".replace("_", " "),
            shape=f"n={first.rows} M={first.outputs} d={first.d} m={first.m}",
            parameters=[lane.parameters for lane in self.lanes],
            # Steps, and a third of one for each loss of rounded weights.
            core_seconds=len(self.lanes) * steps * step,
            # Scores and hidden units of a step, four times over.
            memory_bytes=16 * len(self.lanes) * first.rows * (first.outputs + first.m),
            compile_seconds=3.0,
        )

    @override
    def measure(self, lanes: Sequence[ZipfLane]) -> Iterator[list[Row]]:
        for first in range(0, len(lanes), SIDE_BY_SIDE):
            some = lanes[first : first + SIDE_BY_SIDE]
            found = jax.device_get(solve(some))
            for index, lane in enumerate(some):
                own = jax.tree.map(lambda x: x[index], found)  # noqa: B023
                yield zipf_lanes.rows_of(lane, own)


def solve(some: Sequence[ZipfLane]) -> Any:
    """What was found of lanes of one program, stacked."""
    first = some[0]
    starts = [lane.start() for lane in some]
    tasks, initial = jax.tree.map(lambda *xs: jnp.stack(xs), *starts)
    scores, devices = first.rows * first.outputs, [jax.local_devices()[0]]
    group = lanes.group_size(len(some), scores, devices, trained=True)
    run = program(first.memory, first.way, first.activation, *_recipes(first), group)
    bits, loop_bits = (
        jnp.asarray(few, jnp.float32) for few in (first.bits, first.loop_bits)
    )
    return run(tasks, initial, first.tries(), bits, loop_bits)


@functools.cache
def program(
    memory: str,
    way: str,
    activation: str,
    recipe: training.Recipe,
    loop: training.Recipe,
    group: int,
) -> Callable:
    """Solves stacked lanes, side by side or in turn: a compilation for each shape."""
    apply = linear.apply
    if memory == "mlp":
        apply = functools.partial(mlp.apply, activation=activation)
    make = functools.partial(zipf_training.fit, apply=apply, recipe=recipe)
    if way.startswith("outer_product"):
        make = zipf_training.outer_product
    solve = functools.partial(zipf_training.solve, apply=apply, make=make, recipe=loop)

    def every(tasks: Any, initial: Any, *shared: Any) -> Any:
        lane = lambda task, first: solve(task, first, *shared)  # noqa: E731
        if group > 1:
            return jax.vmap(lane)(tasks, initial)
        return jax.lax.map(lambda pair: lane(*pair), (tasks, initial))

    return jax.jit(every)


def _recipes(lane: ZipfLane) -> tuple[training.Recipe, training.Recipe]:
    """Of training, and of going on with rounded weights."""
    return _decay(lane.num_steps), _decay(lane.loop_steps)


def _decay(steps: int) -> training.Recipe:
    return training.Recipe(num_steps=steps, check_every=steps, cosine=True)
