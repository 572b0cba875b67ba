"""Jobs of transformers with learned embeddings: accuracy by size, and what survives."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from typing_extensions import override

from recall import capacity, training
from recall.experiments.learned_embeddings import changes, parts, transformers
from recall.models import transformer
from recall.sweeps import transformer_search as search_lib
from recall.sweeps.batch import About, Row, Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerLane(changes.Changeable):
    """One transformer of one world of S = R = size, and of D = answers a relation.

    Attributes:
        mode: one of `transformers.MODES`.
        m: hidden units, >= 1.
        seed: of world, embeddings, weights, noise.
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

    modes = transformers.MODES

    @override
    def columns(self) -> Row:
        same = {"memory": "transformer", "num_outputs": None, "facts": self.size**2}
        return super().columns() | same

    def recipe(self) -> training.Recipe:
        """Returns the settings of Adam with a cosine decay, checked at the end."""
        steps = self.num_steps
        return training.Recipe(num_steps=steps, check_every=steps, cosine=True)

    @property
    def weights(self) -> int:
        """Returns the count of numbers without embeddings, 4 H d_h d + 2 m d."""
        return transformer.num_parameters(self.d, self.heads, self.head_dim, self.m)

    @property
    def parameters(self) -> int:
        """Returns the count of all trained numbers but biases, embeddings too."""
        mode = transformers.MODES[self.mode]
        tokens = (4 * self.size + 1) * ("inputs" in mode)
        rows = tokens + self.size * self.answers * ("outputs" in mode)
        return self.weights + self.d * rows

    def search(self, seed: int) -> search_lib.RecallSearch:
        """Returns the search of one probe that draws the lane's problem."""
        same = ("answers", "d", "heads", "head_dim", "m")
        sizes: dict[str, Any] = {name: getattr(self, name) for name in same}
        return search_lib.RecallSearch(
            **sizes,
            world="S=R",
            threshold=1.0,
            seed=seed,
            expected=self.size,
            limit=self.size,
            strategy=capacity.Strategy(method="single", opening=1.0, headroom=1.0),
            embedding="sphere",
            learning_rates=(self.learning_rate,),
            train_embeddings=True,
        )

    @override
    def start(self) -> parts.Problem:
        search = self.search(self.seed)
        task = search.problem(search.own_shape())
        return parts.Problem(
            facts=task,
            initial=transformers.split(task.initial),
            moves=parts.moving(transformers.Parts, transformers.MODES[self.mode]),
            learning_rate=task.learning_rates[0],
        )

    @override
    def program(self) -> Callable:
        return self._programs()[0]

    @override
    def accuracy(self, problem: parts.Problem, params: transformers.Parts) -> float:
        return float(self._programs()[1](problem.facts, params))

    def _programs(self) -> tuple[Callable, Callable]:
        search = self.search(0)
        sampling, published = search.sampling(search.own_shape()), search_lib.PUBLISHED
        return transformers.programs(sampling, published, self.recipe())


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerBatch(Rows):
    """The seeds of one mode and size."""

    lanes: tuple[TransformerLane, ...]

    @override
    def about(self) -> About:
        first = self.lanes[0]
        search = first.search(0)
        step = search.step_seconds(search.own_shape())
        runs = 1 + len(transformers.Parts._fields) * first.changed
        return About(
            title=f"transformer, learned: {self.lanes[0].mode}",
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
        problems = [lane.start() for lane in lanes]
        fits = changes.solve(lanes, problems)
        if lanes[0].changed:
            yield from changes.survive(lanes, problems, fits.params)
        yield [
            _end(lane, problem, parts.at(fits, i))
            for i, (lane, problem) in enumerate(zip(lanes, problems, strict=True))
        ]


def _end(lane: TransformerLane, problem: parts.Problem, fit: training.Fit) -> Row:
    """Returns accuracy, and the geometry of embeddings before and after."""
    columns: dict[str, Any] = {}
    for when, some in (("first", problem.initial), ("last", fit.params)):
        inputs = np.concatenate(some.inputs[:2])  # of subjects and of relations
        for side, points in (("inputs", inputs), ("outputs", some.outputs)):
            measured = changes.geometry(jnp.asarray(points))
            columns |= {f"{side}_{name}_{when}": x for name, x in measured.items()}
    return lane.row(
        "run",
        measure="transformer",
        accuracy=lane.accuracy(problem, fit.params),
        steps=int(fit.steps),
        finite=bool(fit.finite),
        weights=lane.weights,
        parameters=lane.parameters,
        **columns,
    )
