"""The linear memory F(z) = W z, built by hand or trained.

Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538), section 3.1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from recall import facts as facts_lib

RIDGE = 1e-6  # of a second moment, as a fraction of its largest entry: for fewer
# facts than dimensions it is singular, and float32 has seven digits


class Params(NamedTuple):
    """The matrix of a linear memory; row a writes output coordinate a."""

    W: Float[Array, "*lanes d d"]


def init(key: Key[Array, ""], d: int) -> Params:
    """Draws W with entries N(0, 1/d): recalled vectors start at norm one."""
    return Params(W=jax.random.normal(key, (d, d)) / jnp.sqrt(d))


def apply(params: Params, inputs: Float[Array, "N d"]) -> Float[Array, "N d"]:
    """Recalls F(z) = W z for every row z of the inputs."""
    return inputs @ params.W.T


def pad(params: Params, d: int) -> Params:
    """Appends zero rows and columns: the same memory in a wider space."""
    more = d - params.W.shape[0]
    return Params(W=jnp.pad(params.W, ((0, more), (0, more))))


def outer_product(facts: facts_lib.Facts) -> Params:
    """Stores facts by correlation, W = sum_x u_f(x) e_x^T (Nichani et al. 2024, Thm 1).

    For injective f and d^2 >~ N polylog N every fact is recalled with high probability.
    Shared outputs break it: one needs max_y |f^-1(y)| <~ d, whatever d^2 is.
    """
    E, U_f = facts_lib.pairs(facts)
    return Params(W=jnp.einsum("ni,nj->ij", U_f, E))


def low_rank(facts: facts_lib.Facts, rank: Int[Array, ""] | int) -> Params:
    """Stores facts in the best rank-m approximation of the outer-product memory.

    The m largest singular triples of sum_x u_f(x) e_x^T; m d >~ N polylog N facts
    (the low-rank corollary of Thm 1) with a better constant than random factors.
    `rank` may be traced: ranks are lanes of one compilation. Raises a ValueError if it
    is a number below zero.
    """
    if isinstance(rank, int) and rank < 0:
        raise ValueError(f"Expected rank >= 0; got rank={rank}.")
    U, s, Vt = jnp.linalg.svd(outer_product(facts).W, full_matrices=False)
    kept = jnp.where(jnp.arange(s.shape[0]) < rank, s, 0.0)
    return Params(W=(U * kept[None, :]) @ Vt)


def random_low_rank(facts: facts_lib.Facts, factors: Float[Array, "rank d"]) -> Params:
    """Stores facts through m random factors v_i on the sphere, in a W of rank m.

    W = (d / m) sum_i v_i (sum_x <v_i, u_f(x)> e_x)^T, the outer product seen through a
    random projection: the MLP construction of degree 0 (Nichani et al. 2024, the
    low-rank corollary of Thm 1; f injective, m d >~ N polylog N). The truncated SVD of
    `low_rank` stores more: at d = 128 this one keeps 49, 109, 182 facts (99 %, medians
    of 25 seeds) with m = 32, 64, 128. Factors of zeros are none: padding is exact.
    Raises a ValueError if there are no factors.
    """
    if not factors.shape[0]:
        raise ValueError("Expected rank >= 1; got rank=0.")
    m = jnp.maximum(jnp.sum(jnp.any(factors != 0, axis=1)), 1)  # without padding
    projected = factors @ outer_product(facts).W
    return Params(W=(factors.T @ projected) * (facts.inputs.shape[1] / m))


def whitened(facts: facts_lib.Facts, ridge: float = RIDGE) -> Params:
    """Stores facts by correlation of whitened embeddings, C_u^-1 (sum u e^T) C_e^-1.

    C_e = sum_x e_x e_x^T and C_u = sum_x u_f(x) u_f(x)^T are second moments of the live
    facts, plus `ridge` times their largest entry on the diagonal. Derived; 68, 212,
    641 facts at 99 % for d = 32, 64, 128, where least squares stores 57, 168, 566
    (medians of 25 seeds).

    Raises:
        ValueError: if there are fewer outputs than inputs: f has to be injective, for
            the inputs of one output would add up.
    """
    num_inputs, num_outputs = facts.inputs.shape[0], facts.outputs.shape[0]
    if num_outputs < num_inputs:  # of shapes: targets are traced
        raise ValueError(
            f"Expected an injective f, at least {num_inputs} outputs for "
            f"{num_inputs} inputs; got outputs={num_outputs}."
        )
    E, U_f = facts_lib.pairs(facts)
    left = _solve(U_f.T @ U_f, U_f.T @ E, ridge)
    return Params(W=_solve(E.T @ E, left.T, ridge).T)


def centred(facts: facts_lib.Facts) -> Params:
    """Stores facts by covariance, W = sum_x (u_f(x) - u) (e_x - e)^T; u, e are means.

    For embeddings that share a mean, which costs an outer product N^2. Derived.
    """
    live = facts_lib.live_inputs(facts)[:, None]
    U_f, E = facts.outputs[facts.targets], facts.inputs
    U_f, E = (x - jnp.sum(x * live, axis=0)[None, :] / facts.n for x in (U_f, E))
    return Params(W=jnp.where(live, U_f, 0.0).T @ E)


def pseudo_inverse(facts: facts_lib.Facts) -> Params:
    """Stores facts by least squares: W e_x = u_f(x), of the smallest norm.

    Exact for N <= d linearly independent inputs, whatever f is.
    """
    E, U_f = facts_lib.pairs(facts)
    # Smaller singular values are rounding: float32 has seven digits.
    return Params(W=U_f.T @ jnp.linalg.pinv(E, rtol=1e-5).T)


def _solve(moment: Array, right: Array, ridge: float) -> Array:
    """Solves (moment + ridge) X = right; coordinates that are never used stay zero."""
    # Not singular without a fact either: the scale is never zero.
    scale = jnp.maximum(jnp.max(jnp.diagonal(moment)), jnp.finfo(moment.dtype).tiny)
    damped = moment + ridge * scale * jnp.eye(moment.shape[0])
    return jax.scipy.linalg.solve(damped, right, assume_a="pos")
