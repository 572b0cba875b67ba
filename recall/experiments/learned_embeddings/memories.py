"""Memories whose embeddings are trained along, and which of their parts move.

A memory has three parts, inputs e_x, weights and outputs u_y. What does not move keeps
its random draw. With injective f a learned side makes two dimensions enough for any
number of facts, in exact arithmetic: on a circle <u_y, e_x> is largest for u_y = e_x,
and either table can be copied into the other through W = 1. With shared outputs learned
inputs do it, e_x = u_f(x); learned outputs alone do not: they are a linear classifier
of M d numbers. A table of N learned inputs holds N d numbers: that is where facts are.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from recall import facts, readout, training
from recall.experiments.learned_embeddings import parts as parts_lib
from recall.memories import linear, mlp

MODES: Mapping[str, tuple[str, ...]] = {
    "frozen": ("weights",),
    "inputs": ("inputs", "weights"),
    "outputs": ("weights", "outputs"),
    "both": ("inputs", "weights", "outputs"),
}
GAIN = 100.0  # of a matrix W, so that all parts move well at one learning rate
UNITS = 2  # hidden units of an MLP, for each dimension


class Parts(NamedTuple):
    """Embeddings `[N, d]` and `[M, d]` and a memory, or a flag about each of these.

    Weights are `linear.Params` of W / GAIN, or `mlp.Params`.
    """

    inputs: Any
    weights: Any
    outputs: Any

    def shuffled(self, key: Key[Array, ""]) -> "Parts":
        """Permutes the rows of each part, by orders of their own."""
        return Parts(*(parts_lib.shuffled(key, part) for part in self))


def draw(
    key: Key[Array, ""],
    d: Int[Array, ""],
    *,
    memory: str,
    num_facts: int,
    num_outputs: int,
    room: int,
) -> Parts:
    """Draws all parts in d of `room` dimensions; the others are, and stay, zero.

    Embeddings are uniform on the sphere, weights as in `linear.init` and `mlp.init`.
    """
    key_in, key_weights, key_out = jax.random.split(key, 3)
    live = jnp.arange(room) < d
    normal = functools.partial(jax.random.normal, dtype=jnp.float32)

    def sphere(key: Array, count: int) -> Array:
        points = jnp.where(live[None, :], normal(key, (count, room)), 0.0)
        return points / jnp.linalg.norm(points, axis=1, keepdims=True)

    if memory == "linear":
        W = normal(key_weights, (room, room)) * (live[:, None] & live[None, :])
        weights: Any = linear.Params(W=W / jnp.sqrt(d) / GAIN)
    else:
        m = UNITS * room
        entries = (jnp.arange(m) < UNITS * d)[:, None] & live[None, :]
        W, V = (normal(k, (m, room)) * entries for k in jax.random.split(key_weights))
        b = jnp.zeros(m)
        weights = mlp.Params(W=W / jnp.sqrt(d), b=b, V=V / jnp.sqrt(UNITS * d))
    return Parts(sphere(key_in, num_facts), weights, sphere(key_out, num_outputs))


def recalled(parts: Parts) -> Float[Array, "N d"]:
    """Computes F(e_x), the recalled vectors of all inputs."""
    if isinstance(parts.weights, linear.Params):
        return GAIN * linear.apply(parts.weights, parts.inputs)
    return mlp.apply(parts.weights, parts.inputs)


def facts_of(parts: Parts, targets: Int[Array, " N"]) -> facts.Facts:
    """Returns the facts, with the embeddings that are in use."""
    return facts.of(parts.inputs, parts.outputs, targets)


def accuracy(parts: Parts, targets: Int[Array, " N"]) -> Float[Array, ""]:
    """Returns the fraction of the facts that are recalled."""
    return readout.accuracy(recalled(parts), facts_of(parts, targets))


def advance(
    problem: parts_lib.Problem, fit: training.Fit, recipe: training.Recipe
) -> training.Fit:
    """Trains the parts that move for `check_every` steps, then counts."""

    def loss(params: Parts, _: Array) -> readout.Loss:
        parts = parts_lib.trained(problem.moves, params)
        return readout.loss(recalled(parts), facts_of(parts, problem.facts))

    fit = training.descend(fit, problem.learning_rate, loss=loss, recipe=recipe)
    asked = facts_of(fit.params, problem.facts)
    correct = readout.num_correct(recalled(fit.params), asked)
    return training.check(fit, correct, asked.n)


@functools.cache
def program(recipe: training.Recipe) -> Callable:
    """Returns the compiled `parts.solve` of stacked memories."""
    return parts_lib.program(functools.partial(advance, recipe=recipe))
