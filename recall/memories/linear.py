"""The linear memory F(z) = W z, built by hand or trained.

Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538), section 3.1.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from recall import facts as facts_lib


class Params(NamedTuple):
    """Weights of a linear memory.

    Attributes:
        W: `[d, d]` the matrix; row a writes output coordinate a.
    """

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
    live = facts_lib.live_inputs(facts)
    U_f = jnp.where(live[:, None], facts.outputs[facts.targets], 0.0)
    return Params(W=jnp.einsum("ni,nj->ij", U_f, facts.inputs))


def low_rank(facts: facts_lib.Facts, rank: Int[Array, ""] | int) -> Params:
    """Stores facts in the best rank-m approximation of the outer-product memory.

    The m largest singular triples of sum_x u_f(x) e_x^T; m d >~ N polylog N facts
    (the low-rank corollary of Thm 1) with a better constant than random factors.
    `rank` may be traced: ranks are lanes of one compilation.
    """
    U, s, Vt = jnp.linalg.svd(outer_product(facts).W, full_matrices=False)
    kept = jnp.where(jnp.arange(s.shape[0]) < rank, s, 0.0)
    return Params(W=(U * kept[None, :]) @ Vt)
