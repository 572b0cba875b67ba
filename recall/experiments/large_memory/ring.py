"""Facts and outputs spread over a ring of devices: readout, loss, gradient, counts.

Every device holds a block of the facts and the block of their outputs, N/P each; fact i
recalls output i. Blocks of outputs go round the ring, and each device adds them up for
its own facts: no device ever holds N outputs, let alone N x N scores. One trip gives
log-sum-exp and its gradient E_p[u_y], as in flash attention (Dao et al. 2022,
https://arxiv.org/abs/2205.14135) on a ring (Liu et al. 2023,
https://arxiv.org/abs/2310.01889) with keys = values = output embeddings.

All functions but `Layout` and the byte counts run inside a `shard_map` over AXIS.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.flatten_util
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from recall import embeddings, readout, training
from recall import facts as facts_lib

AXIS = "ring"
CHUNK = 4096  # facts, and outputs, whose scores are held at once: 64 MiB in float32
LOWEST = -1e30  # below all scores, and finite: LOWEST - LOWEST is zero
Add = Callable[..., Any]  # (sums, recalled, own ids, outputs, ids) -> sums


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """The layout of n facts on the devices of a ring: `rows` on each, in chunks.

    Attributes:
        n: facts, and outputs.
        parts: devices P.
        chunk: facts and outputs whose scores a device holds at once, at most.
    """

    n: int
    parts: int
    chunk: int = CHUNK

    def __post_init__(self) -> None:
        """Refuses empty rings."""
        for name, value in dataclasses.asdict(self).items():
            if value < 1:
                raise ValueError(f"Expected {name} >= 1; got {name}={value}.")

    @property
    def chunks(self) -> int:
        """The number of chunks on each device."""
        return -(-self.n // (self.parts * self.chunk))

    @property
    def size(self) -> int:
        """The facts in a chunk: as few as leave no chunk half empty."""
        return -(-self.n // (self.parts * self.chunks))

    @property
    def rows(self) -> int:
        """The facts on each device, dead ones among them."""
        return self.chunks * self.size


class Points(NamedTuple):
    """Embeddings, `rows` on each device; those at or beyond n are dead.

    Attributes:
        inputs: `[rows, d]` input embeddings e_x of this device's facts.
        outputs: `[rows, d]` output embeddings u_y: those of the same facts.
    """

    inputs: Float[Array, "rows d"]
    outputs: Float[Array, "rows d"]


def draw(
    key: Key[Array, ""], layout: Layout, d: int, sampler: embeddings.Sampler
) -> Points:
    """Draws this device's points; each depends on the key and its own index only.

    A sampler whose points depend on one another draws them one by one.
    """
    key_in, key_out = jax.random.split(key)

    def points(key: Array) -> Array:
        one = lambda i: sampler(jax.random.fold_in(key, i), 1, d)[0]  # noqa: E731
        return jax.vmap(one)(_ids(jax.lax.axis_index(AXIS), layout).reshape(-1))

    return Points(inputs=points(key_in), outputs=points(key_out))


def facts_of(points: Points, layout: Layout) -> facts_lib.Facts:
    """Returns this device's facts, as if there were no others."""
    first = jax.lax.axis_index(AXIS) * layout.rows
    # The last devices may hold fewer, or none: padding is behind all facts.
    live = jnp.clip(layout.n - first, 0, layout.rows).astype(jnp.int32)
    targets = jnp.arange(layout.rows, dtype=jnp.int32)  # output i beside fact i
    return facts_lib.of(*points, targets)._replace(n=live, num_outputs=live)


def loss(
    recalled: Float[Array, "rows d"], facts: facts_lib.Facts, layout: Layout
) -> readout.Loss:
    """Returns this device's part of the cross-entropy; parts sum to `readout.loss`.

    Differentiable with respect to the recalled vectors only.
    """
    normaliser: Any = _log_sum_exp(recalled, facts.outputs, layout)
    nll = normaliser - readout.own_scores(recalled, facts)
    live = facts_lib.live_inputs(facts)
    # 1 - p(right); expm1 keeps the digits of a small one. It is measured, not trained.
    error_prob = -jnp.expm1(-jax.lax.stop_gradient(nll))
    return readout.Loss(
        value=jnp.sum(jnp.where(live, nll, 0.0)) / layout.n,
        error_prob=jnp.sum(jnp.where(live, error_prob, 0.0)) / layout.n,
    )


def num_correct(
    recalled: Float[Array, "rows d"], facts: facts_lib.Facts, layout: Layout
) -> Int[Array, ""]:
    """Counts the facts of all devices that are recalled, as `readout.num_correct`."""

    def add(high: Array, z: Array, own: Array, outputs: Array, ids: Array) -> Array:
        allowed = (ids < layout.n) & (ids != own[:, None])
        scores = jnp.where(allowed, z @ outputs.T, -jnp.inf)
        return jnp.maximum(high, jnp.max(scores, axis=-1))

    lowest = jnp.full((layout.rows,), -jnp.inf)
    rivals = meet(add, lowest, recalled, facts.outputs, layout)
    right = readout.own_scores(recalled, facts) - rivals > 0  # a tie is an error
    correct = jnp.sum(right & facts_lib.live_inputs(facts), dtype=jnp.int32)
    return jax.lax.psum(correct, AXIS)


