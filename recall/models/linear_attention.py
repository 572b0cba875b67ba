r"""The simplified model of the dynamics, F(X) = V X^T attention(X W_KQ x_T), one head.

The last token x_T is always the end token, so that W_KQ counts only through the vector
w = W_KQ phi(end), and gradient descent on W_KQ is gradient descent on w where
|phi(end)| = 1. With w(z) = <phi(z), w> and V(a, z) = <phi(a), V phi(z)> the logits are

    logit_a = sum_t w(z_t) V(a, z_t)                             linear attention,
    logit_a = sum_t e^w(z_t) V(a, z_t) / sum_t e^w(z_t)          softmax attention.

They need only the subject, the relation and the counts of noise tokens, and a context
of noise may be shared by many facts: `apply` is the definition, `logits` trains.

Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538), section 5, eq. 15; the
folding of W_KQ into w is derived here and tested.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from recall.data import recall_task
from recall.models import prompts

ATTENTIONS = ("linear", "softmax")
INITS = ("published", "paper", "gaussian")


class Params(NamedTuple):
    """The trained weights: values V, and the query w = W_KQ phi(end)."""

    w: Float[Array, "*lanes d"]
    V: Float[Array, "*lanes k d"]


class Embeddings(NamedTuple):
    """The vectors of tokens (subjects, relations, noise, end) and of answers."""

    tokens: Float[Array, "*lanes Z d"]
    answers: Float[Array, "*lanes A k"]


class Tables(NamedTuple):
    """The weights w(z) and V(a, z) in the coordinates of tokens and answers."""

    scores: Float[Array, " Z"]
    values: Float[Array, "Z A"]


def init(
    key: Key[Array, ""], kind: str, scale: float, sizes: recall_task.Sizes
) -> Params:
    """Returns small weights for one-hot embeddings of a world.

    Args:
        key: used by "gaussian" only.
        kind: "published", all entries alpha; "paper", V = alpha and
            w = alpha sqrt(|A| + 1), so that w(z)^2 - sum_a V(a, z)^2 = alpha^2 > 0;
            "gaussian", all entries alpha N(0, 1).
        scale: alpha.
        sizes: of the world, ints.
    """
    tokens = sizes.subjects + sizes.relations + sizes.noise + 1
    return init_of_widths(key, kind, scale, sizes.relations * sizes.answers, tokens)


def init_of_widths(
    key: Key[Array, ""], kind: str, scale: float, k: int, d: int
) -> Params:
    """Returns small weights for k coordinates of answers, d of tokens; see `init`."""
    if kind == "gaussian":
        key_w, key_V = jax.random.split(key)
        w, V = jax.random.normal(key_w, (d,)), jax.random.normal(key_V, (k, d))
        return Params(w=scale * w, V=scale * V)
    factor = math.sqrt(k + 1) if kind == "paper" else 1.0
    w = jnp.full(d, scale * factor, jnp.float32)  # weak types would compile twice
    return Params(w=w, V=jnp.full((k, d), scale, jnp.float32))


def pad(params: Params, sizes: recall_task.Sizes, padded: recall_task.Sizes) -> Params:
    """Appends tokens and answers that never occur, to weights of one-hot embeddings."""
    counts, room = ((s.subjects, s.relations, s.noise, 1) for s in (sizes, padded))
    starts = np.cumsum((0, *room))
    ids = [start + np.arange(n) for start, n in zip(starts[:-1], counts, strict=True)]
    at = np.concatenate(ids)  # of each token in the padded vocabulary
    k, A = params.V.shape[0], padded.relations * padded.answers
    return Params(
        w=jnp.zeros(starts[-1]).at[at].set(params.w),
        V=jnp.zeros((A, starts[-1])).at[:k, at].set(params.V),
    )


def tables(params: Params, embeddings: Embeddings | None) -> Tables:
    """Returns scores and values of every token; None stands for one-hot embeddings."""
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
    """Computes the logits of all answers to one sequence, position by position."""
    table = tables(params, embeddings)
    scores = table.scores[tokens]
    weights = jax.nn.softmax(scores) if attention == "softmax" else scores
    return weights @ table.values[tokens]


def logits(
    table: Tables,
    world: recall_task.World,
    reads: prompts.Reads,
    attention: str = "linear",
) -> Float[Array, "C F A"]:
    """Computes the logits of all facts in all contexts, whose noise is summed once."""
    groups, values = _kinds(table, world)
    # Rows are gathered: at S = 256, 128 answers, 1,024 prompts in 142 us of a core, by
    # products with one-hot matrices in 1,324 us.
    s, r = reads.subjects, reads.relations
    counts = jnp.pad(reads.counts, ((0, 0), (0, 1)), constant_values=1.0)  # the end
    if attention == "linear":
        weighted = [w[:, None] * v for w, v in zip(groups, values, strict=True)]
        context = counts @ weighted[2]
        return context[:, None, :] + weighted[0][s] + weighted[1][r]
    rest, subject, relation, inside = map(jnp.exp, _softmax(groups, reads, counts))
    mixed = rest[:, :, None] * (inside @ values[2])[:, None, :]  # noise summed once
    mixed += subject[:, :, None] * values[0][s]
    return mixed + relation[:, :, None] * values[1][r]


def _kinds(table: Tables, world: recall_task.World) -> tuple[list[Array], list[Array]]:
    """Splits scores and values by subjects, relations, and noise with the end."""
    S, R = world.choices.shape
    return jnp.split(table.scores, (S, S + R)), jnp.split(table.values, (S, S + R))


def _softmax(groups: list[Array], reads: prompts.Reads, counts: Array) -> list[Array]:
    """Computes log attention to contexts, subjects, relations; inside a context."""
    present = counts > 0
    # The inner `where` keeps log(0), whose gradient is nan, out of the backward pass.
    log_counts = jnp.where(present, jnp.log(jnp.where(present, counts, 1.0)), -jnp.inf)
    of_context = log_counts + groups[2][None, :]
    whole = jax.nn.logsumexp(of_context, axis=1)  # all noise of a context as one token
    parts = (whole[:, None], groups[0][reads.subjects], groups[1][reads.relations])
    total = jnp.logaddexp(jnp.logaddexp(parts[0], parts[1]), parts[2])
    return [*(part - total for part in parts), of_context - whole[:, None]]


def attention_mass(
    table: Tables, world: recall_task.World, reads: prompts.Reads, attention: str
) -> Float[Array, "4"]:
    """Computes mean attention to subject, relation, all noise tokens, end token.

    Linear attention has scores, which need not sum to one.
    """
    groups, _ = _kinds(table, world)
    counts = jnp.pad(reads.counts, ((0, 0), (0, 1)), constant_values=1.0)
    if attention == "linear":
        noise = counts[:, :-1] @ groups[2][:-1]
        of_facts = groups[0][reads.subjects], groups[1][reads.relations]
        parts = (*of_facts, noise[:, None], groups[2][-1])
    else:
        rest, *of_facts, context = map(jnp.exp, _softmax(groups, reads, counts))
        inside = rest[:, :, None] * context[:, None]
        parts = (*of_facts, jnp.sum(inside[:, :, :-1], axis=-1), inside[:, :, -1])
    return jnp.stack([jnp.sum(part * reads.weights) for part in parts])
