"""Prompts of the recall task: sequences of tokens, and noise contexts that facts share.

The models have no positions: a prompt is a subject, a relation and a multiset of noise
tokens, so that one noise context may be read with many facts (`models.population`).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

from recall.data import recall_task

# With H = 8, d_h = 8, d = 32, m = 64 and 1,024 facts a step, a step takes .81 ms a lane
# by "grid", .86 ms in 32 i.i.d. contexts, 12.25 ms of plain sequences. Medians of 10
# seeds after 2,048 steps: .967 by "grid", .963 by "pairs", .956 by i.i.d. sequences;
# seeds range from .84 to .995 (`benchmarks.recall_step`).
LAYOUTS = ("grid", "pairs")


class Batch(NamedTuple):
    """The token ids of sequences, and the ids of their answers."""

    tokens: Int[Array, "B T"]
    answers: Int[Array, " B"]


class Draw(NamedTuple):
    """Contexts of T - 3 noise tokens, and the facts that are read in each of them.

    Fact f of context c is about subject `subjects[c, f]` and relation
    `relations[c, f]`; an axis of length 1 is shared.
    """

    noise: Int[Array, "C noise"]
    subjects: Int[Array, "C _"]
    relations: Int[Array, "_ F"]


def sample_batch(
    key: Key[Array, ""], world: recall_task.World, num_sequences: int, length: int
) -> Batch:
    """Draws i.i.d. sequences: subject and relation at two random places, end last."""
    key_facts, key_places, key_noise = jax.random.split(key, 3)
    key_subjects, key_relations = jax.random.split(key_facts)
    B, T, live = num_sequences, length, world.live
    s = _sample(key_subjects, _live_weights(world)[0], (B,))
    r = _sample(key_relations, _live_weights(world)[1], (B,))
    noise = jax.random.randint(key_noise, (B, T), 0, live.noise, dtype=jnp.int32)
    tokens = noise + live.subjects + live.relations  # three places are overwritten
    order = jax.vmap(lambda k: jax.random.permutation(k, T - 1))
    places = order(jax.random.split(key_places, B))  # two of them, never the same
    rows = jnp.arange(B)
    tokens = tokens.at[rows, places[:, 0]].set(s)
    tokens = tokens.at[rows, places[:, 1]].set(live.subjects + r)
    tokens = tokens.at[:, -1].set(live.subjects + live.relations + live.noise)
    return Batch(tokens=tokens, answers=recall_task.answers(world)[s, r])


def sample_draw(
    key: Key[Array, ""],
    world: recall_task.World,
    num_contexts: int,
    num_facts: int,
    length: int,
    layout: str = "grid",
) -> Draw:
    """Draws C noise contexts and F facts to read in each, by the world's weights.

    "pairs" draws C F facts i.i.d.; with one fact a context it is what `sample_batch`
    draws. "grid" draws one subject a context and F relations for all contexts, by
    strata: with C = S, F = R and equal weights every fact is drawn exactly once. In a
    world of explicit facts it draws C F of them, likewise by strata.
    """
    key_subjects, key_relations, key_noise = jax.random.split(key, 3)
    C, F = num_contexts, num_facts
    subject_weights, relation_weights = _live_weights(world)
    noise = _sample_noise(key_noise, world, C, length)
    if world.given is not None:  # subjects lack relations: a grid would have holes
        weights = jnp.ones(world.given.pairs.shape[0])
        if layout == "grid":
            drawn = _stratified(key_subjects, weights, C * F)
        else:
            drawn = _sample(key_subjects, weights, (C * F,))
        facts = world.given.pairs[drawn.reshape(F, C).T]
        return Draw(noise=noise, subjects=facts[..., 0], relations=facts[..., 1])
    if layout == "pairs":
        s = _sample(key_subjects, subject_weights, (C, F))
        r = _sample(key_relations, relation_weights, (C, F))
        return Draw(noise=noise, subjects=s, relations=r)
    s = _stratified(key_subjects, subject_weights, C)
    r = _stratified(key_relations, relation_weights, F)
    return Draw(noise=noise, subjects=s[:, None], relations=r[None, :])


def every_fact(key: Key[Array, ""], world: recall_task.World, length: int) -> Draw:
    """Draws a noise context for each subject, and all facts of the padded world."""
    S, R = world.choices.shape
    s, r = jnp.arange(S)[:, None], jnp.arange(R)[None, :]
    return Draw(noise=_sample_noise(key, world, S, length), subjects=s, relations=r)


def written_out(draw: Draw, world: recall_task.World) -> Batch:
    """Writes out the sequences `[C F, T]` of a draw: subject, relation, noise, end."""
    S, R, _, N = world.live
    C, F = draw.subjects.shape[0], draw.relations.shape[1]
    s = jnp.broadcast_to(draw.subjects, (C, F)).reshape(-1, 1)
    r = jnp.broadcast_to(draw.relations, (C, F)).reshape(-1, 1)
    noise = jnp.repeat(draw.noise, F, axis=0)
    end = jnp.full_like(s, 0) + S + R + N
    tokens = jnp.concatenate([s, S + r, S + R + noise, end], axis=1)
    return Batch(tokens=tokens, answers=recall_task.answers(world)[s[:, 0], r[:, 0]])


def _live_weights(world: recall_task.World) -> tuple[Array, Array]:
    """Returns the weights of subjects and of relations, zero for dead ones."""
    S, R = world.choices.shape
    subjects = jnp.arange(S) < world.live.subjects
    relations = jnp.arange(R) < world.live.relations
    return subjects * world.subject_weights, relations * world.relation_weights


def _invert(weights: Array, levels: Array) -> Array:
    """Returns the index at which cumulative weights pass each level in [0, 1)."""
    cumulative = jnp.cumsum(weights)
    index = jnp.searchsorted(  # side "right" passes over weights of zero
        cumulative, levels * cumulative[-1], side="right", method="compare_all"
    )
    last = jnp.sum(weights > 0) - 1  # a level may be rounded up to one
    return jnp.minimum(index, last).astype(jnp.int32)


def _sample(key: Array, weights: Array, shape: tuple[int, ...]) -> Array:
    return _invert(weights, jax.random.uniform(key, shape))


def _stratified(key: Array, weights: Array, count: int) -> Array:
    """Draws one index from each of `count` strata of equal probability."""
    # Off the borders of strata, which rounding would cross.
    offsets = jax.random.uniform(key, (count,), minval=1e-4, maxval=1 - 1e-4)
    return _invert(weights, (jnp.arange(count) + offsets) / count)


def _sample_noise(key: Array, world: recall_task.World, count: int, T: int) -> Array:
    # Without subject, relation and end.
    return jax.random.randint(key, (count, T - 3), 0, world.live.noise, jnp.int32)