def meet(
    add: Add,
    sums: Any,
    recalled: Float[Array, "rows d"],
    outputs: Float[Array, "columns d"],
    layout: Layout,
) -> Any:
    """Lets every fact meet every output, chunk by chunk, once round the ring.

    Args:
        add: `(sums, recalled, own, outputs, ids) -> sums` of a chunk of facts, whose
            indices are `own [size]`, and one of outputs, whose are `ids [1, size]`.
        sums: what is added up, the facts of this device along the first axis.
        recalled: `[rows, d]` of this device's facts.
        outputs: `[rows, d]` that this device sends round.
        layout: of facts and outputs.
    """
    here, parts = jax.lax.axis_index(AXIS), layout.parts
    onward = [(i, (i + 1) % parts) for i in range(parts)]
    cut = lambda x: x.reshape(layout.chunks, layout.size, *x.shape[1:])  # noqa: E731
    mine = (cut(recalled), _ids(here, layout))

    def absorb(sums: Any, block: Array, hops: Any) -> Any:
        theirs = (cut(block), _ids((here - hops) % parts, layout)[:, None, :])

        def one(chunk: tuple) -> Any:
            sums, (z, own) = chunk
            step = lambda sums, xs: (add(sums, z, own, *xs), None)  # noqa: E731
            return jax.lax.scan(step, sums, theirs)[0]

        return jax.lax.map(one, (sums, mine))

    def hop(k: Any, carry: tuple) -> tuple:
        sums, block = carry
        following = jax.lax.ppermute(block, AXIS, onward)  # while this one is read
        return absorb(sums, block, k), following

    start = (jax.tree.map(cut, sums), outputs)
    sums, last = jax.lax.fori_loop(0, parts - 1, hop, start)
    sums = absorb(sums, last, parts - 1)  # outside: the last block goes nowhere
    return jax.tree.map(lambda x: x.reshape(layout.rows, *x.shape[2:]), sums)


def together(part: training.StepLoss) -> training.StepLoss:
    """Returns the sum over devices of their parts of a loss, with its gradient."""

    # Value and gradient are summed at once: one all-reduce of the size of the params.
    # Reverse mode through a sum would make it two, one forward and one backward.
    def forward(params: Any, step: Any) -> tuple:
        def aux(params: Any) -> tuple[Array, readout.Loss]:
            loss = part(params, step)
            return loss.value, loss

        grads, loss = jax.grad(aux, has_aux=True)(params)
        return add_up((loss, grads))

    def backward(grads: Any, g: readout.Loss) -> tuple:
        return jax.tree.map(lambda x: x * g.value, grads), None

    whole = jax.custom_vjp(lambda params, step: add_up(part(params, step)))
    whole.defvjp(forward, backward)
    return whole


def add_up(tree: Any) -> Any:
    """Sums a tree over all devices, as one vector."""
    flat, unravel = jax.flatten_util.ravel_pytree(tree)  # one collective, not many
    return unravel(jax.lax.psum(flat, AXIS))


def ring_bytes(layout: Layout, d: int) -> int:
    """Returns the bytes that a device sends in a trip of float32 outputs."""
    return 4 * (layout.parts - 1) * layout.rows * d


def sum_bytes(num_parameters: int) -> int:
    """Returns the bytes summed over devices in a step: both losses, the gradient."""
    return 4 * (num_parameters + len(readout.Loss._fields))


def _ids(part: Any, layout: Layout) -> Int[Array, "chunks size"]:
    """Returns the indices of the facts of a device among those of all."""
    ids = jnp.arange(layout.rows, dtype=jnp.int32).reshape(layout.chunks, layout.size)
    return part * layout.rows + ids


class _Sums(NamedTuple):
    """Running sums of exponentials, relative to the highest score so far."""

    high: Array
    total: Array
    expected: Array


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _log_sum_exp(recalled: Array, outputs: Array, layout: Layout) -> Array:
    """Computes log sum_y exp <u_y, F(e_x)> for the facts of this device."""
    return _log_sum_exp_forward(recalled, outputs, layout)[0]


def _log_sum_exp_forward(
    recalled: Array, outputs: Array, layout: Layout
) -> tuple[Array, Array]:
    def add(sums: _Sums, z: Array, own: Array, outputs: Array, ids: Array) -> _Sums:
        del own
        scores = jnp.where(ids < layout.n, z @ outputs.T, -jnp.inf)
        high = jnp.maximum(sums.high, jnp.max(scores, axis=-1))
        exps, scale = jnp.exp(scores - high[:, None]), jnp.exp(sums.high - high)
        return _Sums(
            high=high,
            total=scale * sums.total + jnp.sum(exps, axis=-1),
            expected=scale[:, None] * sums.expected + exps @ outputs,
        )

    zeros = jnp.zeros((layout.rows,))
    start = _Sums(high=zeros + LOWEST, total=zeros, expected=jnp.zeros_like(recalled))
    sums = meet(add, start, recalled, outputs, layout)
    # The gradient E_p[u_y] comes along: the backward pass makes no trip of its own.
    return sums.high + jnp.log(sums.total), sums.expected / sums.total[:, None]


def _log_sum_exp_backward(layout: Layout, expected: Array, g: Array) -> tuple:
    del layout
    return expected * g[:, None], None  # none of outputs, which are not trained


_log_sum_exp.defvjp(_log_sum_exp_forward, _log_sum_exp_backward)
