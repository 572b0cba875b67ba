"""What one asks for: a `Search` is one lane, and these are its facts and its step."""

import dataclasses
import functools
import hashlib
import json
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from recall import capacity, embeddings, facts, lanes, training
from recall.memories import linear, mlp

ONE_STEP = training.Recipe(num_steps=1, check_every=1)  # of a construction
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
class Search:
    """One search for the capacity of one memory.

    Attributes:
        memory: one of MEMORIES; the first two are constructed, the others trained.
        d: width of the embeddings.
        threshold: fraction of the facts that must be recalled.
        seed: of embeddings and initial weights.
        expected: facts that theory or earlier measurements predict; opens the bracket.
        limit: ceiling on the number of facts; storing it censors the capacity.
        embedding: one of `embeddings.SAMPLERS`.
        m: hidden units of an MLP.
        rank: of a low-rank memory.
        num_outputs: outputs shared by all facts; None for one output per fact.
        activation: of an MLP, one of `mlp.ACTIVATIONS`.
        recipe_name: what rows call the recipe.
        recipe: how it is trained; ignored by constructions.
        learning_rates: tried in order until one stores the facts.
        strategy: how the bracket is opened and closed.
    """

    memory: str
    d: int
    threshold: float
    seed: int
    expected: int
    limit: int
    strategy: capacity.Strategy
    embedding: str = "sphere"
    m: int | None = None
    rank: int | None = None
    num_outputs: int | None = None
    activation: str | None = None
    recipe_name: str | None = None
    recipe: training.Recipe = ONE_STEP
    learning_rates: tuple[float, ...] = (0.0,)

    @property
    def trained(self) -> bool:
        """Whether the weights come from training rather than a formula."""
        return self.memory in ("linear", "mlp")

    @property
    def num_parameters(self) -> int:
        """Numbers that the weights hold; biases are not counted, as in the paper."""
        if self.memory == "low_rank":
            return 2 * self.d * (self.rank or 0)
        return self.d**2 if self.m is None else 2 * self.d * self.m

    def digest(self) -> str:
        """A name for this search that any change of its settings changes."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def columns(self) -> dict[str, Any]:
        """What rows say about this search."""
        same = "memory d m rank num_outputs activation embedding threshold seed"
        return {name: getattr(self, name) for name in same.split()} | {
            "search": self.digest(),
            "trained": self.trained,
            "recipe": self.recipe_name,
            "method": self.strategy.method,
            "parameters": self.num_parameters,
        }


def own_shape(search: Search) -> Shape:
    """The smallest shape with a little more room than the search expects to need."""
    least = (search.num_outputs or 0) + 16
    wanted = math.ceil(search.strategy.headroom * search.expected)
    n_max = min(search.limit, max(least, wanted))
    return Shape(n_max, search.num_outputs or n_max, search.d, search.m or 0)


def first(search: Search) -> int:
    """The size to probe first."""
    return max(1, min(search.limit, int(search.strategy.opening * search.expected)))


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


def problem(search: Search, shape: Shape) -> training.Problem:
    """Draws what a search is about and pads it."""
    drawn, params = draw(
        search.seed,
        embedding=search.embedding,
        d=search.d,
        m=search.m,
        n=min(shape.n_max, search.limit),
        num_outputs=search.num_outputs,
    )
    if search.m is None:
        params = linear.pad(params, shape.d)
    else:
        params = mlp.pad(params, shape.d, shape.m)
    return training.Problem(
        facts=facts.pad(drawn, shape.n_max, shape.num_outputs, shape.d),
        initial=params,
        learning_rates=jnp.asarray(search.learning_rates, jnp.float32),
        rank=jnp.asarray(search.rank or search.d, jnp.int32),
        threshold=jnp.asarray(search.threshold, jnp.float32),
    )


def advance(search: Search) -> lanes.Advance:
    """The unbatched step of a search's kind: see `capacity.advance`."""
    apply = linear.apply
    if search.activation is not None:
        apply = functools.partial(mlp.apply, activation=search.activation)
    builders = {"outer_product": lambda f, _: linear.outer_product(f)}
    construct = builders.get(search.memory, linear.low_rank)

    def train(lane_problem: Any, fit: Any, n: Any, rate: Any) -> training.Fit:
        if not search.trained:
            return training.build(
                lane_problem, fit, n, apply=apply, construct=construct
            )
        return training.advance(
            lane_problem, fit, n, rate, apply=apply, recipe=search.recipe
        )

    return functools.partial(
        capacity.advance,
        train=train,
        recipe=search.recipe,
        strategy=search.strategy,
    )
