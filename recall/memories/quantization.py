"""Quantization of weights, after training (PTQ) or in every step of it (QAT).

A matrix keeps 2^b levels, (k + 1/2) times its step for k = -2^(b-1) ... 2^(b-1) - 1.
They are symmetric around zero and exclude it, so that two bits give four nonzero
levels. A decoder needs b bits for each entry and the step of each matrix in 32 bits.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

STEP_BITS = 32  # of the step of one matrix


def quantize(
    weights: Float[Array, "*shape"], step: Float[Array, ""], bits: Float[Array, ""]
) -> Float[Array, "*shape"]:
    """Rounds to the nearest level; gradients pass as if it were only clipped.

    The straight-through estimator (Bengio et al. 2013, https://arxiv.org/abs/1308.3432).
    """
    half = 2.0 ** (bits - 1)
    clipped = jnp.clip(weights / step, -half, half)
    floor = jnp.clip(jnp.floor(clipped), -half, half - 1)  # half is in the top level
    return step * (clipped + jax.lax.stop_gradient(floor + 0.5 - clipped))


def quantize_all(params: Any, steps: Any, bits: Float[Array, ""]) -> Any:
    """Rounds every matrix to levels of its own step."""
    return jax.tree.map(lambda w, step: quantize(w, step, bits), params, steps)


def best_steps(params: Any, bits: Float[Array, ""]) -> Any:
    """Returns for each matrix the step with the least squared error of its entries."""
    return jax.tree.map(lambda w: _best_step(w, bits), params)


def _best_step(weights: Array, bits: Array) -> Float[Array, ""]:
    largest = jnp.maximum(jnp.max(jnp.abs(weights)), 1e-30)  # 0 / 0 would be nan
    # To clip a few large entries costs less than a step that is too wide for the rest.
    steps = largest * jnp.geomspace(0.05, 1.0, 24) * 2.0 ** (1 - bits)
    error = lambda step: jnp.sum((weights - quantize(weights, step, bits)) ** 2)  # noqa: E731
    return steps[jnp.argmin(jax.vmap(error)(steps))]


def num_bits(sizes: list[int], bits: int) -> int:
    """Returns the bits of matrices of `sizes` entries: those, and a step for each."""
    return bits * sum(sizes) + STEP_BITS * len(sizes)
