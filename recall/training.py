"""Fits of one memory to its facts, in chunks that can be stopped and resumed anywhere.

A `Problem` holds the facts and hyperparameters of a lane, a `Fit` the state of its
training. `start` and `advance` are pure and unbatched; a constructed memory is a fit
that needs a single step, and `descend` is the descent that all models share.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from recall import facts as facts_lib
from recall import readout

Params = Any
Apply = Callable[[Params, Float[Array, "N d"]], Float[Array, "N d"]]
Construct = Callable[[facts_lib.Facts, Any], Params]  # of facts and what was drawn
StepLoss = Callable[[Params, Int[Array, ""]], readout.Loss]  # of params and a step


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Static hyperparameters of training; a new recipe is a new compilation.

    Attributes:
        num_steps: Adam steps before a fit is given up.
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
    # Off: giving up after 2,048 idle steps makes a bisection 26.2 s instead of 36.6 s,
    # but N99 falls from 43 to 41 and from 157 to 154 at two of four sizes.
    patience: int = 0

    def __post_init__(self) -> None:
        """Raises a ValueError unless 0 < check_every <= num_steps."""
        if not 0 < self.check_every <= self.num_steps:
            raise ValueError(
                f"Expected 0 < check_every <= num_steps; got "
                f"check_every={self.check_every}, num_steps={self.num_steps}."
            )


class Problem(NamedTuple):
    """The facts and hyperparameters of one lane; all traced, so that lanes may differ.

    Attributes:
        facts: the largest fact set; a probe of size n takes the first n of them.
        initial: the params that every fresh start begins from.
        learning_rates: `[tries]` tried in order until one stores the facts.
        drawn: the arguments of a construction besides the facts: a rank, gates, ...
        threshold: `[]` fraction of the facts that must be recalled.
    """

    facts: facts_lib.Facts
    initial: Params
    learning_rates: Float[Array, "*lanes tries"]
    drawn: Any
    threshold: Float[Array, "*lanes"]

    @property
    def n_max(self) -> Int[Array, "*lanes"]:
        """Returns the largest number of facts of a probe."""
        return self.facts.n


class Fit(NamedTuple):
    """The state of training one memory.

    Attributes:
        steps: `[]` steps since the current number of facts was first asked for.
        loss: `[]` mean cross-entropy over the steps up to the last check, in nats.
        correct: `[]` facts recalled, of those asked about, at the last check.
        most: `[]` largest `correct` so far, at step `most_at`.
        residual: `[]` ||mean gradient|| / mean error probability. For a memory that is
            linear in its weights it bounds from above the smallest margin that any
            weights of norm one reach: at zero it is a Farkas certificate that no
            weights recall all the facts.
        finite: `[]` whether weights and gradient are finite.
    """

    params: Params
    moments: optax.OptState
    steps: Int[Array, "*lanes"]
    loss: Float[Array, "*lanes"]
    correct: Int[Array, "*lanes"]
    asked: Int[Array, "*lanes"]
    most: Int[Array, "*lanes"]
    most_at: Int[Array, "*lanes"]
    residual: Float[Array, "*lanes"]
    finite: Bool[Array, "*lanes"]


# Without a rate: as a traced factor of the update it is one program for all rates,
# where `optax.inject_hyperparams` changed the numbers.
ADAM = optax.scale_by_adam()


def start(params: Params) -> Fit:
    """Returns the state before the first step from given weights."""
    zero: Any = np.zeros((), np.int32)  # NumPy's: no dispatch for each lane
    infinity: Any = np.full((), np.inf, np.float32)  # a residual that proves nothing
    finite: Any = np.ones((), bool)
    counts: Any = dict.fromkeys(("steps", "correct", "asked", "most", "most_at"), zero)
    unknown: Any = dict.fromkeys(("loss", "residual"), infinity)
    moments = ADAM.init(params)
    return Fit(params=params, moments=moments, finite=finite, **counts, **unknown)


def restart_clock(fit: Fit) -> Fit:
    """Keeps weights and state of Adam, and counts steps from zero: a warm start."""
    return start(fit.params)._replace(moments=fit.moments)


def schedule(steps: Int[Array, ""], recipe: Recipe) -> Float[Array, ""]:
    """Returns the fraction of the learning rate that is used at a step."""
    progress = jnp.minimum(steps / recipe.num_steps, 1.0)  # a last chunk may overshoot
    half_cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * progress))
    return half_cosine if recipe.cosine else jnp.ones_like(progress)


def descend(
    fit: Fit, learning_rate: Float[Array, ""], *, loss: StepLoss, recipe: Recipe
) -> Fit:
    """Makes `check_every` steps of Adam on a loss, which may depend on the step."""

    def value_and_aux(params: Params, i: Array) -> tuple[Array, readout.Loss]:
        aux = loss(params, i)
        return aux.value, aux

    def step(i: Array, carry: tuple) -> tuple:
        params, opt_state, total, _, _ = carry
        at = fit.steps + i
        grads, aux = jax.grad(value_and_aux, has_aux=True)(params, at)
        updates, opt_state = ADAM.update(grads, opt_state, params)
        rate = learning_rate * schedule(at, recipe)
        params = jax.tree.map(lambda p, u: p - rate * u, params, updates)
        total += aux.value
        return params, opt_state, total, optax.tree.norm(grads), aux.error_prob

    zero = jnp.zeros(())
    params, opt_state, total, norm, error_prob = jax.lax.fori_loop(
        0, recipe.check_every, step, (fit.params, fit.moments, zero, zero, zero)
    )
    return fit._replace(
        params=params,
        moments=opt_state,
        steps=fit.steps + recipe.check_every,
        loss=total / recipe.check_every,
        residual=norm / error_prob,  # nan is below no threshold
        # A rate of 1e30 once "scored" 1.0 through overflow: weights are looked at too.
        finite=jnp.isfinite(optax.tree.norm(params)) & jnp.isfinite(norm),
    )


def check(fit: Fit, correct: Int[Array, ""], asked: Int[Array, ""]) -> Fit:
    """Records how many facts are recalled of those asked about."""
    return fit._replace(
        correct=correct,
        asked=asked,
        most=jnp.maximum(fit.most, correct),
        most_at=jnp.where(correct > fit.most, fit.steps, fit.most_at),
    )


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
    loss = lambda params, _: readout.loss(apply(params, facts.inputs), facts)  # noqa: E731
    fit = descend(fit, learning_rate, loss=loss, recipe=recipe)
    correct = readout.num_correct(apply(fit.params, facts.inputs), facts)
    return check(fit, correct, facts.n)


def build(
    problem: Problem, fit: Fit, n: Int[Array, ""], *, apply: Apply, construct: Construct
) -> Fit:
    """Constructs the memory of the first n facts, and counts: `params` is its norm."""
    facts = facts_lib.take(problem.facts, n)
    params = construct(facts, problem.drawn)
    correct = readout.num_correct(apply(params, facts.inputs), facts)
    norm = optax.tree.norm(params)  # whole, states took 112 MB, rewritten every chunk
    one = jnp.ones((), jnp.int32)  # a construction is a single step
    built = fit._replace(params=norm, steps=one, finite=jnp.isfinite(norm))
    return check(built, correct, facts.n)


def needed(n: Int[Array, ""], threshold: Float[Array, ""]) -> Int[Array, ""]:
    """Returns the fewest facts out of n that make up the threshold, exactly."""
    # .99 in float32 times n may lie a rounding error above an integer, and ask for one
    # fact too many. The guard is smaller than one fact for n up to 10^5.
    return jnp.ceil(threshold * n * (1 - 1e-6)).astype(jnp.int32)
