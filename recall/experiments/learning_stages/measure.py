"""Jobs of training runs side by side, whose stage losses are watched."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall.data import recall_task
from recall.experiments.learning_stages.lanes import StageLane
from recall.experiments.learning_stages.records import Book, Look
from recall.models import linear_attention, stage_training, stages
from recall.sweeps.batch import ENDS, About, Row, Rows

CHUNK = 16  # checks between two looks of the host
SIDE_BY_SIDE = 5  # lanes that are vmapped
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
        first = self.lanes[0]
        total = 0.0
        for lane in self.lanes:
            answers = lane.relations * lane.answers
            prompts = lane.batch if lane.loss == "sampled" else lane.sizes.facts
            wide = answers + lane.subjects + 4 * lane.heads * lane.head_dim + 4 * lane.m
            total += lane.num_steps * (_LEAST + _SECONDS * prompts * wide)
        first, sizes = self.lanes[0], self.padded
        prompts = max(first.batch, first.checks * sizes.facts)
        kind = first.model, first.attention, first.embedding, first.optimizer
        logits = prompts * sizes.relations * sizes.answers
        return About(
            title=" ".join(kind),
            shape=" ".join(f"{k}={v}" for k, v in self.padded._asdict().items()),
            parameters=[lane.parameters for lane in self.lanes],
            # Logits of a step, times steps; a transformer reads its widths as well.
            core_seconds=total,
            # Logits of a step and of a check, four times over.
            memory_bytes=16 * len(self.lanes) * logits,
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
            states, found = advance(problems, states)
            rows = []
            for index, book in enumerate(books):
                rows += book.note(found, index)
                if self.trace:
                    rows += book.picture(states.params, index)
            yield [row for row in rows if self.trace or row["kind"] in ENDS]

    def start(self, lanes: Sequence[StageLane]) -> tuple[Any, Any, list[Book]]:
        """Problems and states of some lanes, stacked, and a book for each."""
        begun = [lane.start(self.padded) for lane in lanes]
        problems, params = jax.tree.map(lambda *xs: jnp.stack(xs), *begun)
        recipe = lanes[0].recipe(self.padded.noise)
        start = functools.partial(stage_training.start, recipe=recipe)
        num_answers = self.padded.relations * self.padded.answers
        books = [
            Book(lane, float(stages.entropy(problem.world, num_answers)))
            for lane, (problem, _) in zip(lanes, begun, strict=True)
        ]
        return problems, jax.vmap(start)(problems, params), books


@functools.cache
def program(recipe: stage_training.Recipe, check_every: int) -> Callable:
    """Trains all lanes for CHUNK checks: one compilation for each shape."""

    def lane(problem: Any, state: Any) -> tuple[Any, Look]:
        def one(state: Any, _: None) -> tuple[Any, Look]:
            state = stage_training.advance(problem, state, recipe, check_every)
            return state, _look(problem, state, recipe)

        return jax.lax.scan(one, state, length=CHUNK)

    return jax.jit(jax.vmap(lane))


def _look(problem: Any, state: Any, recipe: stage_training.Recipe) -> Look:
    heard = jnp.full(4, jnp.nan)
    if isinstance(state.params, linear_attention.Params):
        heard = stage_training.attention(state.params, problem, recipe)
    return Look(state.step, stage_training.check(problem, state.params, recipe), heard)
