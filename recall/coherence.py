"""How far a point set is from orthogonal: overlaps, spectrum, mean and norms."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


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
def measure(points: Float[Array, "n d"]) -> Coherence:
    """Measures a point set of at least two points, none of them zero."""
    norms = jnp.linalg.norm(points, axis=1)
    overlaps = _overlaps(points / norms[:, None])
    centred = points - jnp.mean(points, axis=0)[None, :]
    spectrum = jnp.linalg.eigvalsh(centred.T @ centred)
    p = jnp.maximum(spectrum, 0.0) / jnp.sum(spectrum)
    size = jnp.sqrt(jnp.mean(norms**2))
    return Coherence(
        max_overlap=jnp.max(jnp.abs(overlaps)),
        rms_overlap=jnp.linalg.norm(overlaps) / jnp.sqrt(_pairs(points)),
        participation=1 / jnp.sum(p**2),
        entropy_rank=jnp.exp(jnp.sum(jax.scipy.special.entr(p))),
        mean_share=jnp.linalg.norm(jnp.mean(points, axis=0)) / size,
        norm_spread=jnp.std(norms) / jnp.mean(norms),
    )


def _overlaps(unit: Float[Array, "n d"]) -> Float[Array, "n n"]:
    """Inner products of different points; zero on the diagonal."""
    return (unit @ unit.T) * (1 - jnp.eye(unit.shape[0]))


def _pairs(points: Float[Array, "n d"]) -> int:
    return points.shape[0] * (points.shape[0] - 1)
