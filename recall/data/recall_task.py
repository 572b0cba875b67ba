"""The factual recall task: a subject and a relation among noise tokens, and an answer.

A sequence holds a subject s and a relation r at random places, noise elsewhere, and an
end token last; its answer is a*(s, r). The answers of relation r are the D tokens
rD, ..., rD + D - 1, so that those of different relations are disjoint. There are no
positions in the models, so that a sequence is (s, r, a multiset of noise tokens).

Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538), section 4; token ids as in
the published code: subjects, relations, noise, end.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

LAYOUTS = ("grid", "pairs")
Count = Any  # an int, or a traced integer: which part of a larger world is live


class Sizes(NamedTuple):
    """How many tokens of each kind there are.

    Attributes:
        subjects: S.
        relations: R.
        answers: D, the answers of one relation; R D in all.
        noise: noise tokens.
    """

    subjects: Count
    relations: Count
    answers: Count
    noise: Count

    @property
    def facts(self) -> Count:
        """S R, the number of facts."""
        return self.subjects * self.relations


class Given(NamedTuple):
    """Facts as they are: relations share answers, and some subjects lack one.

    Attributes:
        answers: `[S, R]` ids of answers; -1 where there is no fact.
        pairs: `[P, 2]` subject and relation of each fact.
        outputs: `[]` answers that there are.
    """

    answers: Int[Array, "*lanes S R"]
    pairs: Int[Array, "*lanes P 2"]
    outputs: Int[Array, "*lanes"]


class World(NamedTuple):
    """What is true, padded: subjects, relations at or beyond their counts are dead.

    Attributes:
        choices: `[S, R]` in [0, 1): a*(s, r) is the floor(D choice)-th answer of r.
        subject_weights: `[S]` how often a subject is asked about, up to a factor.
        relation_weights: `[R]` likewise.
        live: the sizes that count.
        given: the facts, where they are given rather than chosen; else None. They are
            asked about equally often, and choices, weights and D mean nothing.
    """

    choices: Float[Array, "*lanes S R"]
    subject_weights: Float[Array, "*lanes S"]
    relation_weights: Float[Array, "*lanes R"]
    live: Sizes
    given: Given | None = None


class Batch(NamedTuple):
    """Sequences and their answers.

    Attributes:
        tokens: `[B, T]` token ids.
        answers: `[B]` answer ids.
    """

    tokens: Int[Array, "B T"]
    answers: Int[Array, " B"]


class Draw(NamedTuple):
    """Noise contexts and the facts that are read in each of them.

    Fact f of context c is about subject `subjects[c, f]` and relation
    `relations[c, f]`; an axis of length 1 is shared.

    Attributes:
        noise: `[C, T - 3]` indices of noise tokens.
        subjects: `[C, F]` or `[C, 1]`.
        relations: `[C, F]` or `[1, F]`.
    """

    noise: Int[Array, "C noise"]
    subjects: Int[Array, "C _"]
    relations: Int[Array, "_ F"]


def check(sizes: Sizes, length: int) -> None:
    """Refuses sizes and sequence lengths that make no task.

    Raises:
        ValueError: naming the first field that is wrong.
    """
    for field, count in sizes._asdict().items():
        if count < 1:
            raise ValueError(f"Expected {field} >= 1; got {field}={count}.")
    if length < 3:
        raise ValueError(
            f"Expected length >= 3 (subject, relation, end); got length={length}."
        )


def sample_world(
    key: Key[Array, ""],
    sizes: Sizes,
    *,
    structured: bool = False,
    subject_exponent: float = 0.0,
    relation_exponent: float = 0.0,
) -> World:
    """Draws the answers of all facts, uniform over the D answers of their relation.

    Worlds are nested: a world of more subjects and relations, drawn from the same key,
    agrees with this one on the facts of this one (random answers only).

    Args:
        key: of the answers.
        sizes: ints.
        structured: a*(s, r) = floor(s D / S) + r D instead of random answers.
        subject_exponent: subject s is asked about like (s + 1)^-exponent.
        relation_exponent: likewise.

    Raises:
        ValueError: if sizes make no task, or D does not divide S where structured.
    """
    check(sizes, length=3)
    S, R, D, _ = sizes
    if structured and S % D:
        raise ValueError(
            f"Expected answers to divide subjects where answers are structured; got "
            f"answers={D}, subjects={S}."
        )
    of_relation = lambda r: jax.random.uniform(jax.random.fold_in(key, r), (S,))  # noqa: E731
    choices = jax.vmap(of_relation)(jnp.arange(R)).T
    if structured:
        choices = jnp.broadcast_to((jnp.arange(S)[:, None] + 0.5) / S, (S, R))
    return World(
        choices=choices,
        subject_weights=jnp.arange(1.0, S + 1) ** -subject_exponent,
        relation_weights=jnp.arange(1.0, R + 1) ** -relation_exponent,
        live=Sizes(*(jnp.asarray(count, jnp.int32) for count in sizes)),
    )


def world_of(table: Any, sizes: Sizes) -> World:
    """A world of given facts, all asked about equally often.

    Args:
        table: `[S, R]` ints: which of its relation's D answers each fact has, from 0.
        sizes: ints.

    Raises:
        ValueError: if the table has another shape, or an answer that there is not.
    """
    check(sizes, length=3)
    S, R, D, _ = sizes
    answers = np.asarray(table)
    if answers.shape != (S, R):
        raise ValueError(
            f"Expected a table of subjects x relations = {S} x {R} answers; got shape "
            f"{answers.shape}."
        )
    wrong = answers[(answers < 0) | (answers >= D) | (answers % 1 != 0)]
    if wrong.size:
        raise ValueError(
            f"Expected a table of integers in [0, {D - 1}]; got {wrong[0]}."
        )
    blank = sample_world(jax.random.key(0), sizes)
    return blank._replace(choices=jnp.asarray((answers + 0.5) / D, jnp.float32))


def world_of_ids(ids: Any, num_answers: int, noise: int) -> World:
    """A world of any facts: answers are shared, and pairs may lack one.

    D is counted up, so that R D answers have room for all; those beyond are dead.

    Args:
        ids: `[S, R]` ints in [-1, num_answers), -1 where there is no fact.
        num_answers: how many there are.
        noise: noise tokens.

    Raises:
        ValueError: if there is no fact, or an answer that there is not.
    """
    table = np.asarray(ids, np.int32)
    if table.ndim != 2 or not np.any(table >= 0):
        raise ValueError(f"Expected a table with facts; got shape {table.shape}.")
    if table.min() < -1 or table.max() >= num_answers:
        wrong = table[(table < -1) | (table >= num_answers)][0]
        raise ValueError(f"Expected ids in [-1, {num_answers - 1}]; got {wrong}.")
    S, R = table.shape
    sizes = Sizes(S, R, -(-num_answers // R), noise)
    given = Given(
        answers=jnp.asarray(table),
        pairs=jnp.asarray(np.argwhere(table >= 0), jnp.int32),
        outputs=jnp.asarray(num_answers, jnp.int32),
    )
    return sample_world(jax.random.key(0), sizes)._replace(given=given)


def pad(world: World, num_subjects: int, num_relations: int) -> World:
    """Appends dead subjects and relations up to the given numbers."""
    rows, columns = world.choices.shape
    more = ((0, num_subjects - rows), (0, num_relations - columns))
    if (given := world.given) is not None:
        wider = jnp.pad(given.answers, more, constant_values=-1)
        world = world._replace(given=given._replace(answers=wider))
    return world._replace(
        choices=jnp.pad(world.choices, more),
        subject_weights=jnp.pad(world.subject_weights, more[0]),
        relation_weights=jnp.pad(world.relation_weights, more[1]),
    )


def take(world: World, sizes: Sizes) -> World:
    """Keeps the first subjects, relations and noise tokens, and D answers each."""
    live = Sizes(*(jnp.asarray(count, jnp.int32) for count in sizes))
    return world._replace(live=live)


def answers(world: World) -> Int[Array, "S R"]:
    """The answer ids a*(s, r); those of pairs that are no facts mean nothing."""
    if world.given is not None:
        return jnp.maximum(world.given.answers, 0)
    D = world.live.answers
    own = jnp.floor(D * world.choices).astype(jnp.int32)
    return own + D * jnp.arange(world.choices.shape[1])[None, :]


def live_facts(world: World) -> Bool[Array, "S R"]:
    """Marks the facts that count."""
    S, R = world.choices.shape
    subjects = jnp.arange(S)[:, None] < world.live.subjects
    live = subjects & (jnp.arange(R)[None, :] < world.live.relations)
    return live if world.given is None else live & (world.given.answers >= 0)


def num_facts(world: World) -> Count:
    """How many facts there are: S R, or as many as are given."""
    return world.live.facts if world.given is None else world.given.pairs.shape[-2]


def num_outputs(world: World) -> Count:
    """How many answers there are: R D, or as many as are given."""
    if world.given is not None:
        return world.given.outputs
    return world.live.relations * world.live.answers


def pairs(world: World) -> Int[Array, "P 2"]:
    """Subject and relation of each fact; all of the world is live."""
    if world.given is not None:
        return world.given.pairs
    S, R = world.choices.shape
    grid = jnp.meshgrid(jnp.arange(S), jnp.arange(R), indexing="ij")
    return jnp.stack(grid, axis=-1).reshape(-1, 2)


def sample_batch(
    key: Key[Array, ""], world: World, num_sequences: int, length: int
) -> Batch:
    """Draws i.i.d. sequences: subject and relation at two random places, end last."""
    key_facts, key_places, key_noise = jax.random.split(key, 3)
    key_subjects, key_relations = jax.random.split(key_facts)
    B, T, live = num_sequences, length, world.live
    s = _sample(key_subjects, _live_weights(world)[0], (B,))
    r = _sample(key_relations, _live_weights(world)[1], (B,))
    noise = _sample_noise(key_noise, world, (B, T))
    tokens = noise + live.subjects + live.relations
    order = jax.vmap(lambda k: jax.random.permutation(k, T - 1))
    places = order(jax.random.split(key_places, B))
    rows = jnp.arange(B)
    tokens = tokens.at[rows, places[:, 0]].set(s)
    tokens = tokens.at[rows, places[:, 1]].set(live.subjects + r)
    tokens = tokens.at[:, -1].set(live.subjects + live.relations + live.noise)
    return Batch(tokens=tokens, answers=answers(world)[s, r])


def sample_draw(
    key: Key[Array, ""],
    world: World,
    num_contexts: int,
    num_facts: int,
    length: int,
    layout: str = "grid",
) -> Draw:
    """Draws noise contexts and the facts to read in each; every fact has its own odds.

    "pairs" draws C F facts i.i.d.; with one fact a context it is what `sample_batch`
    draws. "grid" draws one subject a context and F relations for all contexts, by
    strata: with C = S and F = R and equal odds every fact is drawn exactly once. Of
    given facts it draws C F, likewise by strata, wherever they are in the table.
    """
    key_subjects, key_relations, key_noise = jax.random.split(key, 3)
    C, F = num_contexts, num_facts
    subject_weights, relation_weights = _live_weights(world)
    noise = _sample_noise(key_noise, world, (C, length - 3))
    if world.given is not None:
        odds = jnp.ones(world.given.pairs.shape[0])
        drawn = _stratified if layout == "grid" else _independent
        found = world.given.pairs[drawn(key_subjects, odds, C * F).reshape(F, C).T]
        return Draw(noise=noise, subjects=found[..., 0], relations=found[..., 1])
    if layout == "pairs":
        s = _sample(key_subjects, subject_weights, (C, F))
        r = _sample(key_relations, relation_weights, (C, F))
        return Draw(noise=noise, subjects=s, relations=r)
    s = _stratified(key_subjects, subject_weights, C)
    r = _stratified(key_relations, relation_weights, F)
    return Draw(noise=noise, subjects=s[:, None], relations=r[None, :])


def every_fact(key: Key[Array, ""], world: World, length: int) -> Draw:
    """All facts of a padded world, each subject in a noise context of its own."""
    S, R = world.choices.shape
    return Draw(
        noise=_sample_noise(key, world, (S, length - 3)),
        subjects=jnp.arange(S)[:, None],
        relations=jnp.arange(R)[None, :],
    )


def sequences(draw: Draw, world: World) -> Batch:
    """Writes out the sequences `[C F, T]` of a draw: subject, relation, noise, end."""
    S, R, _, N = world.live
    C, F = draw.subjects.shape[0], draw.relations.shape[1]
    s = jnp.broadcast_to(draw.subjects, (C, F)).reshape(-1, 1)
    r = jnp.broadcast_to(draw.relations, (C, F)).reshape(-1, 1)
    noise = jnp.repeat(draw.noise, F, axis=0)
    end = jnp.full_like(s, 0) + S + R + N
    tokens = jnp.concatenate([s, S + r, S + R + noise, end], axis=1)
    return Batch(tokens=tokens, answers=answers(world)[s[:, 0], r[:, 0]])


def _live_weights(world: World) -> tuple[Array, Array]:
    """Odds of subjects and of relations, zero for dead ones."""
    S, R = world.choices.shape
    subjects = jnp.arange(S) < world.live.subjects
    relations = jnp.arange(R) < world.live.relations
    return subjects * world.subject_weights, relations * world.relation_weights


def _invert(weights: Array, levels: Array) -> Array:
    """The index at which the cumulated weights pass each level in [0, 1)."""
    cumulated = jnp.cumsum(weights)
    found = jnp.searchsorted(
        cumulated, levels * cumulated[-1], side="right", method="compare_all"
    )
    last = jnp.sum(weights > 0) - 1  # a level may be rounded up to one
    return jnp.minimum(found, last).astype(jnp.int32)


def _sample(key: Array, weights: Array, shape: tuple[int, ...]) -> Array:
    return _invert(weights, jax.random.uniform(key, shape))


def _stratified(key: Array, weights: Array, count: int) -> Array:
    """Draws one index from each of `count` equal shares of the odds.

    Levels keep off the borders of the shares, which rounding would cross.
    """
    within = jax.random.uniform(key, (count,), minval=1e-4, maxval=1 - 1e-4)
    return _invert(weights, (jnp.arange(count) + within) / count)


def _independent(key: Array, weights: Array, count: int) -> Array:
    return _sample(key, weights, (count,))


def _sample_noise(key: Array, world: World, shape: tuple[int, ...]) -> Array:
    return jax.random.randint(key, shape, 0, world.live.noise, dtype=jnp.int32)
