"""Random point sets in R^d: the embeddings that a memory stores facts about.

Every sampler is nested: the first n points of a larger draw from the same key are
the smaller draw, so a search may open more facts without touching those it has.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

Sampler = Callable[[Key[Array, ""], int, int], Float[Array, "num_points d"]]


def gaussian(key: Key[Array, ""], num_points: int, d: int) -> Float[Array, "n {d}"]:
    """Draws i.i.d. points from N(0, I/d); their norms are near one, not equal to it."""
    return jax.random.normal(key, (num_points, d)) / jnp.sqrt(d)


def sphere(key: Key[Array, ""], num_points: int, d: int) -> Float[Array, "n {d}"]:
    """Draws i.i.d. points uniform on the unit sphere, the embeddings of the paper."""
    points = jax.random.normal(key, (num_points, d))
    return points / jnp.linalg.norm(points, axis=-1, keepdims=True)


def orthonormal_blocks(
    key: Key[Array, ""], num_points: int, d: int
) -> Float[Array, "n {d}"]:
    """Draws a union of independent uniform orthonormal bases, d points in each.

    Points of one block do not interfere at all; points of two blocks interfere like
    points of the sphere. The last block is cut at `num_points`.
    """
    num_blocks = -(-num_points // d)

    def basis(block: Array) -> Array:
        Q, R = jnp.linalg.qr(jax.random.normal(jax.random.fold_in(key, block), (d, d)))
        return (Q * jnp.sign(jnp.diagonal(R))[None, :]).T

    return jax.vmap(basis)(jnp.arange(num_blocks)).reshape(-1, d)[:num_points]


SAMPLERS: Mapping[str, Sampler] = {
    "sphere": sphere,
    "gaussian": gaussian,
    "orthonormal_blocks": orthonormal_blocks,
}
