r"""Separability of facts by a memory linear in its weights: weights, or a proof.

Scores are u_y^T W phi_x with frozen features phi_x and outputs u_y. W stores all facts
if <W, A_xy> > 0 for every fact x and every y != f(x), with A_xy = (u_f(x) - u_y)
phi_x^T. By duality, for any W and any weights p_xy >= 0 that sum to one,

    min_xy <W, A_xy> / ||W||_F  <=  margin*  <=  || sum_xy p_xy A_xy ||_F,

where margin* is the best that weights of norm one can do. A positive left side proves
that the facts are separable; a right side of zero, Farkas' certificate, that no W
stores them. At the minimum of the cross-entropy the softmax is such a p, for there the
gradient vanishes: one convex descent yields whichever there is. Both sides are
evaluated in float64 by `certificates`, which shares nothing with the descent.

The same holds for every memory that is linear in its trained weights: W itself
(phi_x = e_x), readouts of random or fixed features, gated memories, and the OV matrices
of heads with hard attention. Derived here.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from recall import facts as facts_lib
from recall import readout, training
from recall.memories import linear
from recall.solvers import certificates, duals

PROOF = 1e-5  # a right side below it is taken for zero


@dataclasses.dataclass(frozen=True, kw_only=True)
class Solver:
    """Static settings of the descent: cycles of Adam, each with a cosine decay.

    Attributes:
        cycles: at most so many.
        steps: of a cycle.
        check_every: steps between two looks at the margins.
        rate: change of scores that the first steps of the first cycle may make.
        share: rate of later cycles, as a fraction of the root mean square weight. A
            cycle that does not lower the loss is undone, and the fraction divided by 3.
        corrections: steps of conjugate gradients that mend a proof of impossibility.
    """

    # Below the threshold weights have to grow, above it the rate has to fall. At d = 32
    # (seed 0) one decay over 4,096 steps leaves 186 facts undecided at rates 10, 30 and
    # 100, and 185 at 30; cycles store 185 and certify 187.
    cycles: int = 12
    steps: int = 512
    check_every: int = 64
    rate: float = 300.0
    share: float = 0.3
    corrections: int = 64


SOLVER = Solver()


class Separation(NamedTuple):
    """The weights or the proof that a set of facts came to.

    Attributes:
        params: `[d, q]` weights; they store all facts if `stored`.
        stored: whether all margins are positive, in float64.
        margin: smallest margin of these weights, scaled to norm one.
        infeasibility: bound on the margin of all weights of norm one; see `PROOF`.
    """

    params: linear.Params
    stored: bool
    margin: float
    infeasibility: float
    steps: int

    @property
    def impossible(self) -> bool:
        """Returns if it is proved that no weights store the facts."""
        return not self.stored and self.infeasibility < PROOF

    @property
    def verdict(self) -> str:
        """Returns one of "stored", "impossible" and "undecided"."""
        if self.stored:
            return "stored"
        return "impossible" if self.impossible else "undecided"


def separate(facts: facts_lib.Facts, solver: Solver = SOLVER) -> Separation:
    """Finds weights that store all facts, or proves that there are none.

    Inputs may be features `[N, q]` of another width than outputs `[M, d]`; padded facts
    share one compilation.
    """
    end = _solve(facts, solver)
    n, num_outputs = int(facts.n), int(facts.num_outputs)
    features = np.asarray(facts.inputs, np.float64)[:n]
    outputs = np.asarray(facts.outputs, np.float64)[:num_outputs]
    targets = np.asarray(facts.targets)[:n]
    W, correction = (np.asarray(x, np.float64) for x in (end.W, end.correction))
    least = float(certificates.margins(W, features, outputs, targets).min())
    bound = 1.0  # stored: no bound is needed
    if least <= 0:
        bound = certificates.infeasibility(W, correction, features, outputs, targets)
    return Separation(
        params=linear.Params(W=end.W),
        stored=least > 0,
        margin=least / max(float(np.linalg.norm(W)), 1e-300),  # 0 if no cycle helped
        infeasibility=bound,
        steps=int(end.steps),
    )


class _Descent(NamedTuple):
    """The cycles and gradient steps made, and the weights W of the least loss.

    Attributes:
        fraction: `[]` rate of the next cycle over the root mean square weight.
        done: `[]` whether all margins are positive, or the gradient is gone.
        correction: `[d, q]` that mends the certificate.
    """

    W: Float[Array, "d q"]
    loss: Float[Array, ""]
    fraction: Float[Array, ""]
    cycle: Array
    steps: Array
    done: Array
    correction: Float[Array, "d q"]


@functools.partial(jax.jit, static_argnames="solver")
def _solve(facts: facts_lib.Facts, solver: Solver) -> _Descent:
    """Makes cycles of descent until the facts are stored, or the gradient vanishes."""
    d, q = facts.outputs.shape[1], facts.inputs.shape[1]
    size = jnp.sqrt(_mean_square(facts.inputs, facts_lib.live_inputs(facts)))
    size *= jnp.sqrt(_mean_square(facts.outputs, facts_lib.live_outputs(facts)))
    first = solver.rate / (size * jnp.sqrt(1.0 * d * q))  # Adam moves all d q entries

    def cycle(at: _Descent) -> _Descent:
        rms = jnp.linalg.norm(at.W) / jnp.sqrt(1.0 * d * q)
        rate = jnp.where(at.cycle == 0, first, at.fraction * rms)
        W, steps, stored = _descend(at.W, facts, rate, solver)
        loss = readout.loss(facts.inputs @ W.T, facts)
        better = stored | (loss.value < at.loss)
        kept = jnp.where(better, W, at.W)
        gradient = duals.combine(duals.weights(kept, facts), facts)
        # .7: what float32 calls gone has to be gone in float64 too.
        gone = jnp.linalg.norm(gradient) < 0.7 * PROOF * jnp.minimum(size, 1.0)
        return at._replace(
            W=kept,
            loss=jnp.where(better, loss.value, at.loss),
            fraction=jnp.where(better, at.fraction, at.fraction / 3),
            cycle=at.cycle + 1,
            steps=at.steps + steps,
            done=stored | gone,
        )

    zero = jnp.zeros((d, q))
    start = _Descent(
        W=zero,
        loss=jnp.asarray(jnp.inf),
        fraction=jnp.asarray(solver.share, jnp.float32),
        cycle=jnp.int32(0),
        steps=jnp.int32(0),
        done=jnp.asarray(False),
        correction=zero,
    )
    going = lambda at: ~at.done & (at.cycle < solver.cycles)  # noqa: E731
    end = jax.lax.while_loop(going, cycle, start)
    return end._replace(correction=duals.correction(end.W, facts, solver.corrections))


def _descend(W: Array, facts: facts_lib.Facts, rate: Array, solver: Solver) -> Any:
    """Makes one cycle of Adam, until every margin is positive at the longest."""
    loss = lambda W: readout.loss(facts.inputs @ W.T, facts).value  # noqa: E731

    def step(i: Array, carry: tuple) -> tuple:
        W, opt_state, at = carry
        updates: Any
        updates, opt_state = training.ADAM.update(jax.grad(loss)(W), opt_state, W)
        decay = 0.5 * (1 + jnp.cos(jnp.pi * (at + i) / solver.steps))
        return W - rate * decay * updates, opt_state, at

    def chunk(carry: tuple) -> tuple:
        W, opt_state, at = jax.lax.fori_loop(0, solver.check_every, step, carry[0])
        stored = readout.num_correct(facts.inputs @ W.T, facts) == facts.n
        return (W, opt_state, at + solver.check_every), stored

    start = (W, training.ADAM.init(W), jnp.int32(0)), jnp.asarray(False)
    going = lambda carry: ~carry[1] & (carry[0][2] < solver.steps)  # noqa: E731
    (W, _, steps), stored = jax.lax.while_loop(going, chunk, start)
    return W, steps, stored


def _mean_square(points: Array, live: Array) -> Array:
    norms = jnp.sum(points**2, axis=1)
    return jnp.sum(jnp.where(live, norms, 0.0)) / jnp.maximum(jnp.sum(live), 1)
