"""Searches for the capacity of memories, trained or constructed (`memory_kinds`)."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from recall import (
    capacity,
    facts,
    geometries,
    lanes,
    memory_kinds,
    searches,
    training,
)


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
        memory: one of `memory_kinds.KINDS`.
        m: hidden units of an MLP; see `memory_kinds.Design`.
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
    def design(self) -> memory_kinds.Design:
        """What the memory is, but for its weights."""
        return memory_kinds.Design(
            d=self.d,
            m=self.m or 0,
            rank=self.rank or 0,
            activation=self.activation or "",
            degree=self.degree or 0,
        )

    @property
    def _kind(self) -> memory_kinds.Kind:
        return memory_kinds.KINDS[self.memory]

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
        wanted = math.ceil(self.strategy.headroom * self.expected)
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
        wide = jax.eval_shape(
            lambda key: self._kind.draw(key, shape.d, shape.m), jax.random.key(0)
        )
        drawn = memory_kinds.pad(drawn, wide)
        return training.Problem(
            facts=fact,
            initial=drawn if self.trained else jnp.zeros(()),  # a norm: see `build`
            learning_rates=jnp.asarray(self.learning_rates, jnp.float32),
            drawn=() if self.trained else drawn,
            threshold=jnp.asarray(self.threshold, jnp.float32),
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


def draw(search: MemorySearch, n: int) -> tuple[facts.Facts, Any]:
    """Draws n facts, and what a search begins from, at its own size, from its seed."""
    kind = memory_kinds.KINDS[search.memory]
    return _draw(
        search.seed,
        embedding=search.embedding,
        d=search.d,
        n=n,
        num_outputs=search.num_outputs,
        begin=kind.draw,
        rows=kind.rows(search.design),
    )


@functools.partial(
    jax.jit, static_argnames=("embedding", "d", "n", "num_outputs", "begin", "rows")
)
def _draw(
    seed: Any,
    *,
    embedding: str,
    d: int,
    n: int,
    num_outputs: int | None,
    begin: Callable[[Any, int, int], Any],
    rows: int,
) -> tuple[facts.Facts, Any]:
    """The width and the rows select further streams of random numbers."""
    drawn = draw_facts(seed, embedding, d, n, num_outputs)
    return drawn, begin(_keys(seed, d)[2], d, rows)


def draw_facts(
    seed: Any, embedding: str, d: int, n: int, num_outputs: int | None = None
) -> facts.Facts:
    """The facts that a seed means at width d, nested in n."""
    key_in, key_out, _ = _keys(seed, d)
    inputs, outputs = geometries.of_pair(embedding)
    drawn = outputs.sample(key_out, num_outputs or n, d)
    return facts.balanced(inputs.sample(key_in, n, d), drawn)


def _keys(seed: Any, d: int) -> Array:
    """Of the inputs, of the outputs, of what a search begins from."""
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), d), 3)
