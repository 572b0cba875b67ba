r"""What is measured along training: stage losses, distance to p(a | r), stage times.

The relation is known once the relation-only loss, -ln of the mass on the answers A_r
of the relation, has halved; the facts are known once the total loss is below half of
H(a | r), the entropy of the answers of a relation, ln D where they are balanced. In
between a model may predict p(a | r), which no prompt asked for: a hallucination, at a
loss of H(a | r). Accuracy is no clock: on the default world 99 % of the answers have
the largest logit while the loss is still near H(a | r).
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from recall import factual

PLATEAU = 0.1  # nats between the total loss and H(a | r)


class Measures(NamedTuple):
    """What a check measures, means over prompts; losses in nats.

    Attributes:
        loss: `[]` cross-entropy.
        relation_loss: `[]` -ln of the mass on answers of the relation.
        subject_loss: `[]` -ln of the mass on answers with the right index in A_r.
        distance: `[]` largest difference of a predicted probability from p(a | r).
        accuracy: `[]` how often the right answer has the largest logit.
    """

    loss: Float[Array, "*lanes"]
    relation_loss: Float[Array, "*lanes"]
    subject_loss: Float[Array, "*lanes"]
    distance: Float[Array, "*lanes"]
    accuracy: Float[Array, "*lanes"]


class Stages(NamedTuple):
    """When stages begin and end, in steps; nan for what did not happen.

    Attributes:
        relation: first check at which the relation-only loss is below half of ln R.
        plateau_start: first check after that with the loss near H(a | r).
        plateau_end: last check, without a gap, of that kind.
        facts: first check at which the loss is below H(a | r) / 2.
    """

    relation: float
    plateau_start: float
    plateau_end: float
    facts: float


def live_logits(logits: Float[Array, "C F A"], world: factual.World) -> Array:
    """Takes the answers that there are not out of the running."""
    live = jnp.arange(logits.shape[-1]) < world.live.relations * world.live.answers
    return jnp.where(live[None, None, :], logits, -jnp.inf)


def cross_entropy(
    logits: Float[Array, "C F A"],
    world: factual.World,
    subjects: Int[Array, "_ F"],
    relations: Int[Array, "_ F"],
    weights: Float[Array, "C F"],
) -> Float[Array, ""]:
    """Weighted mean of -ln p(a* | s, r) over prompts."""
    ids = jnp.arange(logits.shape[-1])[None, None, :]
    right = ids == factual.answers(world)[subjects, relations][:, :, None]
    own = jnp.sum(jnp.where(right, logits, 0.0), axis=-1)
    partition = jax.nn.logsumexp(live_logits(logits, world), axis=-1)
    return jnp.sum(weights * (partition - own))


def measure(
    logits: Float[Array, "C F A"],
    world: factual.World,
    subjects: Int[Array, "_ F"],
    relations: Int[Array, "_ F"],
    weights: Float[Array, "C F"],
) -> Measures:
    """Stage losses, distance to p(a | r) and accuracy of prompts."""
    D = world.live.answers
    ids = jnp.arange(logits.shape[-1])[None, None, :]
    right = factual.answers(world)[subjects, relations][:, :, None]
    log_p = jax.nn.log_softmax(live_logits(logits, world), axis=-1)
    given = answers_of_relations(world, logits.shape[-1])[relations]
    gap = jnp.max(jnp.abs(jnp.exp(log_p) - given), axis=-1)
    best = jnp.argmax(log_p, axis=-1, keepdims=True)

    def missed(mask: Array) -> Array:
        mass = jax.nn.logsumexp(jnp.where(mask, log_p, -jnp.inf), axis=-1)
        return -jnp.sum(weights * mass)

    return Measures(
        loss=missed(ids == right),
        relation_loss=missed(ids // D == right // D),
        subject_loss=missed(ids % D == right % D),
        distance=jnp.sum(weights * gap),
        accuracy=jnp.sum(weights * (best == right)[:, :, 0]),
    )


def answers_of_relations(world: factual.World, num_answers: int) -> Float[Array, "R A"]:
    """p(a | r): how the answers of each relation are spread over its subjects."""
    S = world.choices.shape[0]
    odds = world.subject_weights * (jnp.arange(S) < world.live.subjects)
    ids = jnp.arange(num_answers)[None, None, :]
    given = factual.answers(world)[:, :, None] == ids
    return jnp.sum(given * (odds / jnp.sum(odds))[:, None, None], axis=0)


def entropy(world: factual.World, num_answers: int) -> Float[Array, ""]:
    """H(a | r) in nats: ln D where answers are balanced."""
    p = answers_of_relations(world, num_answers)
    nats = jnp.sum(jax.scipy.special.entr(p), axis=1)
    live = jnp.arange(p.shape[0]) < world.live.relations
    odds = world.relation_weights * live
    return jnp.sum(nats * odds) / jnp.sum(odds)


def stages(
    steps: Sequence[float],
    loss: Sequence[float],
    relation_loss: Sequence[float],
    entropy: float,
    relation_entropy: float,
) -> Stages:
    """Reads stage times off a trace of checks, in order, from the first step on."""
    at, total, relation = (
        np.asarray(values, float) for values in (steps, loss, relation_loss)
    )
    learned = relation < relation_entropy / 2
    near = np.abs(total - entropy) < PLATEAU
    near &= np.logical_or.accumulate(learned)
    start = int(np.argmax(near)) if near.any() else len(near)
    after = np.flatnonzero(~near[start:])
    end = start + (after[0] if after.size else len(near) - start) - 1
    none = start == len(near)
    return Stages(
        relation=_first(at, learned),
        plateau_start=np.nan if none else float(at[start]),
        plateau_end=np.nan if none else float(at[end]),
        facts=_first(at, total < entropy / 2),
    )


def _first(at: np.ndarray, holds: np.ndarray) -> float:
    return float(at[np.argmax(holds)]) if holds.any() else float("nan")
