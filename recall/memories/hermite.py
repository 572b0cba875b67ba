r"""The paper's MLP construction: Hermite duals of degree k, gated or as a plain MLP.

With w_i ~ N(0, I), v_i uniform on the sphere, i <= m0, and h_k the orthonormal
(probabilists') Hermite polynomial, set

    p_i = sign(c_k) / |c_k| (1 / m0) sum_x h_k(<w_i, e_x>) <v_i, u_f(x)> e_x,
    F(z) = sum_i v_i sigma'(<w_i, z>) <p_i, z>,      c_k = E[sigma'(g) h_k(g)].

For e_x of norm one E F(e_x) = (1 / d) sum_x' <e_x, e_x'>^(k+1) u_f(x'): the higher
the degree the weaker the crosstalk of the kernel, and the larger the fluctuation of a
fact's own score, sqrt(E[(sigma' h_k)^2] / m0) / |c_k|. Without the sign a negative c_k
turns every answer into the worst one. A non-linear sigma' may be of any form; its
components other than h_k are noise.

Source: Nichani, Lee, Bietti 2024, Theorem 2 (https://arxiv.org/abs/2412.06538): m d >~
N polylog N stores N facts, f injective or not. The noise budget is in
`theory.features`.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from recall import embeddings
from recall import facts as facts_lib
from recall.memories import mlp

# Where a fact's own score fluctuates by twice its mean, two facts are one too many.
MAX_FLUCTUATION = 2.0
SHIFT = 0.01  # of w_i by p_i in a plain MLP, relative: .1 to .001 serve float32
_ROUNDING = 1e-4  # a c_k that is zero comes out smaller, in float32


class Units(NamedTuple):
    """Random gates w_i and outputs v_i; zeros are silent, so that padding is exact."""

    W: Float[Array, "*lanes m0 d"]
    V: Float[Array, "*lanes m0 d"]


class Params(NamedTuple):
    """Weights of the gated form: gates w_i, duals p_i and outputs v_i."""

    W: Float[Array, "*lanes m0 d"]
    P: Float[Array, "*lanes m0 d"]
    V: Float[Array, "*lanes m0 d"]


def draw(key: Key[Array, ""], d: int, m0: int) -> Units:
    """Draws gates from N(0, I), outputs on the sphere; raises ValueError for m0 < 1."""
    if m0 < 1:
        raise ValueError(f"Expected m0 >= 1 gated units; got m0={m0}.")
    key_in, key_out = jax.random.split(key)
    W = jax.random.normal(key_in, (m0, d))
    return Units(W=W, V=embeddings.sphere(key_out, m0, d))


def polynomial(t: Float[Array, "*n"], k: int) -> Float[Array, "*n"]:
    """Evaluates the orthonormal Hermite polynomial h_k at t."""
    return jnp.polyval(jnp.asarray(_power_series(k), jnp.float32), t)


def derivative(activation: str, t: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Evaluates the slope sigma'(t) of one of `mlp.ACTIVATIONS`."""
    # Forward mode: a pass for all t at once, and no sum to differentiate.
    return jax.jvp(mlp.ACTIVATIONS[activation], (t,), (jnp.ones_like(t),))[1]


class Moments(NamedTuple):
    """The expectations over g ~ N(0, 1) by which a degree fits an activation.

    `component` is c_k = E[sigma'(g) h_k(g)], `power` is E[sigma'(g)^2], and `own`, that
    of a fact's own score, is E[(sigma'(g) h_k(g))^2].
    """

    component: float
    power: float
    own: float

    @property
    def units(self) -> float:
        """Returns the gated units at which a score fluctuates by its own mean."""
        return self.own / self.component**2


def moments(activation: str, k: int) -> Moments:
    """Computes the moments of an activation and a degree, by quadrature.

    Raises:
        ValueError: if c_k is zero: h_k is orthogonal to sigma', for instance if
            sigma is a polynomial of degree k or less, and nothing is stored.
    """
    if activation not in mlp.ACTIVATIONS:
        allowed = sorted(mlp.ACTIVATIONS)
        raise ValueError(f"Expected activation in {allowed}; got {activation!r}.")
    if _is_component(activation, k):
        return _moments(activation, k)
    fits = [j for j in range(8) if _is_component(activation, j)]
    raise ValueError(
        f"Expected a degree k at which c_k = E[sigma'(g) h_k(g)] is not zero, "
        f"{fits[:4]} for activation={activation!r}; got degree={k}."
    )


