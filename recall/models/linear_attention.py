r"""The simplified model of the dynamics, F(X) = V X^T attention(X W_KQ x_T), one head.

The last token x_T is always the end token, so that W_KQ counts only through the vector
w = W_KQ phi(end), and gradient descent on W_KQ is gradient descent on w where
|phi(end)| = 1. With w(z) = <phi(z), w> and V(a, z) = <phi(a), V phi(z)> the logits are

    logit_a = sum_t w(z_t) V(a, z_t)                             linear attention,
    logit_a = sum_t e^w(z_t) V(a, z_t) / sum_t e^w(z_t)          softmax attention.

They need only the subject, the relation and the counts of noise tokens, and a context
of noise may be shared by many facts: `apply` is the definition, `logits` what trains.

Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538), section 5, eq. 15; the
folding of W_KQ into w is derived here and tested.
"""

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from recall.data import recall_task, sequences

ATTENTIONS = ("linear", "softmax")
INITS = ("published", "paper", "gaussian")


class Params(NamedTuple):
    """Trained weights.

    Attributes:
        w: `[d]` W_KQ phi(end), what a token is asked for.
        V: `[k, d]` values.
    """

    w: Float[Array, "*lanes d"]
    V: Float[Array, "*lanes k d"]


class Embeddings(NamedTuple):
    """Vectors of tokens (subjects, relations, noise, end) and of answers.

    Attributes:
        tokens: `[Z, d]`.
        answers: `[A, k]`.
    """

    tokens: Float[Array, "*lanes Z d"]
    answers: Float[Array, "*lanes A k"]


class Reads(NamedTuple):
    """Noise contexts and the facts that are read in each; an axis of 1 is shared.

    Attributes:
        counts: `[C, N]` how often each noise token occurs.
        weights: `[C, F]` of each fact in each context; they sum to one.
        subjects: `[C, F]` or `[1, F]`.
        relations: `[C, F]` or `[1, F]`.
    """

    counts: Float[Array, "C N"]
    weights: Float[Array, "C F"]
    subjects: Int[Array, "_ F"]
    relations: Int[Array, "_ F"]


class Tables(NamedTuple):
    """What a model says of each token.

    Attributes:
        scores: `[Z]` w(z).
        values: `[Z, A]` V(a, z).
    """

    scores: Float[Array, " Z"]
    values: Float[Array, "Z A"]


def init(
    key: Key[Array, ""], kind: str, scale: float, sizes: recall_task.Sizes
) -> Params:
    """Small weights for one-hot embeddings of a world.

    Args:
        key: used by "gaussian" only.
        kind: "published", all entries alpha; "paper", V = alpha and
            w = alpha sqrt(|A| + 1), so that w(z)^2 - sum_a V(a, z)^2 = alpha^2 > 0;
            "gaussian", all entries alpha N(0, 1).
        scale: alpha.
        sizes: ints; there are R D answers and S + R + N + 1 tokens.
    """
    tokens = sizes.subjects + sizes.relations + sizes.noise + 1
    return init_of_widths(key, kind, scale, sizes.relations * sizes.answers, tokens)


def init_of_widths(
    key: Key[Array, ""], kind: str, scale: float, k: int, d: int
) -> Params:
    """Small weights, whatever coordinates stand for; see `init`."""
    if kind == "gaussian":
        key_w, key_V = jax.random.split(key)
        w, V = jax.random.normal(key_w, (d,)), jax.random.normal(key_V, (k, d))
        return Params(w=scale * w, V=scale * V)
    factor = math.sqrt(k + 1) if kind == "paper" else 1.0
    w = jnp.full(d, scale * factor, jnp.float32)  # weak types would compile twice
    return Params(w=w, V=jnp.full((k, d), scale, jnp.float32))


def pad(params: Params, sizes: recall_task.Sizes, padded: recall_task.Sizes) -> Params:
    """Appends tokens and answers that never occur, to weights of one-hot embeddings."""
    kinds = ("subjects", "relations", "noise")
    ends = np.cumsum([getattr(sizes, kind) for kind in kinds])
    more = [getattr(padded, kind) - getattr(sizes, kind) for kind in kinds] + [0]

    def wider(x: Array) -> Array:
        parts = jnp.split(x, ends, axis=-1)
        grown = [
            jnp.pad(part, [(0, 0)] * (x.ndim - 1) + [(0, count)])
            for part, count in zip(parts, more, strict=True)
        ]
        return jnp.concatenate(grown, axis=-1)

    rows = padded.relations * padded.answers - params.V.shape[0]
    V = jnp.pad(wider(params.V), ((0, rows), (0, 0)))
    return Params(w=wider(params.w), V=V)


def tables(params: Params, embeddings: Embeddings | None) -> Tables:
    """Scores and values of every token; without embeddings they are one-hot."""
    if embeddings is None:
        return Tables(scores=params.w, values=params.V.T)
    return Tables(
        scores=embeddings.tokens @ params.w,
        values=embeddings.tokens @ params.V.T @ embeddings.answers.T,
    )


def apply(
    params: Params,
    embeddings: Embeddings | None,
    tokens: Int[Array, " T"],
    attention: str = "linear",
) -> Float[Array, " A"]:
    """Reads one sequence, position by position: the logits of all answers."""
    known = tables(params, embeddings)
    scores = known.scores[tokens]
    shares = jax.nn.softmax(scores) if attention == "softmax" else scores
    return shares @ known.values[tokens]


