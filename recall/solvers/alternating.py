r"""A bilinear memory fitted by alternating convex solves, one block at a time.

Scores of F(z) = V^T ((A0 z) o (A1 z)) are linear in V, in A1 and in A0, each for the
other two fixed, so that the cross-entropy is convex in each block. A sweep descends in
V, then A1, then A0, by a few steps of Adam that see the other two as constants: nothing
is propagated through features, and no block is ever stepped together with another.

Measured (`configs/memory_weights.py`): as few weights as gradient descent on all of
them needs, while readouts of fixed features need half as many again and more.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from recall import facts as facts_lib
from recall import readout, training
from recall.memories import random_features

BLOCKS = ("V", "A1", "A0")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweeps:
    """Static hyperparameters of the sweeps.

    Attributes:
        count: sweeps before a fit is given up.
        steps: of Adam in each block of a sweep.
        rate: learning rate, which decays to zero along a half cosine over the sweeps.
    """

    # At (d, N) = (32, 256) these store all facts in 864 weights on 5 of 5 seeds;
    # low-rank readouts of sign gates, solved likewise, need more than 1,088.
    count: int = 1000
    steps: int = 8
    rate: float = 0.1


SWEEPS = Sweeps()


class Fit(NamedTuple):
    """The memory after so many sweeps, and the facts that it recalls."""

    params: random_features.Bilinear
    stored: Bool[Array, ""]
    correct: Int[Array, ""]
    sweeps: Int[Array, ""]


@functools.partial(jax.jit, static_argnames="sweeps")
def fit(
    facts: facts_lib.Facts, initial: random_features.Bilinear, sweeps: Sweeps = SWEEPS
) -> Fit:
    """Sweeps over the blocks until all facts are recalled, or sweeps are used up.

    Units whose rows are zero in all blocks stay silent: padding units is exact.
    """

    def sweep(carry: tuple) -> tuple:
        params, states, _, at = carry
        rate = sweeps.rate * (0.5 * (1 + jnp.cos(jnp.pi * at / sweeps.count)))
        for block in BLOCKS:
            params, states = _descend(params, states, block, facts, rate, sweeps.steps)
        recalled = random_features.apply_bilinear(params, facts.inputs)
        return params, states, readout.num_correct(recalled, facts), at + 1

    going = lambda c: (c[2] < facts.n) & (c[3] < sweeps.count)  # noqa: E731
    # States of Adam survive a sweep: eight steps are too few to warm one up.
    states = {block: training.ADAM.init(getattr(initial, block)) for block in BLOCKS}
    start = (initial, states, jnp.int32(-1), jnp.int32(0))  # -1: sweep at least once
    params, _, correct, made = jax.lax.while_loop(going, sweep, start)
    return Fit(params=params, stored=correct == facts.n, correct=correct, sweeps=made)


def _descend(
    params: random_features.Bilinear,
    states: dict[str, Any],
    block: str,
    facts: facts_lib.Facts,
    rate: Array,
    num_steps: int,
) -> tuple[random_features.Bilinear, dict[str, Any]]:
    """Makes steps of Adam on one block, in which the loss is convex."""

    def loss(weights: Array) -> Array:
        moved = params._replace(**{block: weights})
        recalled = random_features.apply_bilinear(moved, facts.inputs)
        return readout.loss(recalled, facts).value

    def step(_: Array, carry: tuple) -> tuple:
        weights, state = carry
        updates: Any
        updates, state = training.ADAM.update(jax.grad(loss)(weights), state, weights)
        return weights - rate * updates, state

    start = getattr(params, block), states[block]
    weights, state = jax.lax.fori_loop(0, num_steps, step, start)
    return params._replace(**{block: weights}), states | {block: state}
