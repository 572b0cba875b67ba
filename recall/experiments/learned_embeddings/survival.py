"""Jobs that ask where facts are: what survives once a part is changed."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall import training
from recall.experiments.learned_embeddings import changes, memories, parts
from recall.experiments.learned_embeddings.lanes import SurvivalLane
from recall.sweeps.batch import About, Row, Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class SurvivalBatch(Rows):
    """The seeds of one memory and mode."""

    lanes: tuple[SurvivalLane, ...]

    @override
    def about(self) -> About:
        first = self.lanes[0]
        step = 2e-5 + 4e-9 * first.facts * first.outputs
        return About(
            title=f"survival, {first.memory}, learned: {first.mode}",
            shape=f"n={first.facts} M={first.outputs} d={first.d}",
            parameters=[lane.numbers(lane.d) for lane in self.lanes],
            # Training once, and three times more without a part.
            core_seconds=4 * len(self.lanes) * first.num_steps * step,
            # Scores of a step, four times over.
            memory_bytes=16 * len(self.lanes) * first.facts * first.outputs,
            compile_seconds=4.0,
        )

    @override
    def measure(self, lanes: Sequence[SurvivalLane]) -> Iterator[list[Row]]:
        first = lanes[0]
        problems = [lane.start() for lane in lanes]
        stacked = parts.stack(problems)
        fits = parts.stack([training.start(problem.initial) for problem in problems])
        yield _traces(lanes, fits, 0)
        for start, end in itertools.pairwise([0, *_looks(first)]):
            checks = (end - start) // first.check_every
            fits = _advance(first.recipe())(stacked, fits, jnp.int32(checks))
            yield _traces(lanes, fits, end)
        yield from changes.survive(lanes, problems, fits.params, steps=0)
        yield [_end(lane, fits, i) for i, lane in enumerate(lanes)]


def _looks(lane: SurvivalLane) -> list[int]:
    """Returns the steps at which embeddings are measured: doubling, and the last."""
    doubling = [lane.check_every]
    while 2 * doubling[-1] < lane.num_steps:
        doubling.append(2 * doubling[-1])
    return [*doubling, lane.num_steps]


@functools.cache
def _advance(recipe: training.Recipe) -> Callable:
    def lane(trio: tuple) -> training.Fit:
        problem, fit, checks = trio
        step = lambda _, fit: memories.advance(problem, fit, recipe)  # noqa: E731
        return jax.lax.fori_loop(0, checks, step, fit)

    def every(problems: Any, fits: Any, checks: Any) -> training.Fit:
        again = jnp.broadcast_to(checks, problems.learning_rate.shape)
        return jax.lax.map(lane, (problems, fits, again))

    return jax.jit(every)


def _traces(lanes: Sequence[SurvivalLane], fits: Any, steps: int) -> list[Row]:
    """Measures the geometry of embeddings, and the facts that are stored by now."""
    rows = []
    for i, lane in enumerate(lanes):
        accuracy = int(fits.correct[i]) / lane.facts if steps else None
        columns: Any = {"accuracy": accuracy, "finite": bool(fits.finite[i])}
        for side in ("inputs", "outputs"):
            points = getattr(fits.params, side)[i]
            columns |= {f"{side}_{k}": v for k, v in changes.geometry(points).items()}
        rows.append(lane.row("trace", steps, steps=steps, **columns))
    return rows


def _end(lane: SurvivalLane, fits: Any, index: int) -> Row:
    return lane.row(
        "run",
        measure="survival",
        accuracy=int(fits.correct[index]) / lane.facts,
        steps=int(fits.steps[index]),
        finite=bool(fits.finite[index]),
        weights=lane.weights(lane.d),
        parameters=lane.numbers(lane.d),
    )
