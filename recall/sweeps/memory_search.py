"""Searches for the capacity of memories, trained or constructed (`memory_kinds`)."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from recall import capacity, facts, training
from recall.data import geometries
from recall.memories import kinds
from recall.sweeps import lanes
from recall.sweeps import search as searches


class Shape(NamedTuple):
    """What a program is compiled for; smaller searches are zero-padded up to it.

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
    def trained(self) -> bool:
        """Whether the weights come from training rather than a formula."""
        return self._kind.construct is None

    @property
    def title(self) -> str:
        """The memory, and its activation and degree if it has them."""
        degree = "" if self.degree is None else f"k={self.degree}"
        return " ".join(filter(None, (self.memory, self.activation, degree)))

    @property
    def num_parameters(self) -> int:
        """Numbers that the weights hold; biases are not counted, as in the paper."""
        return self._kind.parameters(self.design)

    @property
    def design(self) -> kinds.Design:
        """What the memory is, but for its weights."""
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

    def own_columns(self) -> dict[str, Any]:
        """What rows say about this memory."""
        same = "memory d m rank num_outputs activation degree"
        return {name: getattr(self, name) for name in same.split()}

    def size_columns(self, n: int) -> dict[str, Any]:
        """The size is the number of facts."""
        return {"n": n}

    def facts(self, n: int) -> int:
        """The size is the number of facts."""
        return n

    def own_shape(self) -> Shape:
        """The smallest shape with a little more room than the search expects."""
        least = (self.num_outputs or 0) + 16
        spare = 1.0 if self.trained else 1.3  # cheaper there than a second program
        wanted = math.ceil(spare * self.strategy.headroom * self.expected)
        n_max = min(self.limit, max(least, wanted))
        rows = self._kind.rows(self.design)
        return Shape(n_max, self.num_outputs or n_max, self.d, rows)

    def widened(self, shape: Shape, n_max: int) -> Shape:
        """The shape with room for another number of facts."""
        return shape._replace(n_max=n_max, num_outputs=self.num_outputs or n_max)

    def problem(self, shape: Shape) -> training.Problem:
        """Draws what the search is about, and pads it up to a shape."""
        n = min(shape.n_max, self.limit)
        fact, drawn = draw(self, n)
        fact = facts.pad(fact, shape.n_max, shape.num_outputs, shape.d)
        wide = _drawn_shapes(self.memory, shape.d, shape.m)
        drawn = kinds.pad(drawn, wide)
        rates: Any = np.asarray(self.learning_rates, np.float32)
        threshold: Any = np.asarray(self.threshold, np.float32)
        return training.Problem(
            facts=fact,
            initial=drawn if self.trained else np.float32(0),  # a norm: see `build`
            learning_rates=rates,
            drawn=() if self.trained else drawn,
            threshold=threshold,
        )

    def advance(self, shape: Shape) -> lanes.Advance:
        """The unbatched step of a search's kind: see `capacity.advance`."""
        del shape
        apply = self._kind.apply(self.design)
        train = functools.partial(training.advance, apply=apply, recipe=self.recipe)
        if not self.trained:
            train = functools.partial(_build, apply=apply, construct=self._construct)
        return functools.partial(
            capacity.advance, train=train, recipe=self.recipe, strategy=self.strategy
        )

    def kind(self) -> tuple:
        """What searches must share to share a program."""
        program = self.memory, self.activation, self.degree, self.num_outputs
        return (*program, self.recipe, self.strategy, len(self.learning_rates))

    def num_scores(self, shape: Shape) -> int:
        """Every output is scored for every input."""
        return shape.n_max * shape.num_outputs

    def step_seconds(self, shape: Shape) -> float:
        """Estimates one step, or construction, of one lane on one CPU core."""
        n, num_outputs, d, m = shape
        step = 1e-5 + n * num_outputs * (0.85e-9 + 0.03e-9 * d) + 0.2e-9 * n * d * m
        return step if self.trained else self._kind.passes * (step + 2e-9 * d**3)

    def bytes(self, shape: Shape) -> int:
        """Embeddings, and weights with their moments, best and initial values."""
        n, num_outputs, d, m = shape
        copies = 5 if self.trained else 1
        return 4 * (n + num_outputs) * d + 4 * copies * max(2 * d * m, d**2)

    @property
    def _construct(self) -> training.Construct:
        construct = self._kind.construct
        assert construct is not None
        return construct(self.design)


def _build(problem: Any, fit: Any, n: Any, rate: Any, **how: Any) -> training.Fit:
    del rate  # constructions have none
    return training.build(problem, fit, n, **how)


@functools.cache
def _drawn_shapes(memory: str, d: int, rows: int) -> Any:
    """Shapes of what a search begins from."""
    draw = kinds.KINDS[memory].draw
    return jax.eval_shape(lambda key: draw(key, d, rows), jax.random.key(0))


def draw(search: MemorySearch, n: int) -> tuple[facts.Facts, Any]:
    """Draws n facts, and what a search begins from, at its own size, from its seed.

    Facts are drawn by the power of two, and cut: searches of many sizes share programs.
    """
    kind, d = kinds.KINDS[search.memory], search.d
    room = min(2 ** (n - 1).bit_length(), geometries.num_points(search.embedding))
    more = draw_facts(search.seed, search.embedding, d, room, search.num_outputs)
    drawn = _begin(_keys(search.seed, d)[2], kind.draw, d, kind.rows(search.design))
    return facts.cut(more, n, search.num_outputs or n), drawn


def draw_facts(
    seed: int, embedding: str, d: int, n: int, num_outputs: int | None = None
) -> facts.Facts:
    """The facts that a seed means at width d, nested in n."""
    key_in, key_out, _ = _keys(seed, d)
    inputs, outputs = geometries.names_of_pair(embedding)
    drawn = _points(key_out, outputs, num_outputs or n, d)
    return facts.balanced(_points(key_in, inputs, n, d), drawn)


@jax.jit
def _keys(seed: Any, d: Any) -> Array:
    """Of the inputs, of the outputs, of what a search begins from.

    The width and the rows select further streams of random numbers.
    """
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), d), 3)


@functools.partial(jax.jit, static_argnames=("geometry", "n", "d"))
def _points(key: Any, geometry: str, n: int, d: int) -> Float[Array, "n d"]:
    """Inputs and outputs of one kind share a program."""
    return geometries.sampler(geometry)(key, n, d)


@functools.partial(jax.jit, static_argnames=("begin", "d", "rows"))
def _begin(key: Any, begin: Callable, d: int, rows: int) -> Any:
    return begin(key, d, rows)
