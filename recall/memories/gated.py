r"""The gated memory F(z) = sum_g sign(<w_g, z>) A_g z, linear in its matrices A_g.

Gates w_g stay fixed, so that scores <u_y, F(z)> are linear in A and a cross-entropy
over A is convex. It is a plain MLP of G (d + 1) hidden units with sigma = |.|.

Source: the paper's construction (Nichani, Lee, Bietti 2024, Theorem 2) with its V made
block-orthonormal and its derivatives replaced by signs; derived here.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from recall.memories import mlp


class Params(NamedTuple):
    """Weights of a gated memory: rows w_g; row a of A_g writes output coordinate a."""

    gates: Float[Array, "*lanes G d"]
    A: Float[Array, "*lanes G d d"]


def draw_gates(key: Key[Array, ""], G: int, d: int) -> Float[Array, "G {d}"]:
    """Draws gates i.i.d. from N(0, I); raises a ValueError if there are none."""
    if G < 1:
        raise ValueError(f"Expected gates >= 1; got gates={G}.")
    return jax.random.normal(key, (G, d))


def features(
    gates: Float[Array, "G d"], inputs: Float[Array, "N d"]
) -> Float[Array, "N Gd"]:
    """Computes sign(<w_g, z>) z, gate by gate in one row for every z."""
    signs = jnp.sign(inputs @ gates.T)
    return (signs[:, :, None] * inputs[:, None, :]).reshape(inputs.shape[0], -1)


def from_readout(gates: Float[Array, "G d"], W: Float[Array, "d Gd"]) -> Params:
    """Returns the memory that recalls W features(gates, z)."""
    G, d = gates.shape
    return Params(gates=gates, A=jnp.swapaxes(W.reshape(d, G, d), 0, 1))


def apply(params: Params, inputs: Float[Array, "N d"]) -> Float[Array, "N d"]:
    """Recalls F(z) for every row z of the inputs."""
    signs = jnp.sign(inputs @ params.gates.T)
    return jnp.einsum("ng,gab,nb->na", signs, params.A, inputs)


def num_units(G: int, d: int) -> int:
    """Returns the hidden units of the plain MLP, G (d + 1)."""
    return G * (d + 1)


def as_mlp(
    params: Params, inputs: Float[Array, "N d"], fraction: float = 0.5
) -> mlp.Params:
    r"""Returns the plain MLP, of activation "abs", that recalls the same from `inputs`.

    Group g has a unit w_g + eps p for each row p of A_g, which writes its coordinate
    divided by eps, and a unit w_g which subtracts 1 / eps from all of them: as long as
    eps |<p, z>| < |<w_g, z>| for all rows p,

        (|<w_g + eps p, z>| - |<w_g, z>|) / eps = sign(<w_g, z>) <p, z>   exactly.

    eps is `fraction` of the largest value that meets this, group by group, on `inputs`.

    Args:
        params: of the gated memory.
        inputs: on which both agree; elsewhere they do if the condition holds.
        fraction: in (0, 1); smaller values serve inputs that are only nearly these,
            and cost digits.
    """
    G, d = params.gates.shape
    push = jnp.max(jnp.abs(jnp.einsum("gab,nb->nga", params.A, inputs)), axis=2)
    reach = jnp.abs(inputs @ params.gates.T) / jnp.maximum(push, 1e-30)  # A_g may be 0
    eps = fraction * jnp.min(reach, axis=0)
    moved = params.gates[:, None, :] + eps[:, None, None] * params.A
    W = jnp.concatenate([moved, params.gates[:, None, :]], axis=1)
    # One unit subtracts |<w_g, z>| for all d rows: d + 1 units a gate instead of 2 d.
    writes = jnp.concatenate([jnp.eye(d), -jnp.ones((1, d))])
    V = writes[None] / eps[:, None, None]
    m = num_units(G, d)
    return mlp.Params(W=W.reshape(m, d), b=jnp.zeros((m,)), V=V.reshape(m, d))
