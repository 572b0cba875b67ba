r"""What is measured along training: stage losses, and the distance to p(a | r).

`theory.clock` reads stage times off these losses.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from recall.data import recall_task


class Measures(NamedTuple):
    """What a check measures, means over prompts; losses in nats.

    Attributes:
        loss: `[]` cross-entropy.
        relation_loss: `[]` -ln of the mass on answers of the relation.
        subject_loss: `[]` -ln of the mass on answers with the right index in A_r; nan
            of given facts, whose answers have no index.
        distance: `[]` largest difference of a predicted probability from p(a | r).
        accuracy: `[]` how often the right answer has the largest logit.
    """

    loss: Float[Array, "*lanes"]
    relation_loss: Float[Array, "*lanes"]
    subject_loss: Float[Array, "*lanes"]
    distance: Float[Array, "*lanes"]
    accuracy: Float[Array, "*lanes"]


def live_logits(
    logits: Float[Array, "C F A"], world: recall_task.World
) -> Float[Array, "C F A"]:
    """Takes the answers that there are not out of the running."""
    live = jnp.arange(logits.shape[-1]) < recall_task.num_outputs(world)
    return jnp.where(live[None, None, :], logits, -jnp.inf)


def cross_entropy(
    logits: Float[Array, "C F A"],
    world: recall_task.World,
    subjects: Int[Array, "_ F"],
    relations: Int[Array, "_ F"],
    weights: Float[Array, "C F"],
) -> Float[Array, ""]:
    """Weighted mean of -ln p(a* | s, r) over prompts."""
    ids = jnp.arange(logits.shape[-1])[None, None, :]
    right = ids == recall_task.answers(world)[subjects, relations][:, :, None]
    own = jnp.sum(jnp.where(right, logits, 0.0), axis=-1)
    partition = jax.nn.logsumexp(live_logits(logits, world), axis=-1)
    return jnp.sum(weights * (partition - own))


def measure(
    logits: Float[Array, "C F A"],
    world: recall_task.World,
    subjects: Int[Array, "_ F"],
    relations: Int[Array, "_ F"],
    weights: Float[Array, "C F"],
) -> Measures:
    """Stage losses, distance to p(a | r) and accuracy of prompts."""
    D = world.live.answers
    ids = jnp.arange(logits.shape[-1])[None, None, :]
    right = recall_task.answers(world)[subjects, relations][:, :, None]
    log_p = jax.nn.log_softmax(live_logits(logits, world), axis=-1)
    given = answers_of_relations(world, logits.shape[-1])[relations]
    gap = jnp.max(jnp.abs(jnp.exp(log_p) - given), axis=-1)
    best = jnp.argmax(log_p, axis=-1, keepdims=True)

    def missed(mask: Array) -> Array:
        mass = jax.nn.logsumexp(jnp.where(mask, log_p, -jnp.inf), axis=-1)
        return -jnp.sum(jnp.where(weights > 0, weights * mass, 0.0))  # 0 x -inf is nan

    own_set = answer_sets(world, logits.shape[-1])[relations]
    return Measures(
        loss=missed(ids == right),
        relation_loss=missed(own_set),
        subject_loss=jnp.asarray(jnp.nan)
        if world.given is not None
        else missed(ids % D == right % D),
        distance=jnp.sum(weights * gap),
        accuracy=jnp.sum(weights * (best == right)[:, :, 0]),
    )


def answers_of_relations(
    world: recall_task.World, num_answers: int
) -> Float[Array, "R A"]:
    """p(a | r): how the answers of each relation are spread over its subjects."""
    ids = jnp.arange(num_answers)[None, None, :]
    given = recall_task.answers(world)[:, :, None] == ids
    odds = world.subject_weights[:, None] * recall_task.live_facts(world)
    total = jnp.maximum(jnp.sum(odds, axis=0), 1e-30)
    return jnp.sum(given * (odds / total[None, :])[:, :, None], axis=0)


def answer_sets(world: recall_task.World, num_answers: int) -> Bool[Array, "R A"]:
    """Which answers each relation has: its own block of D, or those that are given."""
    if world.given is not None:
        return answers_of_relations(world, num_answers) > 0
    R = world.choices.shape[1]
    blocks = jnp.arange(num_answers)[None, :] // world.live.answers
    return blocks == jnp.arange(R)[:, None]


def entropy(world: recall_task.World, num_answers: int) -> Float[Array, ""]:
    """H(a | r) in nats: ln D where answers are balanced."""
    p = answers_of_relations(world, num_answers)
    nats = jnp.sum(jax.scipy.special.entr(p), axis=1)
    asked = world.subject_weights[:, None] * recall_task.live_facts(world)
    odds = world.relation_weights * jnp.sum(asked, axis=0)
    return jnp.sum(nats * odds) / jnp.sum(odds)
