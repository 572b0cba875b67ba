"""A memory of facts of unequal probability: its exact population loss.

Facts are sorted by their probability p(x). A memory may know the K most frequent facts
alone: the others are then answered by the uniform distribution, at ln M each, for which
a decoder needs K besides the weights.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from recall import facts as facts_lib
from recall import readout, training
from recall.memories import linear, quantization

# Steps of least squared error are not those of least loss: these multiples are tried.
WIDENED = (0.5, 0.7, 1.0, 1.4, 2.0)
SCALES = 64  # of an outer product; the loss is smooth in ln s
SLOWER = 0.3  # of the learning rate: QAT starts near an optimum


class Task(NamedTuple):
    """Facts and their probabilities.

    Attributes:
        facts: the most frequent facts first; rows that are never read may be cut.
        probs: `[N]` p(x), falling.
        rest: `[N + 1]` sum of p from x on, over the facts that were cut too.
    """

    facts: facts_lib.Facts
    probs: Float[Array, "*lanes N"]
    rest: Float[Array, "*lanes N_1"]


class Try(NamedTuple):
    """Hyperparameters that are tried, of which the best count.

    Attributes:
        learning_rate: `[]`; a construction ignores it.
        known: `[]` K, facts that the memory answers.
        power: `[]` facts weigh p(x)^power, in training or in an outer product.
    """

    learning_rate: Float[Array, "*lanes"]
    known: Int[Array, "*lanes"]
    power: Float[Array, "*lanes"]


class Losses(NamedTuple):
    """Population losses, in nats, and the tries that they came from.

    Attributes:
        whole: `[tries]` of weights in float32.
        ptq: `[bits]` of the best weights rounded after training.
        ptq_try: `[bits]`.
        qat: `[loop_bits]` of weights rounded in every step of further training.
        qat_try: `[loop_bits]`.
    """

    whole: Float[Array, "*lanes tries"]
    ptq: Float[Array, "*lanes bits"]
    ptq_try: Int[Array, "*lanes bits"]
    qat: Float[Array, "*lanes loop_bits"]
    qat_try: Int[Array, "*lanes loop_bits"]


Make = Callable[[Task, Any, Try], Any]  # (task, initial, hyperparameters) -> params


def population_loss(
    recalled: Float[Array, "N d"], task: Task, known: Int[Array, ""]
) -> Float[Array, ""]:
    """Returns the sum over all facts of p(x) times the cross-entropy at x, in nats."""
    # Large scores are rounded: what is left of their difference may be below zero.
    nll = jnp.maximum(readout.nll(recalled, task.facts), 0.0)
    live = jnp.arange(nll.shape[0]) < known
    uniform = jnp.log(task.facts.num_outputs)  # of a fact that the memory leaves out
    return jnp.sum(jnp.where(live, task.probs * nll, 0.0)) + task.rest[known] * uniform


def weights_of(task: Task, tried: Try) -> Float[Array, " N"]:
    """Returns weights of the known facts, p(x)^power up to a factor, that sum to 1."""
    live = jnp.arange(task.probs.shape[0]) < tried.known
    weights = jnp.where(live, task.probs**tried.power, 0.0)
    return weights / jnp.sum(weights)


def fit(
    task: Task,
    initial: Any,
    tried: Try,
    *,
    apply: training.Apply,
    recipe: training.Recipe,
) -> Any:
    """Trains on full batches of the known facts, to the end of the recipe.

    With power 1 and K = N it descends the population loss itself.
    """
    weights = weights_of(task, tried)

    def loss(params: Any, _: Array) -> readout.Loss:
        nll = readout.nll(apply(params, task.facts.inputs), task.facts)
        # An error probability of one is no certificate: no step stops early.
        return readout.Loss(value=weights @ nll, error_prob=jnp.ones(()))

    state, rate = training.start(initial), tried.learning_rate
    return training.descend(state, rate, loss=loss, recipe=recipe).params


def outer_product(task: Task, initial: linear.Params, tried: Try) -> linear.Params:
    """Returns W = s sum_x p(x)^power u_f(x) e_x^T over the K most frequent facts.

    s is the best of SCALES (the loss is convex in it); `initial` is not used.
    """
    del initial
    U_f = task.facts.outputs[task.facts.targets]
    W = (weights_of(task, tried)[:, None] * U_f).T @ task.facts.inputs
    W = W / jnp.sqrt(jnp.mean(W**2))  # the scales then suit all widths and powers
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
    """Returns the steps with which rounded weights lose least, and their loss."""
    closest = quantization.best_steps(params, bits)

    def loss(factor: Array) -> Array:
        steps = jax.tree.map(lambda step: factor * step, closest)
        quantized = quantization.quantize_all(params, steps, bits)
        return population_loss(apply(quantized, task.facts.inputs), task, known)

    factors = jnp.asarray(WIDENED)
    losses = _finite(jax.lax.map(loss, factors))
    best = jnp.argmin(losses)
    return jax.tree.map(lambda step: factors[best] * step, closest), losses[best]


def quantization_aware(
    task: Task,
    params: Any,
    tried: Try,
    bits: Float[Array, ""],
    *,
    apply: training.Apply,
    recipe: training.Recipe,
) -> Float[Array, ""]:
    """Trains on with weights rounded in every step; returns the better end's loss."""
    # The steps stay: weights move between levels that stand still.
    steps, before = rounded(task, params, tried.known, bits, apply=apply)

    def quantized(params: Any, inputs: Array) -> Array:
        return apply(quantization.quantize_all(params, steps, bits), inputs)

    slower = tried._replace(learning_rate=SLOWER * tried.learning_rate)
    moved = fit(task, params, slower, apply=quantized, recipe=recipe)
    loss = population_loss(quantized(moved, task.facts.inputs), task, tried.known)
    return jnp.minimum(before, _finite(loss))


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
) -> Losses:
    """Makes a memory with all hyperparameters that are tried, and rounds its weights.

    `recipe` is the one of quantization-aware training.
    """
    made = jax.lax.map(lambda tried: make(task, initial, tried), tries)

    def whole(pair: tuple) -> Array:
        recalled = apply(pair[0], task.facts.inputs)
        return _finite(population_loss(recalled, task, pair[1].known))

    def ptq(b: Array) -> tuple[Array, Array]:
        # The tries compete anew for each b: fewer bits know fewer facts.
        each = lambda pair: rounded(task, pair[0], pair[1].known, b, apply=apply)[1]  # noqa: E731
        rounded_losses = jax.lax.map(each, (made, tries))
        return jnp.min(rounded_losses), jnp.argmin(rounded_losses)

    def qat(b: Array) -> tuple[Array, Array]:
        # Either may end better: the best in float32, and the best once it is rounded.
        starts = jnp.stack([jnp.argmin(losses), ptq(b)[1]])

        def further(index: Array) -> Array:
            start, tried = jax.tree.map(lambda x: x[index], (made, tries))
            return quantization_aware(task, start, tried, b, apply=apply, recipe=recipe)

        ends = jax.lax.map(further, starts)
        return jnp.min(ends), starts[jnp.argmin(ends)]

    losses = jax.lax.map(whole, (made, tries))
    return Losses(losses, *jax.lax.map(ptq, bits), *jax.lax.map(qat, loop_bits))


def _finite(loss: Array) -> Array:
    """Returns the loss, or infinity for nan: argmin would pick a nan."""
    return jnp.where(jnp.isfinite(loss), loss, jnp.inf)
