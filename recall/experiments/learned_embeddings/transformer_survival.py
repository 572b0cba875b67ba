"""Jobs of transformers with learned embeddings: accuracy by size, and what survives."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import override

from recall import capacity, training
from recall.experiments.learned_embeddings import (
    measure,
    memories,
    survival,
    transformers,
)
from recall.models import transformer
from recall.sweeps import transformer_search
from recall.sweeps.batch import About, Lane, Row, Rows

SINGLE = capacity.Strategy(method="single", opening=1.0, headroom=1.0)
OTHER = 2**20  # added to seeds: draws that take the place of the first


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerLane(Lane):
    """One transformer of one world of S = R = size.

    Attributes:
        mode: one of `transformers.MODES`.
        size: S = R.
        answers: D.
        d: width of the embeddings.
        heads: H.
        head_dim: d_h.
        m: hidden units, >= 1.
        seed: of world, embeddings, weights, noise.
        learning_rate: of all parts that move.
        num_steps: budget.
        changed: whether parts are changed at the end.
    """

    mode: str
    size: int
    answers: int
    d: int
    heads: int
    head_dim: int
    m: int
    seed: int
    learning_rate: float
    num_steps: int
    changed: bool

    def columns(self) -> Row:
        """Its settings, in the words of memories too."""
        same = {"memory": "transformer", "num_outputs": None, "facts": self.size**2}
        return super().columns() | same

    def recipe(self) -> training.Recipe:
        """Adam with a cosine decay."""
        steps = self.num_steps
        return training.Recipe(num_steps=steps, check_every=steps, cosine=True)

    @property
    def weights(self) -> int:
        """4 H d_h d + 2 m d."""
        return transformer.num_parameters(self.d, self.heads, self.head_dim, self.m)

    @property
    def parameters(self) -> int:
        """All trained numbers but biases, embeddings too."""
        parts = transformers.MODES[self.mode]
        tokens = (4 * self.size + 1) * ("inputs" in parts)
        rows = tokens + self.size * self.answers * ("outputs" in parts)
        return self.weights + self.d * rows

    def search(self, seed: int) -> transformer_search.RecallSearch:
        """What draws its problem."""
        return transformer_search.RecallSearch(
            world="S=R",
            answers=self.answers,
            d=self.d,
            heads=self.heads,
            head_dim=self.head_dim,
            m=self.m,
            threshold=1.0,
            seed=seed,
            expected=self.size,
            limit=self.size,
            strategy=SINGLE,
            embedding="sphere",
            learning_rates=(self.learning_rate,),
            train_embeddings=True,
        )

    def task(self) -> transformers.Task:
        """Its problem, and which parts move."""
        search = self.search(self.seed)
        parts = transformers.MODES[self.mode]
        return transformers.Task(
            search.problem(search.own_shape()), transformers.moving(parts)
        )

    def anew(self) -> transformer.Params:
        """Other first weights and embeddings."""
        search = self.search(self.seed + OTHER)
        return search.problem(search.own_shape()).initial


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerBatch(Rows):
    """The seeds of one mode and size."""

    lanes: tuple[TransformerLane, ...]

    @override
    def about(self) -> About:
        first = self.lanes[0]
        search = first.search(0)
        step = search.step_seconds(search.own_shape())
        runs = 1 + len(transformers.PARTS) * first.changed
        return About(
            title=f"transformer, learned: {first.mode}",
            shape=f"S=R={first.size} D={first.answers} d={first.d} m={first.m}",
            parameters=[lane.parameters for lane in self.lanes],
            # Training once, and once without each part where parts are changed.
            core_seconds=runs * len(self.lanes) * first.num_steps * step,
            # Weights, embeddings and scores of a step.
            memory_bytes=len(self.lanes) * search.bytes(search.own_shape()),
            compile_seconds=4.0,
        )

    @override
    def measure(self, lanes: Sequence[TransformerLane]) -> Iterator[list[Row]]:
        tasks = [lane.task() for lane in lanes]
        ended = _solve(lanes, tasks)
        if lanes[0].changed:
            for i, lane in enumerate(lanes):
                yield _changed(lane, tasks[i], _at(ended.params, i))
            for part in transformers.PARTS:
                yield _retrained(lanes, tasks, ended.params, part)
        yield [
            _end(lane, task, ended, i)
            for i, (lane, task) in enumerate(zip(lanes, tasks, strict=True))
        ]


def _solve(
    lanes: Sequence[TransformerLane], tasks: Sequence[transformers.Task]
) -> training.Fit:
    budgets = jnp.full(len(lanes), lanes[0].num_steps, jnp.int32)
    return _programs(lanes[0])[0](measure.stack(tasks), budgets)


def _programs(lane: TransformerLane) -> tuple[Callable, Callable]:
    """Training, one lane after the other, and the accuracy of one."""
    search = lane.search(0)
    return _compiled(search.sampling(search.own_shape()), lane.recipe())


@functools.cache
def _compiled(sampling: Any, recipe: training.Recipe) -> tuple[Callable, Callable]:
    fixed = {"sampling": sampling, "architecture": transformer_search.PUBLISHED}
    solve = functools.partial(transformers.solve, **fixed, recipe=recipe)
    lane = lambda pair: solve(pair[0], pair[1])  # noqa: E731
    every = lambda tasks, budgets: jax.lax.map(lane, (tasks, budgets))  # noqa: E731
    return jax.jit(every), jax.jit(functools.partial(transformers.accuracy, **fixed))


def _accuracy(
    lane: TransformerLane, task: transformers.Task, params: transformer.Params
) -> float:
    return float(_programs(lane)[1](task.problem, params))


def _at(tree: Any, index: int) -> Any:
    return jax.tree.map(lambda x: x[index], tree)


def _swap(
    part: str, others: transformer.Params, params: transformer.Params
) -> transformer.Params:
    moves = transformers.moving((part,))
    return transformers.chosen(moves, others, params)


def _changed(
    lane: TransformerLane, task: transformers.Task, params: transformer.Params
) -> list[Row]:
    """What is recalled once one part is changed."""
    key = jax.random.key(lane.seed + OTHER)
    shuffled = memories.shuffled(key, params)
    others = {"reset": task.problem.initial, "shuffle": shuffled, "redraw": lane.anew()}
    return [
        _survived(lane, part, how, _accuracy(lane, task, _swap(part, other, params)))
        for part in transformers.PARTS
        for how, other in others.items()
    ]


def _retrained(
    lanes: Sequence[TransformerLane],
    tasks: Sequence[transformers.Task],
    params: transformer.Params,
    part: str,
) -> list[Row]:
    """What is recalled once a part is drawn anew, and the others retrained."""
    again = []
    for i, (lane, task) in enumerate(zip(lanes, tasks, strict=True)):
        initial = _swap(part, lane.anew(), _at(params, i))
        others = set(transformers.MODES[lane.mode]) - {part}
        moves = transformers.moving(others)
        problem = task.problem._replace(initial=initial)
        again.append(transformers.Task(problem, moves))
    ended = _solve(lanes, again)
    return [
        _survived(
            lane, part, "retrain others", _accuracy(lane, task, _at(ended.params, i))
        )
        for i, (lane, task) in enumerate(zip(lanes, again, strict=True))
    ]


def _survived(lane: TransformerLane, part: str, change: str, value: float) -> Row:
    told = {"part": part, "change": change, "accuracy": value}
    return lane.row("probe", f"{part}-{change}", **told)


def _end(lane: TransformerLane, task: transformers.Task, ended: Any, index: int) -> Row:
    """Accuracy, and the geometry of embeddings before and after."""
    params = _at(ended.params, index)
    told: dict[str, Any] = {}
    for when, some in (("first", task.problem.initial), ("last", params)):
        tables = transformer.used(some, task.problem.embeddings)
        inputs = np.concatenate([tables.subjects, tables.relations])
        for side, points in (("inputs", inputs), ("outputs", tables.answers)):
            found = survival.geometry(jnp.asarray(points))
            told |= {f"{side}_{name}_{when}": x for name, x in found.items()}
    return lane.row(
        "run",
        measure="transformer",
        accuracy=_accuracy(lane, task, params),
        steps=int(ended.steps[index]),
        finite=bool(ended.finite[index]),
        weights=lane.weights,
        parameters=lane.parameters,
        **told,
    )
