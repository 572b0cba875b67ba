"""Batches of training runs side by side, whose stage losses are watched."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall.data import recall_task
from recall.experiments.learning_stages.lanes import StageLane
from recall.experiments.learning_stages.records import Book, Checks
from recall.models import linear_attention, stage_training, stages
from recall.sweeps.batch import ENDS, About, Row, Rows

CHUNK = 16  # checks in one call: a stop waits for no more, and calls cost little
SIDE_BY_SIDE = 5  # lanes that are vmapped: the seeds of a setting, which end together
_SECONDS = 2.5e-9  # of one core, for an answer's logit of a prompt, there and back
_LEAST = 1.2e-5  # seconds of a step that reads nothing


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageBatch(Rows):
    """Lanes of one program, some of them side by side.

    Attributes:
        trace: whether each check is a row, and each chunk leaves a picture of weights.
    """

    lanes: tuple[StageLane, ...]
    trace: bool

    @property
    def padded(self) -> recall_task.Sizes:
        """The smallest sizes that hold those of all lanes."""
        sides = zip(*(lane.sizes for lane in self.lanes), strict=True)
        return recall_task.Sizes(*map(max, sides))

    @override
    def about(self) -> About:
        seconds = 0.0
        for lane in self.lanes:
            answers = lane.relations * lane.answers
            prompts = lane.batch if lane.loss == "sampled" else lane.sizes.facts
            # A transformer reads its widths beside the logits.
            wide = answers + lane.subjects + 4 * lane.heads * lane.head_dim + 4 * lane.m
            seconds += lane.num_steps * (_LEAST + _SECONDS * prompts * wide)
        first, sizes = self.lanes[0], self.padded
        prompts = max(first.batch, first.checks * sizes.facts)
        logits = prompts * sizes.relations * sizes.answers
        return About(
            title=f"{first.model} {first.attention} {first.embedding} "
            f"{first.optimizer}",
            shape=" ".join(f"{k}={v}" for k, v in sizes._asdict().items()),
            parameters=[lane.parameters for lane in self.lanes],
            core_seconds=seconds,
            memory_bytes=16 * len(self.lanes) * logits,  # float32, four at a time
            compile_seconds=4.0,
        )

    @override
    def measure(self, lanes: Sequence[StageLane]) -> Iterator[list[Row]]:
        for first in range(0, len(lanes), SIDE_BY_SIDE):
            yield from self.side_by_side(lanes[first : first + SIDE_BY_SIDE])

    def side_by_side(self, lanes: Sequence[StageLane]) -> Iterator[list[Row]]:
        """Trains some lanes together until each of them has ended."""
        problems, states, books = self.start(lanes)
        advance = program(lanes[0].recipe(self.padded.noise), lanes[0].check_every)
        while not all(book.ended for book in books):
            states, checks = advance(problems, states)
            rows = []
            for index, book in enumerate(books):
                rows += book.note(checks, index)
                if self.trace:
                    rows += book.picture(states.params, index)
            yield [row for row in rows if self.trace or row["kind"] in ENDS]

    def start(self, lanes: Sequence[StageLane]) -> tuple[Any, Any, list[Book]]:
        """Returns the problems and states of some lanes, stacked, and their books."""
        starts = [lane.start(self.padded) for lane in lanes]
        problems, params = jax.tree.map(lambda *xs: jnp.stack(xs), *starts)
        recipe = lanes[0].recipe(self.padded.noise)
        start = functools.partial(stage_training.start, recipe=recipe)
        num_answers = self.padded.relations * self.padded.answers
        books = [
            Book(lane, float(stages.entropy(problem.world, num_answers)))
            for lane, (problem, _) in zip(lanes, starts, strict=True)
        ]
        return problems, jax.vmap(start)(problems, params), books


@functools.cache
def program(recipe: stage_training.Recipe, check_every: int) -> Callable:
    """Trains all lanes for CHUNK checks: one compilation for each shape."""

    def lane(problem: Any, state: Any) -> tuple[Any, Checks]:
        def one(state: Any, _: None) -> tuple[Any, Checks]:
            state = stage_training.advance(problem, state, recipe, check_every)
            attention = jnp.full(4, jnp.nan)  # heads of a transformer share no one view
            if isinstance(state.params, linear_attention.Params):
                attention = stage_training.attention(state.params, problem, recipe)
            measures = stage_training.check(problem, state.params, recipe)
            return state, Checks(state.step, measures, attention)

        return jax.lax.scan(one, state, length=CHUNK)

    return jax.jit(jax.vmap(lane))
