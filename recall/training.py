"""Fitting one memory to its facts, in chunks that can be stopped and resumed anywhere.

A `Problem` is what a lane is given, a `Fit` what it has reached. `start` and `advance`
are pure and unbatched; a constructed memory is a fit that needs a single step.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

from recall import facts as facts_lib
from recall import readout

Params = Any
Apply = Callable[[Params, Float[Array, "N d"]], Float[Array, "N d"]]
Construct = Callable[[facts_lib.Facts, Int[Array, ""]], Params]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one memory is trained; static, a new recipe is a new compilation.

    Attributes:
        num_steps: full-batch Adam steps before a fit is given up.
        check_every: steps between two counts of the recalled facts.
        cosine: whether the learning rate falls to zero along a half cosine.
        certificate: gives up once the gradient is this small a fraction of its parts
            (see `Fit.residual`); 0 never does. A proof for linear memories only.
        patience: gives up after this many steps without one more fact recalled;
            0 never does.
    """

    num_steps: int
    check_every: int
    cosine: bool = False
    certificate: float = 0.0
    patience: int = 0

    def __post_init__(self) -> None:
        """Refuses budgets that no check divides."""
        if not 0 < self.check_every <= self.num_steps:
            raise ValueError(
                f"Expected 0 < check_every <= num_steps; got "
                f"check_every={self.check_every}, num_steps={self.num_steps}."
            )


class Problem(NamedTuple):
    """What one lane is asked to store; all of it traced, so lanes may differ.

    Attributes:
        facts: the largest fact set; a probe of size n takes the first n of them.
        initial: the params that every fresh start begins from.
        learning_rates: `[tries]` tried in order until one stores the facts.
        rank: `[]` rank of a constructed low-rank memory; unused otherwise.
        threshold: `[]` fraction of the facts that must be recalled.
    """

    facts: facts_lib.Facts
    initial: Params
    learning_rates: Float[Array, "*lanes tries"]
    rank: Int[Array, "*lanes"]
    threshold: Float[Array, "*lanes"]


class Fit(NamedTuple):
    """Where training stands.

    Attributes:
        params: the weights.
        moments: state of Adam.
        steps: `[]` steps since the current number of facts was first asked for.
        correct: `[]` facts recalled at the last check.
        most: `[]` largest `correct` so far.
        most_at: `[]` the step of that check.
        residual: `[]` ||mean gradient|| / mean wrong probability. For a memory that is
            linear in its weights it bounds from above the smallest margin that any
            weights of norm one reach: at zero it is a Farkas certificate that no
            weights recall all the facts.
        finite: `[]` whether weights and gradient are finite.
    """

    params: Params
    moments: optax.OptState
    steps: Int[Array, "*lanes"]
    correct: Int[Array, "*lanes"]
    most: Int[Array, "*lanes"]
    most_at: Int[Array, "*lanes"]
    residual: Float[Array, "*lanes"]
    finite: Bool[Array, "*lanes"]


ADAM = optax.scale_by_adam()


def start(params: Params) -> Fit:
    """A fit that has not made a step."""
    zero = jnp.zeros((), jnp.int32)
    return Fit(
        params=params,
        moments=ADAM.init(params),
        steps=zero,
        correct=zero,
        most=zero,
        most_at=zero,
        residual=jnp.asarray(jnp.inf, jnp.float32),
        finite=jnp.asarray(True),
    )


def restart_clock(fit: Fit) -> Fit:
    """Keeps weights and moments, and forgets how long they took: a warm start."""
    begun = start(fit.params)
    return begun._replace(moments=fit.moments)


def schedule(steps: Int[Array, ""], recipe: Recipe) -> Float[Array, ""]:
    """The fraction of the learning rate that is used at a step."""
    progress = jnp.minimum(steps / recipe.num_steps, 1.0)
    half_cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * progress))
    return half_cosine if recipe.cosine else jnp.ones_like(progress)


def advance(
    problem: Problem,
    fit: Fit,
    n: Int[Array, ""],
    learning_rate: Float[Array, ""],
    *,
    apply: Apply,
    recipe: Recipe,
) -> Fit:
    """Trains on the first n facts for `check_every` steps of Adam, then counts."""
    facts = facts_lib.take(problem.facts, n)

    def loss(params: Params) -> tuple[Array, Array]:
        found = readout.loss(apply(params, facts.inputs), facts)
        return found.value, found.wrong

    def step(i: Array, carry: tuple) -> tuple:
        params, moments, _, _ = carry
        grads, wrong = jax.grad(loss, has_aux=True)(params)
        updates, moments = ADAM.update(grads, moments, params)
        rate = learning_rate * schedule(fit.steps + i, recipe)
        moved = jax.tree.map(lambda p, u: p - rate * u, params, updates)
        return moved, moments, optax.tree.norm(grads), wrong

    zero = jnp.zeros(())
    params, moments, norm, wrong = jax.lax.fori_loop(
        0, recipe.check_every, step, (fit.params, fit.moments, zero, zero)
    )
    correct = readout.num_correct(apply(params, facts.inputs), facts)
    steps = fit.steps + recipe.check_every
    return Fit(
        params=params,
        moments=moments,
        steps=steps,
        correct=correct,
        most=jnp.maximum(fit.most, correct),
        most_at=jnp.where(correct > fit.most, steps, fit.most_at),
        residual=norm / wrong,
        finite=jnp.isfinite(optax.tree.norm(params)) & jnp.isfinite(norm),
    )


def build(
    problem: Problem, fit: Fit, n: Int[Array, ""], *, apply: Apply, construct: Construct
) -> Fit:
    """Constructs the memory of the first n facts, and counts: one step, no training."""
    facts = facts_lib.take(problem.facts, n)
    params = construct(facts, problem.rank)
    correct = readout.num_correct(apply(params, facts.inputs), facts)
    one = jnp.ones((), jnp.int32)
    return fit._replace(
        params=params,
        steps=one,
        correct=correct,
        most=correct,
        most_at=one,
        finite=jnp.isfinite(optax.tree.norm(params)),
    )


def needed(n: Int[Array, ""], threshold: Float[Array, ""]) -> Int[Array, ""]:
    """The fewest facts out of n that make up the threshold: its ceiling, exactly.

    0.99 as a float32 times n may land a rounding error above an integer, which would
    ask for one fact too many; the guard is smaller than one fact for n up to 10^5.
    """
    return jnp.ceil(threshold * n * (1 - 1e-6)).astype(jnp.int32)
