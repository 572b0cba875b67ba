r"""Memories that read out features phi(z) which were drawn, or fitted to the facts.

F(z) = V^T phi(z) with V `[m, d]` in closed form. Features are bilinear,
phi(z) = (A0 z) o (A1 z), which sketch the kernel <z, z'>^2 and have rank at most
d (d + 1) / 2 however many there are; or ReLU, phi(z) = relu(W z), an `mlp.Params`.

Readouts: raw Hebbian V = Phi^T U_f / N, and whitened (ridge regression),
V = (Phi^T Phi + ridge)^-1 Phi^T U_f, whose laws are in `theory.features`.

Sources: baselines of HazyResearch/hebbian-mlps (arXiv 2607.10034), in its words the
Hebbian, the whitened and the data-dependent memory; nothing in them needs f injective.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from recall import facts as facts_lib
from recall.memories import mlp

# A fraction of the mean square of a feature, summed over facts: from 1e-6 to 1e-3 one
# median changed, by 4 facts.
RIDGE = 1e-4
FEATURE_RIDGE = 1e-3  # of the fit of features, as a fraction of its mean diagonal


class Bilinear(NamedTuple):
    """Both factors of bilinear features and their readout; zeros are silent."""

    A0: Float[Array, "*lanes m d"]
    A1: Float[Array, "*lanes m d"]
    V: Float[Array, "*lanes m d"]


def draw_bilinear(key: Key[Array, ""], d: int, m: int) -> Bilinear:
    """Draws both factors of m >= 1 features from N(0, I), without a readout."""
    _check(m)
    key0, key1 = jax.random.split(key)
    A0, A1 = jax.random.normal(key0, (m, d)), jax.random.normal(key1, (m, d))
    return Bilinear(A0=A0, A1=A1, V=jnp.zeros((m, d)))


def draw_relu(key: Key[Array, ""], d: int, m: int) -> mlp.Params:
    """Draws m >= 1 ReLU units from N(0, I), without biases and readout."""
    _check(m)
    W = jax.random.normal(key, (m, d))
    return mlp.Params(W=W, b=jnp.zeros((m,)), V=jnp.zeros((m, d)))


def bilinear(params: Bilinear, inputs: Float[Array, "N d"]) -> Float[Array, "N m"]:
    """Computes the features (A0 z) o (A1 z) of every row z."""
    return (inputs @ params.A0.T) * (inputs @ params.A1.T)


def relu(params: mlp.Params, inputs: Float[Array, "N d"]) -> Float[Array, "N m"]:
    """Computes the ReLU features of every row z, without biases."""
    return jax.nn.relu(inputs @ params.W.T)


def apply_bilinear(
    params: Bilinear, inputs: Float[Array, "N d"]
) -> Float[Array, "N d"]:
    """Recalls F(z) = V^T ((A0 z) o (A1 z)) for every row z."""
    return bilinear(params, inputs) @ params.V


P = TypeVar("P", Bilinear, mlp.Params)
Features = Callable[..., Float[Array, "N m"]]


def hebbian(facts: facts_lib.Facts, drawn: P, features: Features) -> P:
    """Reads out by correlation, V = Phi^T U_f / N."""
    E, U_f = facts_lib.pairs(facts)  # features of zero are zero
    return drawn._replace(V=features(drawn, E).T @ U_f / jnp.maximum(facts.n, 1))


def whitened(
    facts: facts_lib.Facts, drawn: P, features: Features, ridge: float = RIDGE
) -> P:
    """Reads out by ridge regression, V = (Phi^T Phi + lambda)^-1 Phi^T U_f.

    `ridge` is lambda as a fraction of the mean square of the live features; below 1e-5
    it is lost in float32 where features are linearly dependent.
    """
    E, U_f = facts_lib.pairs(facts)
    Phi = features(drawn, E)
    moment = Phi.T @ Phi
    squares = jnp.diagonal(moment)
    mean = jnp.sum(squares) / jnp.maximum(jnp.sum(squares > 0), 1)
    # A silent feature gets 1 on the diagonal, a zero row of V, and no part in the mean.
    damped = moment + jnp.diag(jnp.where(squares > 0, ridge * mean, 1.0))
    V = jax.scipy.linalg.solve(damped, Phi.T @ U_f, assume_a="pos")
    return drawn._replace(V=V)


def data_dependent(
    facts: facts_lib.Facts,
    drawn: Bilinear,
    ridge: float = RIDGE,
    feature_ridge: float = FEATURE_RIDGE,
) -> Bilinear:
    """Fits A1, then A0, so that scores are those of the outputs; then whitens.

    With a crude readout W0 = U_f^T Phi / N of the drawn features, A1 solves the ridge
    regression of the scores U W0 ((A0 e_x) o (A1 e_x)) on U u_f(x), over all outputs
    U, for A0 fixed; then A0 for that A1. Conjugate gradients with the diagonal as a
    preconditioner; a closed form but for them, and no descent on a loss of the memory.
    """
    crude = hebbian(facts, drawn, bilinear).V
    A1 = _fit_factor(facts, crude, drawn.A0, feature_ridge)
    A0 = _fit_factor(facts, crude, A1, feature_ridge)
    fitted = Bilinear(A0=A0, A1=A1, V=drawn.V)
    return whitened(facts, fitted, bilinear, ridge)


def _fit_factor(facts: facts_lib.Facts, V: Array, other: Array, ridge: float) -> Array:
    """Solves for one factor of bilinear features, given the other and a readout V."""
    E, U_f = facts_lib.pairs(facts)
    U = jnp.where(facts_lib.live_outputs(facts)[:, None], facts.outputs, 0.0)
    S = U.T @ U
    C = E @ other.T
    G = V @ S @ V.T
    # Of the normal equations, which are `[m d, m d]` and never formed.
    diagonal = jnp.diagonal(G)[:, None] * ((C * C).T @ (E * E))
    live = diagonal > 0
    damping = ridge * jnp.sum(diagonal) / jnp.maximum(jnp.sum(live), 1)

    def normal(A: Array) -> Array:
        return (C * ((C * (E @ A.T)) @ G)).T @ E + damping * A

    solved, _ = jax.scipy.sparse.linalg.cg(
        normal,
        (C * (U_f @ S @ V.T)).T @ E,
        tol=1e-5,
        maxiter=256,  # `kinds` has its cost
        M=lambda A: A / jnp.where(live, diagonal + damping, 1.0),
    )
    return solved


def _check(m: int) -> None:
    """Raises a ValueError if there are no features."""
    if m < 1:
        raise ValueError(f"Expected m >= 1 features; got m={m}.")
