r"""A bilinear memory fitted by alternating convex solves, one block at a time.

Scores of F(z) = V^T ((A0 z) o (A1 z)) are linear in V, in A1 and in A0, each for the
other two fixed, so that the cross-entropy is convex in each block. A sweep descends in
V, then A1, then A0, by a few steps of Adam that see the other two as constants: nothing
is propagated through features, and no block is ever stepped together with another.

Measured (`configs/memory_weights.py`): as few weights as gradient descent on all of
them needs, where readouts of fixed features need half as many again and more.
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
    """How long, and how fast; static.

    Attributes:
        count: sweeps before a fit is given up.
        steps: of Adam in each block of a sweep.
        rate: learning rate, which decays to zero along a half cosine over the sweeps.
    """

    count: int = 1000
    steps: int = 8
    rate: float = 0.1


SWEEPS = Sweeps()


class Found(NamedTuple):
    """Where the sweeps ended.

    Attributes:
        params: the memory.
        stored: `[]` whether it recalls all facts.
        correct: `[]` how many it recalls.
        sweeps: `[]` sweeps made.
    """

    params: random_features.Bilinear
    stored: Bool[Array, ""]
    correct: Int[Array, ""]
    sweeps: Int[Array, ""]


@functools.partial(jax.jit, static_argnames="sweeps")
def fit(
    facts: facts_lib.Facts, initial: random_features.Bilinear, sweeps: Sweeps = SWEEPS
) -> Found:
    """Sweeps over the blocks until all facts are recalled; stops there.

    Units whose rows are zero in all blocks stay silent: padding units is exact.
    """

    def sweep(carry: tuple) -> tuple:
        params, moments, _, at = carry
        decay = 0.5 * (1 + jnp.cos(jnp.pi * at / sweeps.count))
        for block in BLOCKS:
            params, moments = _descend(
                params, moments, block, facts, sweeps.rate * decay, sweeps.steps
            )
        return params, moments, _correct(params, facts), at + 1

    def going(carry: tuple) -> Array:
        return (carry[2] < facts.n) & (carry[3] < sweeps.count)

    moments = {block: training.ADAM.init(getattr(initial, block)) for block in BLOCKS}
    start = (initial, moments, jnp.int32(-1), jnp.int32(0))
    params, _, correct, made = jax.lax.while_loop(going, sweep, start)
    return Found(params=params, stored=correct == facts.n, correct=correct, sweeps=made)


def _correct(params: random_features.Bilinear, facts: facts_lib.Facts) -> Array:
    recalled = random_features.apply_bilinear(params, facts.inputs)
    return readout.num_correct(recalled, facts)


def _descend(
    params: random_features.Bilinear,
    moments: dict[str, Any],
    block: str,
    facts: facts_lib.Facts,
    rate: Array,
    num_steps: int,
) -> tuple[random_features.Bilinear, dict[str, Any]]:
    """Steps of Adam on one block, in which the loss is convex."""

    def loss(weights: Array) -> Array:
        moved = params._replace(**{block: weights})
        recalled = random_features.apply_bilinear(moved, facts.inputs)
        return readout.loss(recalled, facts).value

    def step(_: Array, carry: tuple) -> tuple:
        weights, own = carry
        updates: Any
        updates, own = training.ADAM.update(jax.grad(loss)(weights), own, weights)
        return weights - rate * updates, own

    start = getattr(params, block), moments[block]
    weights, own = jax.lax.fori_loop(0, num_steps, step, start)
    return params._replace(**{block: weights}), moments | {block: own}
