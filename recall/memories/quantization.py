"""Weights of few bits: rounded after training, or in every step of it.

A matrix keeps 2^b levels, (k + 1/2) times its step for k = -2^(b-1) ... 2^(b-1) - 1:
symmetric, and without a zero, so that two bits are four levels of use. What a decoder
needs is b bits for each entry and the step of each matrix as a 32-bit number.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

STEP_BITS = 32  # of the step of one matrix
_NOTHING = 1e-30  # stands for the largest entry of a matrix of zeros
_CLIPS = 24  # clips that are tried, as fractions of the largest entry


def quantize(
    weights: Float[Array, "*shape"], step: Float[Array, ""], bits: Float[Array, ""]
) -> Float[Array, "*shape"]:
    """Rounds to the nearest level; gradients pass as if it were only clipped.

    The straight-through estimator of Bengio, Leonard, Courville 2013
    (https://arxiv.org/abs/1308.3432).
    """
    half = 2.0 ** (bits - 1)
    clipped = jnp.clip(weights / step, -half, half)
    level = jnp.clip(jnp.floor(clipped), -half, half - 1) + 0.5
    return step * (clipped + jax.lax.stop_gradient(level - clipped))


def quantize_all(params: Any, steps: Any, bits: Float[Array, ""]) -> Any:
    """Every matrix rounded to levels of its own step."""
    return jax.tree.map(lambda w, step: quantize(w, step, bits), params, steps)


def best_steps(params: Any, bits: Float[Array, ""]) -> Any:
    """For each matrix the step whose levels are closest to its entries, in squares."""
    return jax.tree.map(lambda w: _best_step(w, bits), params)


def _best_step(weights: Array, bits: Array) -> Float[Array, ""]:
    largest = jnp.maximum(jnp.max(jnp.abs(weights)), _NOTHING)
    steps = largest * jnp.geomspace(0.05, 1.0, _CLIPS) * 2.0 ** (1 - bits)
    error = lambda step: jnp.sum((weights - quantize(weights, step, bits)) ** 2)  # noqa: E731
    return steps[jnp.argmin(jax.vmap(error)(steps))]


def num_bits(sizes: list[int], bits: int) -> int:
    """Bits of matrices of so many entries: the entries, and a step for each matrix."""
    return bits * sum(sizes) + STEP_BITS * len(sizes)
