r"""Measures along training: losses of the stages, and the distance to p(a | r).

`theory.clock` reads stage times off these losses.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from recall.data import recall_task


class Measures(NamedTuple):
    """The measures of one check, means over prompts; losses in nats.

    Attributes:
        loss: `[]` cross-entropy.
        relation_loss: `[]` -ln of the mass on answers of the relation.
        subject_loss: `[]` -ln of the mass on answers with the right index in A_r; nan
            for explicit facts, whose answers have no index.
        distance: `[]` largest difference of a predicted probability from p(a | r).
    """

    loss: Float[Array, "*lanes"]
    relation_loss: Float[Array, "*lanes"]
    subject_loss: Float[Array, "*lanes"]
    distance: Float[Array, "*lanes"]
    accuracy: Float[Array, "*lanes"]


def live_logits(
    logits: Float[Array, "C F A"], world: recall_task.World
) -> Float[Array, "C F A"]:
    """Masks the logits of answers that are padding by -inf."""
    live = jnp.arange(logits.shape[-1]) < recall_task.num_outputs(world)
    return jnp.where(live[None, None, :], logits, -jnp.inf)


def cross_entropy(
    logits: Float[Array, "C F A"],
    world: recall_task.World,
    subjects: Int[Array, "_ F"],
    relations: Int[Array, "_ F"],
    weights: Float[Array, "C F"],
) -> Float[Array, ""]:
    """Returns the weighted mean of -ln p(a* | s, r) over prompts."""
    ids = jnp.arange(logits.shape[-1])[None, None, :]
    right = ids == recall_task.answers(world)[subjects, relations][:, :, None]
    right_logits = jnp.sum(jnp.where(right, logits, 0.0), axis=-1)
    partition = jax.nn.logsumexp(live_logits(logits, world), axis=-1)
    return jnp.sum(weights * (partition - right_logits))


def measure(
    logits: Float[Array, "C F A"],
    world: recall_task.World,
    subjects: Int[Array, "_ F"],
    relations: Int[Array, "_ F"],
    weights: Float[Array, "C F"],
) -> Measures:
    """Computes stage losses, distance to p(a | r) and accuracy over prompts."""
    D, A = world.live.answers, logits.shape[-1]
    ids = jnp.arange(A)[None, None, :]
    right = recall_task.answers(world)[subjects, relations][:, :, None]
    log_p = jax.nn.log_softmax(live_logits(logits, world), axis=-1)
    gap = jnp.exp(log_p) - answers_of_relations(world, A)[relations]
    best = jnp.argmax(log_p, axis=-1, keepdims=True)

    def missed(mask: Array) -> Array:
        mass = jax.nn.logsumexp(jnp.where(mask, log_p, -jnp.inf), axis=-1)
        return -jnp.sum(jnp.where(weights > 0, weights * mass, 0.0))  # 0 x -inf is nan

    return Measures(
        loss=missed(ids == right),
        relation_loss=missed(answer_sets(world, A)[relations]),
        subject_loss=jnp.asarray(jnp.nan)
        if world.given is not None
        else missed(ids % D == right % D),
        # Near 0 on the plateau: a hallucination.
        distance=jnp.sum(weights * jnp.max(jnp.abs(gap), axis=-1)),
        accuracy=jnp.sum(weights * (best == right)[:, :, 0]),
    )


def answers_of_relations(
    world: recall_task.World, num_answers: int
) -> Float[Array, "R A"]:
    """Returns p(a | r), the distribution of the answers of each relation."""
    ids = jnp.arange(num_answers)[None, None, :]
    one_hot = recall_task.answers(world)[:, :, None] == ids
    weights = world.subject_weights[:, None] * recall_task.live_facts(world)
    total = jnp.maximum(jnp.sum(weights, axis=0), 1e-30)  # dead relations have none
    return jnp.sum(one_hot * (weights / total[None, :])[:, :, None], axis=0)


def answer_sets(world: recall_task.World, num_answers: int) -> Bool[Array, "R A"]:
    """Marks the answers of each relation: a block of D, or those of its facts."""
    if world.given is not None:
        return answers_of_relations(world, num_answers) > 0
    R = world.choices.shape[1]
    blocks = jnp.arange(num_answers)[None, :] // world.live.answers
    return blocks == jnp.arange(R)[:, None]


def entropy(world: recall_task.World, num_answers: int) -> Float[Array, ""]:
    """Returns H(a | r) in nats: ln D if answers are balanced."""
    p = answers_of_relations(world, num_answers)
    nats = jnp.sum(jax.scipy.special.entr(p), axis=1)
    weights = world.subject_weights[:, None] * recall_task.live_facts(world)
    weights = world.relation_weights * jnp.sum(weights, axis=0)  # of each relation
    return jnp.sum(nats * weights) / jnp.sum(weights)
