"""From recalled vectors to answers: scores, margins, accuracy, cross-entropy.

The answer to input x is argmax_y <u_y, F(e_x)>. Scores form an `[N, M]` matrix; beyond
`MAX_SCORES` entries it is never held: blocks of outputs are scanned with a running
maximum and sum, and recomputed in the backward pass, so memory grows like N d.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from recall import facts as facts_lib

# Entries held at once: 256 MiB in float32. One step on 50,000 facts at d = 256 then
# takes 1.19 GiB (`benchmarks.large`), where the scores alone would take 10 GB.
MAX_SCORES = 2**26


def scores(
    recalled: Float[Array, "N d"], facts: facts_lib.Facts
) -> Float[Array, "N M"]:
    """Returns the scores <u_y, F(e_x)>, -inf for dead outputs."""
    live = facts_lib.live_outputs(facts)
    return jnp.where(live[None, :], recalled @ facts.outputs.T, -jnp.inf)


def own_scores(
    recalled: Float[Array, "N d"], facts: facts_lib.Facts
) -> Float[Array, " N"]:
    """Returns the scores <u_f(x), F(e_x)> of the right answers."""
    return jnp.sum(recalled * facts.outputs[facts.targets], axis=-1)


def margins(
    recalled: Float[Array, "N d"], facts: facts_lib.Facts, max_scores: int = MAX_SCORES
) -> Float[Array, " N"]:
    """Returns the right score less the best wrong one; +inf for dead inputs."""
    margin = own_scores(recalled, facts) - _best_rival(recalled, facts, max_scores)
    return jnp.where(facts_lib.live_inputs(facts), margin, jnp.inf)


def num_correct(
    recalled: Float[Array, "N d"], facts: facts_lib.Facts, max_scores: int = MAX_SCORES
) -> Int[Array, ""]:
    """Counts the facts whose right answer scores strictly above all others."""
    right = margins(recalled, facts, max_scores) > 0  # a tie fails, and so does nan
    live = facts_lib.live_inputs(facts)
    # Integers are exact: a float32 mean of 165 ones is not 1.
    return jnp.sum(right & live, dtype=jnp.int32)


def accuracy(recalled: Float[Array, "N d"], facts: facts_lib.Facts) -> Float[Array, ""]:
    """Returns the fraction of the facts that are recalled, 1 for an empty set."""
    empty = facts.n == 0
    return (num_correct(recalled, facts) + empty) / jnp.maximum(facts.n, 1)


class Loss(NamedTuple):
    """Means over the facts: of -log p(f(x) | x), in nats, and of 1 - p(f(x) | x)."""

    value: Float[Array, ""]
    error_prob: Float[Array, ""]


def nll(
    recalled: Float[Array, "N d"], facts: facts_lib.Facts, max_scores: int = MAX_SCORES
) -> Float[Array, " N"]:
    """Returns -log p(f(x) | x) of every input, in nats, over the live outputs."""
    outputs = facts.outputs, facts.num_outputs
    log_total: Any = _log_sum_exp(recalled, *outputs, max_scores)
    return log_total - own_scores(recalled, facts)


def loss(
    recalled: Float[Array, "N d"], facts: facts_lib.Facts, max_scores: int = MAX_SCORES
) -> Loss:
    """Returns the mean cross-entropy over the facts, and the mean error probability."""
    nats = nll(recalled, facts, max_scores)
    weight = facts_lib.live_inputs(facts) / jnp.maximum(facts.n, 1)
    # 1 - e^-nll without cancellation; it only scales a certificate, so no gradient.
    error = -jnp.expm1(-jax.lax.stop_gradient(nats))
    return Loss(value=jnp.sum(weight * nats), error_prob=jnp.sum(weight * error))


def cross_entropy(
    recalled: Float[Array, "N d"], facts: facts_lib.Facts, max_scores: int = MAX_SCORES
) -> Float[Array, ""]:
    """Returns the mean of -log softmax(scores)[f(x)] over the facts, in nats."""
    return loss(recalled, facts, max_scores).value


def _blocks(outputs: Array, num_rows: int, max_scores: int) -> tuple[Array, Array]:
    """Cuts outputs into blocks `[k, B, d]` with B N <= max_scores, and their ids."""
    num_outputs, d = outputs.shape
    size = max(1, min(num_outputs, max_scores // max(num_rows, 1)))
    count = -(-num_outputs // size)
    padded = jnp.pad(outputs, ((0, count * size - num_outputs), (0, 0)))
    ids = jnp.arange(count * size, dtype=jnp.int32).reshape(count, size)
    return padded.reshape(count, size, d), ids


def _best_rival(recalled: Array, facts: facts_lib.Facts, max_scores: int) -> Array:
    """Returns the best score among live outputs other than the right one."""
    blocks, ids = _blocks(facts.outputs, recalled.shape[0], max_scores)

    def best(block: Array, ids: Array) -> Array:
        allowed = (ids < facts.num_outputs) & (ids != facts.targets[:, None])
        return jnp.max(jnp.where(allowed, recalled @ block.T, -jnp.inf), axis=-1)

    if blocks.shape[0] == 1:
        return best(blocks[0], ids[0][None, :])
    step = lambda high, xs: (jnp.maximum(high, best(xs[0], xs[1][None, :])), None)  # noqa: E731
    lowest = jnp.full((recalled.shape[0],), -jnp.inf)
    return jax.lax.scan(step, lowest, (blocks, ids))[0]


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _log_sum_exp(
    recalled: Array, outputs: Array, num_outputs: Array, max_scores: int
) -> Array:
    """Returns log sum_y exp <u_y, F(e_x)> over the live outputs, for every input."""
    return _log_sum_exp_forward(recalled, outputs, num_outputs, max_scores)[0]


def _masked(recalled: Array, block: Array, ids: Array, num_outputs: Array) -> Array:
    live = ids < num_outputs
    return jnp.where(live[None, :], recalled @ block.T, -jnp.inf)


def _log_sum_exp_forward(
    recalled: Array, outputs: Array, num_outputs: Array, max_scores: int
) -> tuple[Array, tuple]:
    blocks, ids = _blocks(outputs, recalled.shape[0], max_scores)

    def step(carry: tuple, xs: tuple) -> tuple[tuple, None]:
        high, total = carry
        block_scores = _masked(recalled, xs[0], xs[1], num_outputs)
        higher = jnp.maximum(high, jnp.max(block_scores, axis=-1))  # no overflow
        fresh = jnp.sum(jnp.exp(block_scores - higher[:, None]), axis=-1)
        return (higher, total * jnp.exp(high - higher) + fresh), None

    # Exponentials kept for the backward pass are 10-15 % faster than differentiating
    # `logsumexp` at 160 to 600 facts (2 CPU cores).
    if blocks.shape[0] == 1:
        all_scores = _masked(recalled, outputs, ids[0], num_outputs)
        high = jnp.max(all_scores, axis=-1)
        exps = jnp.exp(all_scores - high[:, None])
        total = jnp.sum(exps, axis=-1)
        kept = (recalled, outputs, num_outputs, exps, total)
        return high + jnp.log(total), kept
    empty = jnp.full((recalled.shape[0],), -jnp.inf)
    (high, total), _ = jax.lax.scan(step, (empty, jnp.zeros_like(empty)), (blocks, ids))
    value = high + jnp.log(total)
    return value, (recalled, outputs, num_outputs, None, value)


def _log_sum_exp_backward(max_scores: int, kept: tuple, g: Array) -> tuple:
    recalled, outputs, num_outputs, exps, total = kept
    if exps is not None:
        scale = (g / total)[:, None]
        return (exps @ outputs) * scale, exps.T @ (recalled * scale), None
    blocks, ids = _blocks(outputs, recalled.shape[0], max_scores)

    def step(grad: Array, xs: tuple) -> tuple[Array, Array]:
        block_scores = _masked(recalled, xs[0], xs[1], num_outputs)
        p = jnp.exp(block_scores - total[:, None]) * g[:, None]  # softmax x cotangent
        return grad + p @ xs[0], p.T @ recalled

    grad, rows = jax.lax.scan(step, jnp.zeros_like(recalled), (blocks, ids))
    return grad, rows.reshape(-1, outputs.shape[1])[: outputs.shape[0]], None


_log_sum_exp.defvjp(_log_sum_exp_forward, _log_sum_exp_backward)
