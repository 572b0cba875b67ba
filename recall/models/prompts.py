"""Prompts of the simplified model: counts of noise tokens, and facts that share them.

Linear attention needs only the counts of noise tokens in a context: `sampled` counts
those of a draw, `every_fact` with `mean_context` is the population.
"""

import itertools
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from recall.data import recall_task, sequences


class Reads(NamedTuple):
    """Noise contexts and the facts that are read in each; an axis of 1 is shared.

    Attributes:
        counts: `[C, N]` number of times that each noise token occurs.
        weights: `[C, F]` of each fact in each context; they sum to one.
    """

    counts: Float[Array, "C N"]
    weights: Float[Array, "C F"]
    subjects: Int[Array, "_ F"]
    relations: Int[Array, "_ F"]


def noise_counts(noise: Int[Array, "C noise"], num: int) -> Float[Array, "C N"]:
    """Counts the occurrences of `num` noise tokens in each of the contexts."""
    seen = noise[:, :, None] == jnp.arange(num)[None, None, :]
    return jnp.sum(seen, axis=1, dtype=jnp.float32)


def sampled(draw: sequences.Draw, num_noise: int) -> Reads:
    """Counts the noise tokens of a draw, whose sequences all weigh the same."""
    C, F = draw.subjects.shape[0], draw.relations.shape[1]
    return Reads(
        counts=noise_counts(draw.noise, num_noise),
        weights=jnp.full((C, F), 1 / (C * F)),
        subjects=jnp.broadcast_to(draw.subjects, (C, F)),
        relations=jnp.broadcast_to(draw.relations, (C, F)),
    )


def every_fact(
    world: recall_task.World, counts: Float[Array, "C N"], probs: Float[Array, " C"]
) -> Reads:
    """Reads all facts in each of C contexts, by the probabilities of both."""
    S, R = world.choices.shape
    live = recall_task.live_facts(world)
    weights = world.subject_weights[:, None] * world.relation_weights[None, :] * live
    weights = (weights / jnp.sum(weights)).reshape(1, -1)
    return Reads(
        counts=counts,
        weights=probs[:, None] * weights,
        subjects=jnp.repeat(jnp.arange(S), R)[None, :],
        relations=jnp.tile(jnp.arange(R), S)[None, :],
    )


def mean_context(
    world: recall_task.World, num_noise: int, length: int
) -> Float[Array, "1 N"]:
    """Returns the expected counts `[1, N]` of a context.

    A model that treats all noise tokens alike, as gradient flow from "published" and
    "paper" weights does for ever, has the same logits in every context: then the loss
    in this one is the population loss (derived here, tested).
    """
    live = jnp.arange(num_noise) < world.live.noise
    return (jnp.where(live, length - 3, 0.0) / world.live.noise)[None, :]


def every_context(num_noise: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Lists all multisets of T - 3 noise tokens `[C, N]`, with probabilities `[C]`.

    There are (N + T - 4 choose T - 3) of them: for small worlds, and for tests.
    """
    drawn = length - 3
    chosen = itertools.combinations_with_replacement(range(num_noise), drawn)
    counts = np.array([np.bincount(c, minlength=num_noise) for c in chosen], np.float32)
    orders = [  # multinomial coefficients
        math.factorial(drawn) / math.prod(math.factorial(int(n)) for n in row)
        for row in counts
    ]
    return counts, np.array(orders, np.float32) / num_noise**drawn
