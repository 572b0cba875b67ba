"""Searches for the capacity of associative memories, constructed or trained."""

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from recall import capacity, embeddings, facts, lanes, searches, training
from recall.memories import linear, mlp

MEMORIES = ("outer_product", "low_rank", "linear", "mlp")


class Shape(NamedTuple):
    """What a program is compiled for; smaller searches are zero-padded up to it.

    Attributes:
        n_max: inputs.
        num_outputs: outputs scored for each.
        d: coordinates of the embeddings.
        m: hidden units; 0 for linear memories.
    """

    n_max: int
    num_outputs: int
    d: int
    m: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemorySearch(searches.Search):
    """One search for the number of facts that one memory stores.

    Attributes:
        memory: one of MEMORIES; the first two are constructed, the others trained.
        d: width of the embeddings.
        m: hidden units of an MLP.
        rank: of a low-rank memory.
        num_outputs: outputs shared by all facts; None for one output per fact.
        activation: of an MLP, one of `mlp.ACTIVATIONS`.
    """

    memory: str
    d: int
    m: int | None = None
    rank: int | None = None
    num_outputs: int | None = None
    activation: str | None = None

    @property
    def trained(self) -> bool:
        """Whether the weights come from training rather than a formula."""
        return self.memory in ("linear", "mlp")

    @property
    def title(self) -> str:
        """The memory, and its activation if it has one."""
        return " ".join(filter(None, (self.memory, self.activation)))

    @property
    def num_parameters(self) -> int:
        """Numbers that the weights hold; biases are not counted, as in the paper."""
        if self.memory == "low_rank":
            return 2 * self.d * (self.rank or 0)
        return self.d**2 if self.m is None else 2 * self.d * self.m

    def own_columns(self) -> dict[str, Any]:
        """What rows say about this memory."""
        same = "memory d m rank num_outputs activation"
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
        return Shape(n_max, self.num_outputs or n_max, self.d, self.m or 0)

    def widened(self, shape: Shape, n_max: int) -> Shape:
        """The shape with room for another number of facts."""
        return shape._replace(n_max=n_max, num_outputs=self.num_outputs or n_max)

    def problem(self, shape: Shape) -> training.Problem:
        """Draws what the search is about, and pads it up to a shape."""
        drawn, params = draw(
            self.seed,
            embedding=self.embedding,
            d=self.d,
            m=self.m,
            n=min(shape.n_max, self.limit),
            num_outputs=self.num_outputs,
        )
        if self.m is None:
            params = linear.pad(params, shape.d)
        else:
            params = mlp.pad(params, shape.d, shape.m)
        return training.Problem(
            facts=facts.pad(drawn, shape.n_max, shape.num_outputs, shape.d),
            initial=params,
            learning_rates=jnp.asarray(self.learning_rates, jnp.float32),
            rank=jnp.asarray(self.rank or self.d, jnp.int32),
            threshold=jnp.asarray(self.threshold, jnp.float32),
        )

    def advance(self, shape: Shape) -> lanes.Advance:
        """The unbatched step of a search's kind: see `capacity.advance`."""
        del shape
        apply = linear.apply
        if self.activation is not None:
            apply = functools.partial(mlp.apply, activation=self.activation)
        train = functools.partial(training.advance, apply=apply, recipe=self.recipe)
        if not self.trained:
            train = functools.partial(_build, apply=apply, construct=self._construct)
        return functools.partial(
            capacity.advance, train=train, recipe=self.recipe, strategy=self.strategy
        )

    def kind(self) -> tuple:
        """What searches must share to share a program."""
        program = self.memory, self.activation, self.num_outputs
        return (*program, self.recipe, self.strategy, len(self.learning_rates))

    def num_scores(self, shape: Shape) -> int:
        """Every output is scored for every input."""
        return shape.n_max * shape.num_outputs

    def step_seconds(self, shape: Shape) -> float:
        """Estimates one step, or construction, of one lane on one CPU core."""
        n, num_outputs, d, m = shape
        step = 1e-5 + n * num_outputs * (0.85e-9 + 0.03e-9 * d) + 0.2e-9 * n * d * m
        return step if self.trained else 3 * (step + 2e-9 * d**3)

    def bytes(self, shape: Shape) -> int:
        """Embeddings, and weights with their moments, best and initial values."""
        n, num_outputs, d, m = shape
        return 4 * (n + num_outputs) * d + 4 * 5 * max(2 * d * m, d**2)

    @property
    def _construct(self) -> training.Construct:
        if self.memory == "outer_product":
            return lambda fact, _: linear.outer_product(fact)
        return linear.low_rank


def _build(problem: Any, fit: Any, n: Any, rate: Any, **how: Any) -> training.Fit:
    del rate  # constructions have none
    return training.build(problem, fit, n, **how)


@functools.partial(jax.jit, static_argnames=("embedding", "d", "m", "n", "num_outputs"))
def draw(
    seed: Any, *, embedding: str, d: int, m: int | None, n: int, num_outputs: int | None
) -> tuple[facts.Facts, Any]:
    """Draws n facts and initial params from a seed; d and m select further streams."""
    key = jax.random.fold_in(jax.random.key(seed), d)
    key_in, key_out, key_params = jax.random.split(key, 3)
    sample = embeddings.SAMPLERS[embedding]
    inputs = sample(key_in, n, d)
    outputs = sample(key_out, num_outputs or n, d)
    params = linear.init(key_params, d) if m is None else mlp.init(key_params, d, m)
    return facts.balanced(inputs, outputs), params
