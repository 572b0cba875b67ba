r"""Gradient flow and gradient descent on linear attention, followed towards zero loss.

The logits are homogeneous of degree 2 in theta = (w, V). Once all facts are recalled,
theta aligns with -grad L (Ji, Telgarsky 2020), and at a margin g = ln(1/L)/|theta|^2

    dL/dt = -|grad L|^2 = -4 g L^2 ln(1/L),    so with u = 1/L:  t = li(u) / (4 g),
    -d ln L / d ln t = li(u) ln(u) / u = 1 + 1/ln u + 2/ln^2 u + ...:

the loss falls a little faster than 1/t, without a free constant (derived here from the
rate Theta(1/(t ln t)) of Lyu, Li 2020, and compared with the runs).
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from typing_extensions import override

from recall.data import recall_task
from recall.models import gradient_flow, linear_attention, prompts, stages
from recall.store.row import Row
from recall.sweeps.batch import About, Lane, Rows

FACTS = ("random", "structured")
METHODS = ("flow", "descent")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlowLane(Lane):
    """One world, one initial scale and one method.

    Attributes:
        subjects: S.
        relations: R.
        answers: D of each relation.
        noise: noise tokens |N|.
        length: tokens T of a sequence.
        facts: "random", or "structured" so that answers are balanced.
        method: "flow", by an ODE solver; "descent", steps of the learning rate.
        init: one of `linear_attention.INITS`.
        init_scale: alpha.
        learning_rate: of a step of descent.
        duration: time until the first check, in learning rate x steps.
        doublings: further checks, each at twice the time of the last.
        seed: of the facts and of Gaussian weights.
    """

    subjects: int
    relations: int
    answers: int
    noise: int
    length: int
    facts: str
    method: str
    init: str
    init_scale: float
    learning_rate: float
    duration: float
    doublings: int
    seed: int

    def start(self) -> tuple[recall_task.World, linear_attention.Params]:
        """Draws the world and the first weights."""
        keys = jax.random.split(jax.random.key(self.seed), 2)
        sizes = recall_task.Sizes(
            self.subjects, self.relations, self.answers, self.noise
        )
        structured = self.facts == "structured"
        world = recall_task.sample_world(keys[0], sizes, structured=structured)
        return world, linear_attention.init(keys[1], self.init, self.init_scale, sizes)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlowBatch(Rows):
    """Lanes of equal sizes and method: initial scales and seeds."""

    lanes: tuple[FlowLane, ...]

    @override
    def about(self) -> About:
        first = self.lanes[0]
        S, R, D = first.subjects, first.relations, first.answers
        weights = (R * D + 1) * (S + R + first.noise + 1)
        steps = 5000.0  # of the solver: few, since steps grow with time
        if first.method == "descent":
            steps = first.duration * 2**first.doublings / first.learning_rate
        return About(
            title=f"loss to zero, {first.method}, {first.facts} facts",
            shape=f"S={S} R={R} D={D} |N|={first.noise}",
            parameters=[weights] * len(self.lanes),
            # Logits of all facts, there and back, of one context.
            core_seconds=len(self.lanes) * steps * (5e-6 + 4e-9 * S * R * R * D),
            memory_bytes=16 * (S * R * R * D + weights),
            compile_seconds=4.0,
        )

    @override
    def measure(self, lanes: Sequence[FlowLane]) -> Iterator[list[Row]]:
        first = lanes[0]
        advance = _program(first.method, first.noise, first.length, first.learning_rate)
        for lane in lanes:
            world, params = lane.start()
            charge = gradient_flow.conserved(params)
            time, rows = 0.0, []
            for check in range(lane.doublings + 1):
                span = lane.duration * 2 ** max(0, check - 1)
                params, state = advance(world, params, jnp.float32(span))
                time += span
                drift = gradient_flow.conserved(params) - charge
                values = {k: float(v) for k, v in state.items()} | {
                    "drift": float(jnp.max(jnp.abs(drift))),
                    "time": time,
                }
                values["finite"] = math.isfinite(values["loss"])
                rows.append(lane.row("trace", check, **values))
            yield [*rows, lane.row("run", **_last(rows))]


@functools.cache
def _program(
    method: str, noise: int, length: int, rate: float
) -> Callable[..., tuple[linear_attention.Params, dict[str, Array]]]:
    """Compiles `(world, params, time) -> (params, loss and gradient)` for a method."""

    def advance(world: recall_task.World, params: Any, span: Float[Array, ""]) -> Any:
        counts = prompts.mean_context(world, noise, length)
        reads = prompts.every_fact(world, counts, jnp.ones(1))

        def loss(params: Any) -> Float[Array, ""]:
            tables = linear_attention.tables(params, None)
            logits = linear_attention.logits(tables, world, reads)
            where = reads.subjects, reads.relations, reads.weights
            return stages.cross_entropy(logits, world, *where)

        def step(_: Any, params: Any) -> Any:
            gradient = jax.grad(loss)(params)
            return jax.tree.map(lambda p, g: p - rate * g, params, gradient)

        if method == "flow":
            params = gradient_flow.follow(params, loss, span)
        else:
            count = jnp.round(span / rate).astype(jnp.int32)
            params = jax.lax.fori_loop(0, count, step, params)
        value, gradient = jax.value_and_grad(loss)(params)
        return params, {"loss": value} | _sizes(params, gradient)

    return jax.jit(advance)


def _sizes(params: Any, gradient: Any) -> dict[str, Array]:
    """Measures weights and gradient: squared norms, and the cosine between them."""
    flat, slope = (
        jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves(tree)])
        for tree in (params, gradient)
    )
    norm, descent = jnp.vdot(flat, flat), jnp.vdot(slope, slope)
    alignment = -jnp.vdot(flat, slope) / jnp.sqrt(norm * descent)
    return {"weight_norm": norm, "gradient_norm": descent, "alignment": alignment}


def _last(rows: Sequence[Row]) -> Row:
    """Returns the last check, with the slope of its last doublings beside theory.

    The slope is taken over two doublings, at whose middle theory is evaluated.
    """
    first, middle, last = rows[-3], rows[-2], rows[-1]
    columns = ("loss", "time", "drift", "alignment", "weight_norm", "finite")
    row = {name: last[name] for name in columns}
    if not (0 < last["loss"] < first["loss"] < 1):
        return row | {"slope": None, "predicted_slope": None}
    times = last["time"] / first["time"]
    slope = math.log(first["loss"] / last["loss"]) / math.log(times)
    return row | {"slope": slope, "predicted_slope": slope_of(middle["loss"])}


def slope_of(loss: float) -> float:
    """Returns -d ln L / d ln t = li(u) ln(u) / u at a loss L = 1/u below 1."""
    from scipy import special  # half a second, once a lane at the end

    u = 1 / loss
    return float(special.expi(np.log(u)) * np.log(u) / u)
