"""Searches for the capacity of memories, trained or constructed (`memory_kinds`)."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float
from typing_extensions import override

from recall import facts, training
from recall.data import geometries
from recall.memories import kinds
from recall.sweeps import search as searches


class Shape(NamedTuple):
    """The sizes that a program is compiled for; smaller memories are zero-padded.

    Attributes:
        n_max: inputs.
        num_outputs: outputs scored for each.
        d: coordinates of the embeddings.
        m: rows that are drawn: hidden units, gates, factors, features; 0 for none.
    """

    n_max: int
    num_outputs: int
    d: int
    m: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemorySearch(searches.Search):
    """One search for the number of facts that one memory stores.

    Attributes:
        memory: one of `kinds.KINDS`.
        m: hidden units of an MLP; see `kinds.Design`.
        rank: of a low-rank memory.
        num_outputs: outputs shared by all facts; None for one output per fact.
        activation: of an MLP, one of `mlp.ACTIVATIONS`.
        degree: of a Hermite memory.
    """

    memory: str
    m: int | None = None
    rank: int | None = None
    num_outputs: int | None = None
    activation: str | None = None
    degree: int | None = None

    @property
    @override
    def trained(self) -> bool:
        return self._kind.construct is None

    @property
    @override
    def title(self) -> str:
        degree = "" if self.degree is None else f"k={self.degree}"
        return " ".join(filter(None, (self.memory, self.activation, degree)))

    @property
    @override
    def num_parameters(self) -> int:
        return self._kind.parameters(self.design)

    @property
    def design(self) -> kinds.Design:
        """The sizes and settings of the memory, without its weights."""
        return kinds.Design(
            d=self.d,
            m=self.m or 0,
            rank=self.rank or 0,
            activation=self.activation or "",
            degree=self.degree or 0,
        )

    @property
    def _kind(self) -> kinds.Kind:
        return kinds.KINDS[self.memory]

    @override
    def own_columns(self) -> dict[str, Any]:
        same = "memory d m rank num_outputs activation degree"
        return {name: getattr(self, name) for name in same.split()}

    @override
    def room(self) -> int:
        # Expectations of tiny memories are off by several facts.
        least = (self.num_outputs or 0) + 16
        spare = 1.0 if self.trained else 1.3  # cheaper there than a second program
        return max(least, math.ceil(spare * self.strategy.headroom * self.expected))

    @override
    def shape_of(self, n_max: int) -> Shape:
        rows = self._kind.rows(self.design)
        return Shape(n_max, self.num_outputs or n_max, self.d, rows)

    @override
    def problem(self, shape: Shape) -> training.Problem:
        n = min(shape.n_max, self.limit)
        fact, drawn = draw(self, n)
        fact = facts.pad(fact, shape.n_max, shape.num_outputs, shape.d)
        # Draws at the search's own size, then zeros: no result depends on the padding.
        drawn = kinds.pad(drawn, _drawn_shapes(self.memory, shape.d, shape.m))
        rates: Any = np.asarray(self.learning_rates, np.float32)
        threshold: Any = np.asarray(self.threshold, np.float32)
        return training.Problem(
            facts=fact,
            initial=drawn if self.trained else np.float32(0),  # a norm: see `build`
            learning_rates=rates,
            drawn=() if self.trained else drawn,
            threshold=threshold,
        )

    @override
    def train(self, shape: Shape) -> Any:
        del shape
        apply, construct = self._kind.apply(self.design), self._kind.construct
        if construct is None:
            step, how = training.advance, {"recipe": self.recipe}
        else:
            step, how = _build, {"construct": construct(self.design)}
        return functools.partial(step, apply=apply, **how)

    @override
    def program(self) -> tuple:
        return self.memory, self.activation, self.degree, self.num_outputs

    @override
    def num_scores(self, shape: Shape) -> int:
        return shape.n_max * shape.num_outputs

    @override
    def step_seconds(self, shape: Shape) -> float:
        n, num_outputs, d, m = shape
        # Fitted to steps timed on one core: a constant, the scores, the hidden layer;
        # a construction adds decompositions of d x d matrices.
        step = 1e-5 + n * num_outputs * (0.85e-9 + 0.03e-9 * d) + 0.2e-9 * n * d * m
        return step if self.trained else self._kind.passes * (step + 2e-9 * d**3)

    @override
    def bytes(self, shape: Shape) -> int:
        n, num_outputs, d, m = shape
        copies = searches.TRAINED_COPIES if self.trained else 1
        return 4 * (n + num_outputs) * d + 4 * copies * max(2 * d * m, d**2)


def _build(problem: Any, fit: Any, n: Any, rate: Any, **how: Any) -> training.Fit:
    del rate  # constructions have none
    return training.build(problem, fit, n, **how)


@functools.cache
def _drawn_shapes(memory: str, d: int, rows: int) -> Any:
    """Returns the shapes of initial weights, without drawing any."""
    draw = kinds.KINDS[memory].draw
    return jax.eval_shape(lambda key: draw(key, d, rows), jax.random.key(0))


def draw(search: MemorySearch, n: int) -> tuple[facts.Facts, Any]:
    """Draws n facts and initial weights of a search at its own size, from its seed."""
    # By the power of two, and cut: each of 27 programs of the quick linear sweep took a
    # quarter of a second to compile; from 20.2 to 14.5 s cold, from 9.4 to 8.4 s warm.
    kind, d = kinds.KINDS[search.memory], search.d
    room = min(2 ** (n - 1).bit_length(), geometries.num_points(search.embedding))
    more = draw_facts(search.seed, search.embedding, d, room, search.num_outputs)
    drawn = _initial(_keys(search.seed, d)[2], kind.draw, d, kind.rows(search.design))
    return facts.cut(more, n, search.num_outputs or n), drawn


def draw_facts(
    seed: int, embedding: str, d: int, n: int, num_outputs: int | None = None
) -> facts.Facts:
    """Draws the facts of a seed at width d: fewer are the first of more."""
    key_in, key_out, _ = _keys(seed, d)
    inputs, outputs = geometries.names_of_pair(embedding)
    drawn = _points(key_out, outputs, num_outputs or n, d)
    return facts.balanced(_points(key_in, inputs, n, d), drawn)


@jax.jit
def _keys(seed: Any, d: Any) -> Array:
    """Returns the keys of the inputs, the outputs and the initial weights."""
    # The width selects another stream: sizes of a sweep are independent draws.
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), d), 3)


@functools.partial(jax.jit, static_argnames=("geometry", "n", "d"))
def _points(key: Any, geometry: str, n: int, d: int) -> Float[Array, "n d"]:
    """Draws embeddings; inputs and outputs of one geometry share this program."""
    return geometries.sampler(geometry)(key, n, d)


@functools.partial(jax.jit, static_argnames=("draw", "d", "rows"))
def _initial(key: Any, draw: Callable, d: int, rows: int) -> Any:
    return draw(key, d, rows)