def fewest_units(activation: str, k: int) -> int:
    """Returns the smallest m0 at which a fact's score fluctuates by twice its mean."""
    return max(1, math.ceil(moments(activation, k).units / MAX_FLUCTUATION**2))


def construct(
    facts: facts_lib.Facts, units: Units, *, degree: int, activation: str
) -> Params:
    """Computes the duals p_i of facts, for units that were drawn.

    Raises:
        ValueError: if sigma' has no component h_k, or there are too few units for the
            degree.
    """
    least = fewest_units(activation, degree)
    if units.W.shape[0] < least:
        raise ValueError(
            f"Expected m0 >= {least} gated units (m >= {2 * least} hidden ones) for "
            f"degree={degree} and activation={activation!r}, so that a fact's own "
            f"score fluctuates by at most {MAX_FLUCTUATION:g} times its mean; got "
            f"m0={units.W.shape[0]}."
        )
    component = moments(activation, degree).component
    live = facts_lib.live_inputs(facts)
    m0 = jnp.maximum(jnp.sum(jnp.any(units.V != 0, axis=1)), 1)  # without padding
    weights = polynomial(facts.inputs @ units.W.T, degree)
    weights *= facts.outputs[facts.targets] @ units.V.T
    P = jnp.where(live[:, None], weights, 0.0).T @ facts.inputs
    # sign(c_k) / |c_k| = 1 / c_k
    return Params(W=units.W, P=P / (m0 * component), V=units.V)


def apply(
    params: Params, inputs: Float[Array, "N d"], activation: str
) -> Float[Array, "N d"]:
    """Recalls F(z) = sum_i v_i sigma'(<w_i, z>) <p_i, z> for every row z."""
    gates = derivative(activation, inputs @ params.W.T)
    return (gates * (inputs @ params.P.T)) @ params.V


def as_mlp(params: Params, shift: float | Float[Array, ""] = SHIFT) -> mlp.Params:
    """Returns the plain MLP of m = 2 m0 units that recalls F(z) up to O(shift^2).

    Rows w_i +- eps p_i that write +- v_i / (2 eps): a difference quotient of sigma in
    the direction p_i, exact where sigma is a polynomial of degree at most two.
    `shift` is the norm of all eps p_i together, as a fraction of that of all w_i.
    """
    eps = shift * jnp.linalg.norm(params.W) / jnp.linalg.norm(params.P)
    eps = jnp.where(jnp.isfinite(eps) & (eps > 0), eps, 1.0)  # P = 0 without facts
    sides = jnp.asarray([1.0, -1.0])[None, :, None]
    W = params.W[:, None, :] + eps * sides * params.P[:, None, :]
    V = sides * params.V[:, None, :] / (2 * eps)
    m, d = 2 * params.W.shape[0], params.W.shape[1]
    return mlp.Params(W=W.reshape(m, d), b=jnp.zeros((m,)), V=V.reshape(m, d))


def _power_series(k: int) -> np.ndarray:
    """Returns the coefficients of h_k, the highest power first."""
    series = np.polynomial.hermite_e.herme2poly([0.0] * k + [1.0])
    return series[::-1] / math.sqrt(math.factorial(k))


@functools.cache
def _moments(activation: str, k: int) -> Moments:
    g, weights = np.polynomial.hermite_e.hermegauss(128)
    weights = weights / weights.sum()
    with jax.ensure_compile_time_eval():  # `construct` is traced; numbers are needed
        slope = derivative(activation, jnp.asarray(g, jnp.float32))
    slope = np.asarray(slope, float)
    h = np.polyval(_power_series(k), g)
    return Moments(
        component=float(weights @ (slope * h)),
        power=float(weights @ slope**2),
        own=float(weights @ (slope * h) ** 2),
    )


def _is_component(activation: str, k: int) -> bool:
    computed = _moments(activation, k)
    return abs(computed.component) > _ROUNDING * math.sqrt(computed.power)
