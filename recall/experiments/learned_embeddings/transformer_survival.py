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
from recall.sweeps import transformer_search
from recall.sweeps.batch import About, Row, Rows

SINGLE = capacity.Strategy(method="single", opening=1.0, headroom=1.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransformerLane(changes.Changeable):
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

    modes = transformers.MODES

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
        mode = transformers.MODES[self.mode]
        tokens = (4 * self.size + 1) * ("inputs" in mode)
        rows = tokens + self.size * self.answers * ("outputs" in mode)
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
        sampling = search.sampling(search.own_shape())
        return transformers.programs(
            sampling, transformer_search.PUBLISHED, self.recipe()
        )


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
    told: dict[str, Any] = {}
    for when, some in (("first", problem.initial), ("last", fit.params)):
        inputs = np.concatenate(some.inputs[:2])  # of subjects and of relations
        for side, points in (("inputs", inputs), ("outputs", some.outputs)):
            measured = changes.geometry(jnp.asarray(points))
            told |= {f"{side}_{name}_{when}": x for name, x in measured.items()}
    return lane.row(
        "run",
        measure="transformer",
        accuracy=lane.accuracy(problem, fit.params),
        steps=int(fit.steps),
        finite=bool(fit.finite),
        weights=lane.weights,
        parameters=lane.parameters,
        **told,
    )