def logits(
    known: Tables, world: recall_task.World, reads: Reads, attention: str = "linear"
) -> Float[Array, "C F A"]:
    """The same for all facts of all contexts, whose noise is summed once."""
    groups, values = _kinds(known, world)
    s, r = reads.subjects, reads.relations
    counts = jnp.pad(reads.counts, ((0, 0), (0, 1)), constant_values=1.0)  # the end
    if attention == "linear":
        weighted = [w[:, None] * v for w, v in zip(groups, values, strict=True)]
        context = counts @ weighted[2]
        return context[:, None, :] + weighted[0][s] + weighted[1][r]
    shares = _softmax(groups, reads, counts)
    context = jnp.exp(shares.context) @ values[2]
    mixed = jnp.exp(shares.rest)[:, :, None] * context[:, None, :]
    mixed += jnp.exp(shares.subject)[:, :, None] * values[0][s]
    return mixed + jnp.exp(shares.relation)[:, :, None] * values[1][r]


def _kinds(known: Tables, world: recall_task.World) -> tuple[list[Array], list[Array]]:
    """Scores and values of subjects, of relations, and of noise with the end."""
    S, R = world.choices.shape
    return jnp.split(known.scores, (S, S + R)), jnp.split(known.values, (S, S + R))


class _Shares(NamedTuple):
    """Logarithms of attention: to a context as a whole, subject, relation; in it."""

    rest: Array
    subject: Array
    relation: Array
    context: Array


def _softmax(groups: list[Array], reads: Reads, counts: Array) -> _Shares:
    """Attention of every fact in every context, in logarithms."""
    present = counts > 0
    log_counts = jnp.where(present, jnp.log(jnp.where(present, counts, 1.0)), -jnp.inf)
    of_context = log_counts + groups[2][None, :]
    whole = jax.nn.logsumexp(of_context, axis=1)
    parts = (whole[:, None], groups[0][reads.subjects], groups[1][reads.relations])
    total = jnp.logaddexp(jnp.logaddexp(parts[0], parts[1]), parts[2])
    rest, subject, relation = (part - total for part in parts)
    return _Shares(rest, subject, relation, of_context - whole[:, None])


def attention_mass(
    known: Tables, world: recall_task.World, reads: Reads, attention: str
) -> Float[Array, "4"]:
    """Mean attention to the subject, the relation, all noise tokens, the end token.

    Linear attention has scores, which need not sum to one.
    """
    groups, _ = _kinds(known, world)
    counts = jnp.pad(reads.counts, ((0, 0), (0, 1)), constant_values=1.0)
    if attention == "linear":
        noise = counts[:, :-1] @ groups[2][:-1]
        own = groups[0][reads.subjects], groups[1][reads.relations]
        parts = (*own, noise[:, None], groups[2][-1])
    else:
        shares = _softmax(groups, reads, counts)
        inside = jnp.exp(shares.rest)[:, :, None] * jnp.exp(shares.context)[:, None, :]
        noise = jnp.sum(inside[:, :, :-1], axis=-1)
        of_facts = jnp.exp(shares.subject), jnp.exp(shares.relation)
        parts = (*of_facts, noise, inside[:, :, -1])
    return jnp.stack([jnp.sum(part * reads.weights) for part in parts])


# What is read


def reads_of(draw: sequences.Draw, num_noise: int) -> Reads:
    """The counts of a draw; all of its sequences weigh the same."""
    ids = jnp.arange(num_noise)
    counts = jnp.sum(draw.noise[:, :, None] == ids[None, None, :], 1, dtype=jnp.float32)
    C, F = draw.subjects.shape[0], draw.relations.shape[1]
    return Reads(
        counts=counts,
        weights=jnp.full((C, F), 1 / (C * F)),
        subjects=jnp.broadcast_to(draw.subjects, (C, F)),
        relations=jnp.broadcast_to(draw.relations, (C, F)),
    )


def every_fact(
    world: recall_task.World, counts: Float[Array, "C N"], odds: Float[Array, " C"]
) -> Reads:
    """All facts, by their own odds, in each of some contexts: a population loss."""
    S, R = world.choices.shape
    live = recall_task.live_facts(world)
    weights = world.subject_weights[:, None] * world.relation_weights[None, :] * live
    weights = (weights / jnp.sum(weights)).reshape(1, -1)
    return Reads(
        counts=counts,
        weights=odds[:, None] * weights,
        subjects=jnp.repeat(jnp.arange(S), R)[None, :],
        relations=jnp.tile(jnp.arange(R), S)[None, :],
    )


def mean_context(
    world: recall_task.World, num_noise: int, length: int
) -> Float[Array, "1 N"]:
    """The expected counts `[1, N]` of a context.

    A model that treats all noise tokens alike, as gradient flow from "published" and
    "paper" weights does for ever, has the same logits in every context: then the loss
    in this one is the population loss (derived here, tested).
    """
    live = jnp.arange(num_noise) < world.live.noise
    return (jnp.where(live, length - 3, 0.0) / world.live.noise)[None, :]


def every_context(num_noise: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """All multisets of T - 3 noise tokens `[C, N]`, and how likely they are `[C]`.

    There are (N + T - 4 choose T - 3) of them: for small worlds, and for tests.
    """
    drawn = length - 3
    chosen = itertools.combinations_with_replacement(range(num_noise), drawn)
    counts = np.array([np.bincount(c, minlength=num_noise) for c in chosen], np.float32)
    counts = counts.reshape(-1, num_noise)
    orders = [math.factorial(drawn) / _factorials(row) for row in counts]
    return counts, np.array(orders, np.float32) / num_noise**drawn


def _factorials(counts: np.ndarray) -> int:
    return math.prod(math.factorial(int(count)) for count in counts)
