"""Dual weights p_xy of facts, and a Newton step on their proof: see `separation`."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from recall import facts as facts_lib
from recall import readout


def weights(W: Float[Array, "d q"], facts: facts_lib.Facts) -> Float[Array, "N M"]:
    """Returns the probability of each wrong answer to each fact, in sum one."""
    p = jax.nn.softmax(readout.scores(facts.inputs @ W.T, facts), axis=-1)
    right = facts.targets[:, None] == jnp.arange(p.shape[1])[None, :]
    p = jnp.where(right | ~facts_lib.live_inputs(facts)[:, None], 0.0, p)
    return p / jnp.maximum(jnp.sum(p), 1e-30)  # wide margins make all of p underflow


def combine(p: Float[Array, "N M"], facts: facts_lib.Facts) -> Float[Array, "d q"]:
    """Returns sum_xy p_xy A_xy; for `weights`, minus the gradient, scaled."""
    right = jnp.sum(p, axis=1, keepdims=True) * facts.outputs[facts.targets]
    return (right - p @ facts.outputs).T @ facts.inputs


def correction(
    W: Float[Array, "d q"], facts: facts_lib.Facts, num_steps: int
) -> Float[Array, "d q"]:
    """Solves sum p (1 + <C, A>) A = 0 for C: a Newton step on the certificate."""
    p = weights(W, facts)
    error = jnp.sum(p, axis=1)
    both = jnp.concatenate([facts.outputs, facts.outputs[facts.targets]])
    mass = jnp.concatenate([jnp.sum(p, axis=0), error])
    left = _inverse(jnp.einsum("y,ya,yb->ab", mass, both, both))
    right = _inverse(jnp.einsum("x,xa,xb->ab", error, facts.inputs, facts.inputs))

    def hessian(C: Array) -> Array:
        recalled = facts.inputs @ C.T
        inner = readout.own_scores(recalled, facts)[:, None]
        return combine(p * (inner - recalled @ facts.outputs.T), facts)  # <C, A_xy>

    # 187 facts at d = 32, seed 0: cycles of descent alone came to a bound of 2.5e-5,
    # with this step to 7.6e-6, below `separation.PROOF`.
    return jax.scipy.sparse.linalg.cg(
        hessian,
        -combine(p, facts),
        maxiter=num_steps,
        tol=1e-4,
        # The Hessian were p independent in x and y: a Kronecker product.
        M=lambda C: left @ C @ right,
    )[0]


def _inverse(S: Float[Array, "k k"]) -> Float[Array, "k k"]:
    ridge = 1e-6 * jnp.trace(S) / S.shape[0]  # fewer facts than dimensions: singular
    return jnp.linalg.inv(S + ridge * jnp.eye(S.shape[0]))
