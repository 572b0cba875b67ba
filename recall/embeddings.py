"""Random point sets in R^d: the embeddings that a memory stores facts about.

Every sampler is nested: the first n points of a larger draw from the same key are
the smaller draw, so a search may open more facts without touching those it has.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

Sampler = Callable[[Key[Array, ""], int, int], Float[Array, "num_points d"]]


def gaussian(key: Key[Array, ""], num_points: int, d: int) -> Float[Array, "n {d}"]:
    """Draws i.i.d. points from N(0, I/d); their norms are near one, not equal to it."""
    return jax.random.normal(key, (num_points, d)) / jnp.sqrt(d)


def sphere(key: Key[Array, ""], num_points: int, d: int) -> Float[Array, "n {d}"]:
    """Draws i.i.d. points uniform on the unit sphere, the embeddings of the paper."""
    return unit(jax.random.normal(key, (num_points, d)))


def orthonormal_blocks(
    key: Key[Array, ""], num_points: int, d: int
) -> Float[Array, "n {d}"]:
    """Draws a union of independent uniform orthonormal bases, d points in each.

    Points of one block do not interfere at all; points of two blocks interfere like
    points of the sphere. The last block is cut at `num_points`.
    """

    def basis(block: Array) -> Array:
        # A key for each block: drawing more blocks leaves the first ones as they are.
        Q, R = jnp.linalg.qr(jax.random.normal(jax.random.fold_in(key, block), (d, d)))
        # QR fixes the signs of R; with a positive diagonal Q is Haar (Mezzadri 2007).
        return (Q * jnp.sign(jnp.diagonal(R))[None, :]).T

    num_blocks = -(-num_points // d)
    return jax.vmap(basis)(jnp.arange(num_blocks)).reshape(-1, d)[:num_points]


def power_law(
    key: Key[Array, ""], num_points: int, d: int, exponent: float
) -> Float[Array, "n {d}"]:
    """Draws Gaussian points whose coordinate i has variance ~ i^-exponent, in sum 1."""
    variance = jnp.arange(1, d + 1, dtype=jnp.float32) ** -exponent
    scale = jnp.sqrt(variance / jnp.sum(variance))
    return jax.random.normal(key, (num_points, d)) * scale[None, :]


def shared_mean(
    key: Key[Array, ""], num_points: int, d: int, mean: float
) -> Float[Array, "n {d}"]:
    """Draws mean * c + sqrt(1 - mean^2) * (a point of the sphere), c = 1 / sqrt(d)."""
    # The same c for all keys, as for the tables of one language model.
    common = jnp.full(d, mean / jnp.sqrt(d))
    return common[None, :] + jnp.sqrt(1 - mean**2) * sphere(key, num_points, d)


def low_rank(
    key: Key[Array, ""], num_points: int, d: int, rank: int, floor: float = 0.0
) -> Float[Array, "n {d}"]:
    """Draws Gaussian points, a fraction 1 - `floor` of E|z|^2 = 1 in `rank` axes."""
    head = jnp.where(jnp.arange(d) < rank, (1 - floor) / rank, 0.0)
    scale = jnp.sqrt(head + floor / d)
    return jax.random.normal(key, (num_points, d)) * scale[None, :]


def mixture(
    key: Key[Array, ""], num_points: int, d: int, centres: int, mean: float
) -> Float[Array, "n {d}"]:
    """Draws points around random centres: `shared_mean` with a c for each cluster."""
    key_centres, key_which, key_points = jax.random.split(key, 3)
    which = jax.random.randint(key_which, (num_points,), 0, centres)
    common = mean * sphere(key_centres, centres, d)[which]
    return common + jnp.sqrt(1 - mean**2) * sphere(key_points, num_points, d)


def from_table(
    key: Key[Array, ""],
    num_points: int,
    d: int,
    table: Float[Array | np.ndarray, "total {d}"],
) -> Float[Array, "n {d}"]:
    """Draws rows of a table without replacement; a ValueError if there are too few."""
    total = table.shape[0]
    if num_points > total:
        raise ValueError(
            f"Expected at most {total} points of a table; got {num_points}."
        )
    return jnp.asarray(table)[jax.random.permutation(key, total)[:num_points]]


def unit(points: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Scales every point of a set to norm one."""
    return points / jnp.linalg.norm(points, axis=-1, keepdims=True)


SAMPLERS: Mapping[str, Sampler] = {
    "sphere": sphere,
    "gaussian": gaussian,
    "orthonormal_blocks": orthonormal_blocks,
}


class Coherence(NamedTuple):
    """Measures of a point set e_1 .. e_n in R^d.

    Attributes:
        max_overlap: largest |<e, e'>| of two points scaled to norm one.
        rms_overlap: root of the mean square of the same over all pairs; d^-1/2 on the
            sphere, and never much below it for n >> d (Welch).
        participation: effective rank (sum l)^2 / sum l^2 of the eigenvalues l of the
            centred covariance; d where it is isotropic.
        entropy_rank: effective rank exp(-sum p ln p), p = l / sum l.
        mean_share: norm of the mean of the points over the root mean square norm.
        norm_spread: standard deviation of the norms over their mean.
    """

    max_overlap: Float[Array, ""]
    rms_overlap: Float[Array, ""]
    participation: Float[Array, ""]
    entropy_rank: Float[Array, ""]
    mean_share: Float[Array, ""]
    norm_spread: Float[Array, ""]


@jax.jit
def coherence(points: Float[Array, "n d"]) -> Coherence:
    """Measures a point set of at least two points, none of them zero."""
    n, norms = points.shape[0], jnp.linalg.norm(points, axis=1)
    directions = points / norms[:, None]
    overlaps = (directions @ directions.T) * (1 - jnp.eye(n))  # of different points
    centred = points - jnp.mean(points, axis=0)[None, :]
    spectrum = jnp.linalg.eigvalsh(centred.T @ centred)
    p = jnp.maximum(spectrum, 0.0) / jnp.sum(spectrum)  # rounding goes below zero
    size = jnp.sqrt(jnp.mean(norms**2))
    return Coherence(
        max_overlap=jnp.max(jnp.abs(overlaps)),
        rms_overlap=jnp.linalg.norm(overlaps) / jnp.sqrt(n * (n - 1)),
        participation=1 / jnp.sum(p**2),
        entropy_rank=jnp.exp(jnp.sum(jax.scipy.special.entr(p))),
        mean_share=jnp.linalg.norm(jnp.mean(points, axis=0)) / size,
        norm_spread=jnp.std(norms) / jnp.mean(norms),
    )
