"""The MLP memory F(z) = V^T sigma(W z + b), of m hidden units.

Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538), section 3.2.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key


def hermite(t: Float[Array, "*n"], degree: int) -> Float[Array, "*n"]:
    """Evaluates the polynomial of a degree whose slope is the orthonormal Hermite h_k.

    k = degree - 1 and sigma(0) = 0: sigma(t) = (He(t) - He(0)) / (degree sqrt(k!)) with
    He of that degree.
    """
    series = np.polynomial.hermite_e.herme2poly([0.0] * degree + [1.0])[::-1]
    series = series / (degree * math.sqrt(math.factorial(degree - 1)))  # He_n' = n He_k
    series[-1] = 0.0  # a padded unit has to stay silent
    return jnp.polyval(jnp.asarray(series, t.dtype), t)


# Each maps 0 to 0: a unit of zero weights stays silent, so padding units is exact.
ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "sin": jnp.sin,
    "abs": jnp.abs,
    "square": jnp.square,
    **{f"hermite{k}": functools.partial(hermite, degree=k) for k in (1, 2, 3, 4)},
}


class Params(NamedTuple):
    """Weights of an MLP memory: a unit is a row of W, a bias, and a row of V."""

    W: Float[Array, "*lanes m d"]
    b: Float[Array, "*lanes m"]
    V: Float[Array, "*lanes m d"]


def init(key: Key[Array, ""], d: int, m: int) -> Params:
    """Draws W with entries N(0, 1/d), V with entries N(0, 1/m), and zero biases."""
    key_in, key_out = jax.random.split(key)
    return Params(
        W=jax.random.normal(key_in, (m, d)) / jnp.sqrt(d),
        b=jnp.zeros((m,)),
        V=jax.random.normal(key_out, (m, d)) / jnp.sqrt(m),
    )


def apply(
    params: Params, inputs: Float[Array, "N d"], activation: str = "relu"
) -> Float[Array, "N d"]:
    """Recalls F(z) = V^T sigma(W z + b) for every row z of the inputs.

    Raises:
        ValueError: if the activation is not one of ACTIVATIONS.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"Expected activation in {sorted(ACTIVATIONS)}; got {activation!r}."
        )
    hidden = ACTIVATIONS[activation](inputs @ params.W.T + params.b[None, :])
    return hidden @ params.V


def pad(params: Params, d: int, m: int) -> Params:
    """Appends silent units and zero coordinates: the same memory, wider."""
    units, columns = params.W.shape
    wider = ((0, m - units), (0, d - columns))
    return Params(
        W=jnp.pad(params.W, wider),
        b=jnp.pad(params.b, (0, m - units)),
        V=jnp.pad(params.V, wider),
    )
