"""Gradient flow: descent in the limit of small steps, by an adaptive ODE solver.

On linear attention with one-hot embeddings it conserves w(z)^2 - sum_a V(a, z)^2 for
every token z, since the loss depends on w(z) and V(., z) through their product alone
(Nichani, Lee, Bietti 2024, https://arxiv.org/abs/2412.06538, section 5; tested).
"""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Float

from recall.models import linear_attention

RTOL, ATOL = 1e-5, 1e-9  # of a step, in float32


def follow(params: Any, loss: Callable[[Any], Array], duration: Any) -> Any:
    """Integrates dp/dt = -grad over `duration`, learning rate x steps; returns p."""
    import diffrax  # takes half a second, which all other experiments are spared

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, p, _: jax.tree.map(lambda g: -g, jax.grad(loss)(p))),
        diffrax.Tsit5(),
        t0=0.0,
        t1=duration,
        dt0=None,  # rates differ by orders of magnitude: the controller picks it
        y0=params,
        stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
        max_steps=100_000,
        throw=False,  # a lane that fails is not finite: that is data
    )
    return jax.tree.map(lambda x: x[-1], solution.ys)


def conserved(params: linear_attention.Params) -> Float[Array, " Z"]:
    """Returns w(z)^2 - sum_a V(a, z)^2 of every token of one-hot embeddings."""
    return params.w**2 - (params.V**2).sum(0)
