"""Jobs that ask where facts are: what survives once a part is changed."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import override

from recall import embeddings, training
from recall.experiments.learned_embeddings import measure, memories
from recall.experiments.learned_embeddings.lanes import SurvivalLane
from recall.sweeps.batch import About, Row, Rows

CHANGES = ("reset", "shuffle", "redraw")  # to a part, at the end
_OTHER = 2**20  # folded into seeds: draws that take the place of the first


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
        given = [lane.problem(jnp.int32(lane.d), lane.d) for lane in lanes]
        problems, fits = _begin(given)
        steps, ends = 0, _looks(first)
        yield _traces(lanes, fits, steps)
        for end in ends:
            checks = (end - steps) // first.check_every
            fits = _advance(first.recipe())(problems, fits, jnp.int32(checks))
            steps = end
            yield _traces(lanes, fits, steps)
        yield _changed(lanes, given, fits)
        for part in memories.PARTS:
            yield _retrained(lanes, given, fits, part)
        yield [_end(lane, fits, i) for i, lane in enumerate(lanes)]


def _begin(given: Sequence[memories.Problem]) -> tuple[Any, Any]:
    fits = [training.start(problem.initial) for problem in given]
    return measure.stack(given), measure.stack(fits)


def _looks(lane: SurvivalLane) -> list[int]:
    """Steps at which embeddings are measured: doubling, and the last."""
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
    """How orthogonal embeddings are by now, and how many facts are stored."""
    rows = []
    for i, lane in enumerate(lanes):
        told: dict[str, Any] = {
            "accuracy": int(fits.correct[i]) / lane.facts if steps else None,
            "finite": bool(fits.finite[i]),
        }
        for side in ("inputs", "outputs"):
            points = getattr(fits.params, side)[i]
            told |= {f"{side}_{k}": v for k, v in geometry(points).items()}
        rows.append(lane.row("trace", steps, steps=steps, **told))
    return rows


def geometry(points: Any) -> dict[str, float]:
    """Overlaps and effective rank of a table of embeddings."""
    found = embeddings.coherence(points)
    names = ("rms_overlap", "max_overlap", "participation", "norm_spread")
    return {name: float(f"{float(getattr(found, name)):.5g}") for name in names}


def _changed(
    lanes: Sequence[SurvivalLane], given: Sequence[memories.Problem], fits: Any
) -> list[Row]:
    """What is recalled once one part of a trained memory is changed."""
    rows = []
    for i, lane in enumerate(lanes):
        parts, problem = jax.tree.map(lambda x: x[i], fits.params), given[i]  # noqa: B023
        for part in memories.PARTS:
            for change in CHANGES:
                other = _change(lane, problem.initial, parts, part, change)
                value = float(_accuracy(other, problem.targets))
                rows.append(_survived(lane, part, change, value))
    return rows


_accuracy = jax.jit(memories.accuracy)


def _change(
    lane: SurvivalLane,
    initial: memories.Parts,
    parts: memories.Parts,
    part: str,
    how: str,
) -> memories.Parts:
    """Puts a part back to its first values, permutes its rows, or draws it anew."""
    if how == "reset":
        return parts._replace(**{part: getattr(initial, part)})
    if how == "redraw":
        return parts._replace(**{part: _anew(lane, part)})
    key = jax.random.key(lane.seed + _OTHER)
    return parts._replace(**{part: memories.shuffled(key, getattr(parts, part))})


def _anew(lane: SurvivalLane, part: str) -> Any:
    other = dataclasses.replace(lane, seed=lane.seed + _OTHER)
    return getattr(other.problem(jnp.int32(lane.d), lane.d).initial, part)


def _retrained(
    lanes: Sequence[SurvivalLane],
    given: Sequence[memories.Problem],
    fits: Any,
    part: str,
) -> list[Row]:
    """What is recalled once a part is drawn anew, and the others retrained."""
    first, problems = lanes[0], []
    for i, lane in enumerate(lanes):
        parts = jax.tree.map(lambda x: x[i], fits.params)  # noqa: B023
        others = set(memories.MODES[lane.mode]) - {part}
        problems.append(
            given[i]._replace(
                initial=parts._replace(**{part: _anew(lane, part)}),
                moves=memories.moving(others),
            )
        )
    budgets = jnp.full(len(lanes), first.num_steps, jnp.int32)
    found = measure.program(first.recipe())(measure.stack(problems), budgets)
    values = np.asarray(found.correct) / first.facts
    return [
        _survived(lane, part, "retrain others", float(value), int(steps))
        for lane, value, steps in zip(lanes, values, found.steps, strict=True)
    ]


def _survived(
    lane: SurvivalLane, part: str, change: str, value: float, steps: int = 0
) -> Row:
    told = {"part": part, "change": change, "accuracy": value, "steps": steps}
    return lane.row("probe", f"{part}-{change}", **told)


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
