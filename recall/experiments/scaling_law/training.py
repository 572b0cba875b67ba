"""A memory of facts that are asked for with unequal odds: its exact population loss.

Facts are sorted by their odds p(x). A memory may know the K most frequent facts alone:
the others are then answered by the uniform distribution, at ln M each, for which a
decoder needs K besides the weights.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from recall import facts as facts_lib
from recall import readout, training
from recall.memories import linear, quantization

WIDENED = (0.5, 0.7, 1.0, 1.4, 2.0)  # steps that are tried, times the closest ones
SCALES = 64  # that a construction tries
SLOWER = 0.3  # of the learning rate, once weights are rounded


class Task(NamedTuple):
    """Facts and their odds.

    Attributes:
        facts: the most frequent facts first; rows beyond those asked for may be cut.
        odds: `[N]` p(x), falling.
        rest: `[N + 1]` odds of all facts from x on, those that were cut too.
    """

    facts: facts_lib.Facts
    odds: Float[Array, "*lanes N"]
    rest: Float[Array, "*lanes N_1"]


class Try(NamedTuple):
    """One of the ways that are tried, of which the best counts.

    Attributes:
        learning_rate: `[]`; nothing to a construction.
        known: `[]` K, facts that the memory answers.
        power: `[]` facts weigh p(x)^power, in training or in an outer product.
    """

    learning_rate: Float[Array, "*lanes"]
    known: Int[Array, "*lanes"]
    power: Float[Array, "*lanes"]


class Found(NamedTuple):
    """Population losses, in nats, and the tries that they came from.

    Attributes:
        loss: `[tries]` of weights as they are.
        after: `[bits]` of the best weights rounded after training.
        after_try: `[bits]`.
        within: `[loop_bits]` of weights rounded in every step of further training.
        within_try: `[loop_bits]`.
    """

    loss: Float[Array, "*lanes tries"]
    after: Float[Array, "*lanes bits"]
    after_try: Int[Array, "*lanes bits"]
    within: Float[Array, "*lanes loop_bits"]
    within_try: Int[Array, "*lanes loop_bits"]


Make = Callable[[Task, Any, Try], Any]  # of a task, first weights and a try


def population_loss(
    recalled: Float[Array, "N d"], task: Task, known: Int[Array, ""]
) -> Float[Array, ""]:
    """Sum over all facts of p(x) times the cross-entropy at x, in nats."""
    # Large scores are rounded: what is left of their difference may be below zero.
    own = jnp.maximum(readout.nll(recalled, task.facts), 0.0)
    live = jnp.arange(own.shape[0]) < known
    uniform = jnp.log(task.facts.num_outputs)
    return jnp.sum(jnp.where(live, task.odds * own, 0.0)) + task.rest[known] * uniform


def weights_of(task: Task, tried: Try) -> Float[Array, " N"]:
    """What known facts weigh, p(x)^power up to a factor; they sum to one."""
    live = jnp.arange(task.odds.shape[0]) < tried.known
    weights = jnp.where(live, task.odds**tried.power, 0.0)
    return weights / jnp.sum(weights)


def fit(
    task: Task,
    initial: Any,
    tried: Try,
    *,
    apply: training.Apply,
    recipe: training.Recipe,
) -> Any:
    """Trains by full batches of the known facts, to the end of the recipe.

    Power 1 descends the population loss itself.
    """
    weights = weights_of(task, tried)

    def loss(params: Any, _: Array) -> readout.Loss:
        own = readout.nll(apply(params, task.facts.inputs), task.facts)
        return readout.Loss(value=weights @ own, error_prob=jnp.ones(()))

    begun = training.start(initial)
    rate = tried.learning_rate
    return training.descend(begun, rate, loss=loss, recipe=recipe).params


def outer_product(task: Task, initial: linear.Params, tried: Try) -> linear.Params:
    """W = s sum_x p(x)^power u_f(x) e_x^T over the K most frequent facts.

    s is the best of SCALES (the loss is convex in it); `initial` is not used.
    """
    del initial
    U_f = task.facts.outputs[task.facts.targets]
    W = (weights_of(task, tried)[:, None] * U_f).T @ task.facts.inputs
    W = W / jnp.sqrt(jnp.mean(W**2))
    recalled = linear.apply(linear.Params(W=W), task.facts.inputs)
    loss = lambda s: population_loss(s * recalled, task, tried.known)  # noqa: E731
    scales = jnp.geomspace(0.01, 100.0, SCALES)
    return linear.Params(W=W * scales[jnp.argmin(jax.lax.map(loss, scales))])


def rounded(
    task: Task,
    params: Any,
    known: Int[Array, ""],
    bits: Float[Array, ""],
    *,
    apply: training.Apply,
) -> tuple[Any, Float[Array, ""]]:
    """The steps with which rounded weights lose least, and what they lose."""
    closest = quantization.best_steps(params, bits)

    def loss(factor: Array) -> Array:
        steps = jax.tree.map(lambda step: factor * step, closest)
        few = quantization.quantize_all(params, steps, bits)
        return population_loss(apply(few, task.facts.inputs), task, known)

    factors = jnp.asarray(WIDENED)
    losses = _finite(jax.lax.map(loss, factors))
    best = jnp.argmin(losses)
    return jax.tree.map(lambda step: factors[best] * step, closest), losses[best]


def round_within(
    task: Task,
    params: Any,
    tried: Try,
    bits: Float[Array, ""],
    *,
    apply: training.Apply,
    recipe: training.Recipe,
) -> Float[Array, ""]:
    """Trains on with weights that are rounded in every step; the better of both ends.

    Steps are those of `rounded` and stay: weights move between levels.
    """
    steps, before = rounded(task, params, tried.known, bits, apply=apply)

    def few(params: Any, inputs: Array) -> Array:
        return apply(quantization.quantize_all(params, steps, bits), inputs)

    slower = tried._replace(learning_rate=SLOWER * tried.learning_rate)
    moved = fit(task, params, slower, apply=few, recipe=recipe)
    after = population_loss(few(moved, task.facts.inputs), task, tried.known)
    return jnp.minimum(before, _finite(after))


def solve(
    task: Task,
    initial: Any,
    tries: Try,
    bits: Float[Array, " bits"],
    loop_bits: Float[Array, " loop_bits"],
    *,
    apply: training.Apply,
    make: Make,
    recipe: training.Recipe,
) -> Found:
    """Makes a memory in all ways that are tried, and rounds its weights.

    Rounding after training chooses among the tries anew: fewer bits know fewer facts.
    Rounding within training goes on from that try, and from the one that is best with
    whole weights. `recipe` is that of going on.
    """
    made = jax.lax.map(lambda tried: make(task, initial, tried), tries)
    at = lambda index: jax.tree.map(lambda x: x[index], (made, tries))  # noqa: E731

    def loss(pair: tuple) -> Array:
        recalled = apply(pair[0], task.facts.inputs)
        return _finite(population_loss(recalled, task, pair[1].known))

    def after(b: Array) -> tuple[Array, Array]:
        each = lambda pair: rounded(task, pair[0], pair[1].known, b, apply=apply)[1]  # noqa: E731
        losses = jax.lax.map(each, (made, tries))
        return jnp.min(losses), jnp.argmin(losses)

    def within(b: Array) -> tuple[Array, Array]:
        starts = jnp.stack([jnp.argmin(losses), after(b)[1]])

        def go_on(index: Array) -> Array:
            start, tried = at(index)
            return round_within(task, start, tried, b, apply=apply, recipe=recipe)

        found = jax.lax.map(go_on, starts)
        return jnp.min(found), starts[jnp.argmin(found)]

    losses = jax.lax.map(loss, (made, tries))
    return Found(losses, *jax.lax.map(after, bits), *jax.lax.map(within, loop_bits))


def _finite(loss: Array) -> Array:
    """Infinity for what is not a number, so that it is no minimum."""
    return jnp.where(jnp.isfinite(loss), loss, jnp.inf)
