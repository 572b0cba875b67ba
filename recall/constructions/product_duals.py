r"""Product duals: a Hermite memory of facts about phi(s) + phi(r).

Inputs x_sr = phi(s) + phi(r) that share s or r are far from orthogonal, and the duals
of `memories.hermite` confuse them. With

    p_ga = sum_sr h_j(<w_g, phi(s)>) h_k(<w_g, phi(r)>) <v_ga, u_a*(s,r)> y_sr,
    F(z) = sum_ga v_ga h_{j+k}(<w_g, z> / sqrt 2) <p_ga, z>

the kernel between two facts is <s, s'>^j <r, r'>^k <y, x'> on average. It is a plain
MLP whose sigma' is h_{j+k}, by differences of sigma along p_ga.

Source: Nichani, Lee, Bietti 2024, Theorem 4 (https://arxiv.org/abs/2412.06538); duals
as derived here, with y = x and independent w and v for each unit. Three changes of ours
take noise away: y_sr sums the vectors dual to all phi(s), phi(r) (where d >= S + R);
gates are rows of orthogonal matrices times sqrt(d); each has `outputs` orthonormal v_ga
and one unit that all its differences share. At d = 64, (S, R, D) = (16, 16, 8) and
m = 8,192 independent units recall all facts in 3 of 10 draws, with orthogonal gates and
shared units it is 10 of 20, and with dual directions 19 of 20 (measured).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from recall import embeddings
from recall.memories import hermite, mlp

MAX_DEGREE = 3  # j + k; mlp.ACTIVATIONS has hermite1 to hermite4
SHIFT = 1e-3  # of w_g by eps p_ga, relative


class Design(NamedTuple):
    """Static settings: m hidden units or fewer, degrees (j, k), v_ga of each gate."""

    m: int
    degrees: tuple[int, int] = (1, 1)
    outputs: int = 4

    @property
    def gates(self) -> int:
        """Returns G, as many gates as m hidden units are enough for."""
        return self.m // (self.outputs + 1)

    @property
    def activation(self) -> str:
        """Returns the name of the activation whose slope is h_{j+k}."""
        return f"hermite{sum(self.degrees) + 1}"


def fluctuation(degrees: tuple[int, int]) -> float:
    """Returns the gates at which a fact's own score fluctuates by its mean.

    E[X^2] / E[X]^2 of X = h_{j+k}((a + b) / sqrt 2) h_j(a) h_k(b), a and b ~ N(0, 1).
    """
    j, k = degrees
    g, weights = np.polynomial.hermite_e.hermegauss(32)  # X^2 is of degree <= 12
    weights = np.outer(weights, weights) / weights.sum() ** 2
    a, b = g[:, None], g[None, :]

    def h(t: np.ndarray, degree: int) -> np.ndarray:
        series = [0.0] * degree + [1.0]
        norm = math.sqrt(math.factorial(degree))
        return np.polynomial.hermite_e.hermeval(t, series) / norm

    X = h((a + b) / math.sqrt(2), j + k) * h(a, j) * h(b, k)
    return float(np.sum(weights * X**2) / np.sum(weights * X) ** 2)


def check(design: Design, d: int) -> None:
    """Raises an error for designs that store nothing.

    Raises:
        ValueError: naming the smallest value that works.
    """
    (j, k), outputs = design.degrees, design.outputs
    if min(j, k) < 1 or j + k > MAX_DEGREE:
        raise ValueError(
            f"Expected degrees j, k >= 1 with j + k <= {MAX_DEGREE}; got {(j, k)}."
        )
    if not 1 <= outputs <= d:  # no more are orthonormal
        raise ValueError(f"Expected outputs of a gate in [1, d = {d}]; got {outputs}.")
    fewest = math.ceil(fluctuation(design.degrees) / hermite.MAX_FLUCTUATION**2)
    least = fewest * (outputs + 1)
    if design.m < least:
        raise ValueError(
            f"Expected m >= {least} hidden units for degrees {(j, k)}, so that a "
            f"fact's own score fluctuates by at most {hermite.MAX_FLUCTUATION:g} times "
            f"its mean; got m={design.m}."
        )


def construct(
    key: Key[Array, ""],
    subjects: Float[Array, "S d"],
    relations: Float[Array, "R d"],
    answers: Float[Array, "S R d"],
    design: Design,
) -> mlp.Params:
    """Constructs the MLP, of `design.activation`, that recalls u_a*(s,r) from x_sr.

    Raises:
        ValueError: see `check`.
    """
    (S, d), R = subjects.shape, relations.shape[0]
    check(design, d)
    (j, k), G = design.degrees, design.gates
    key_in, key_out = jax.random.split(key)
    W = math.sqrt(d) * embeddings.orthonormal_blocks(key_in, G, d)
    V = _outputs(key_out, G, design.outputs, d)
    duals = hermite.polynomial(subjects @ W.T, j)[:, None, :]
    duals = duals * hermite.polynomial(relations @ W.T, k)[None, :, :]
    dual = jnp.linalg.pinv(jnp.concatenate([subjects, relations])).T
    y = dual[:S, None, :] + dual[None, S:, :]  # <y_sr, x_sr'> = 1, not 1 + noise
    weights = jnp.einsum("srd,gad->srga", answers, V) * duals[:, :, :, None]
    P = weights.reshape(S * R, -1).T @ y.reshape(S * R, d)
    return _differences(W, P.reshape(G, design.outputs, d), V)


def _differences(W: Array, P: Array, V: Array) -> mlp.Params:
    """Returns units w_g + eps p_ga that write v_ga / eps; a last w_g subtracts them."""
    G, outputs, d = P.shape
    eps = SHIFT * jnp.linalg.norm(W) / jnp.linalg.norm(P) * math.sqrt(outputs)
    moved = W[:, None, :] + eps * P
    # (a + b) / sqrt 2 is N(0, 1) again, as h_{j+k} needs it.
    rows = jnp.concatenate([moved, W[:, None, :]], axis=1) / math.sqrt(2)
    back = -jnp.sum(V, axis=1, keepdims=True)
    writes = jnp.concatenate([V, back], axis=1) * math.sqrt(2) / eps
    m = G * (outputs + 1)
    return mlp.Params(W=rows.reshape(m, d), b=jnp.zeros((m,)), V=writes.reshape(m, d))


def _outputs(key: Key[Array, ""], G: int, outputs: int, d: int) -> Array:
    """Draws orthonormal v_ga for each gate, `[G, outputs, d]`."""
    whole = d // outputs * outputs  # rows of one matrix, in whole groups
    blocks = -(-G * outputs // whole)
    bases = embeddings.orthonormal_blocks(key, blocks * d, d).reshape(blocks, d, d)
    return bases[:, :whole].reshape(-1, outputs, d)[:G]
