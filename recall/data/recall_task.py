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

Count = Any  # an int, or a traced integer: which part of a larger world is live


class Sizes(NamedTuple):
    """The numbers S, R, D (answers of one relation, R D in all) and N of tokens."""

    subjects: Count
    relations: Count
    answers: Count
    noise: Count

    @property
    def facts(self) -> Count:
        """Returns S R, the number of facts."""
        return self.subjects * self.relations


class Given(NamedTuple):
    """Explicit facts: relations may share answers, and subjects may lack one (-1).

    `pairs` are subject and relation of each fact, `outputs` is the number of answers.
    """

    answers: Int[Array, "*lanes S R"]
    pairs: Int[Array, "*lanes P 2"]
    outputs: Int[Array, "*lanes"]


class World(NamedTuple):
    """The answer of every (subject, relation), padded: entries beyond `live` are dead.

    Attributes:
        choices: `[S, R]` in [0, 1): a*(s, r) is the floor(D choice)-th answer of r.
        subject_weights: `[S]` the frequency of a subject in prompts, up to a factor.
        relation_weights: `[R]` likewise.
        live: the sizes that count.
        given: explicit facts in place of choices, or None. They are equally frequent,
            and choices, weights and D mean nothing.
    """

    choices: Float[Array, "*lanes S R"]
    subject_weights: Float[Array, "*lanes S"]
    relation_weights: Float[Array, "*lanes R"]
    live: Sizes
    given: Given | None = None


def check(sizes: Sizes, length: int) -> None:
    """Raises a ValueError for sizes and lengths that make no task, naming the field."""
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
        subject_exponent: subject s is as frequent as (s + 1)^-exponent.
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
    if structured:  # + 1/2: far from borders, so that rounding changes no answer
        choices = jnp.broadcast_to((jnp.arange(S)[:, None] + 0.5) / S, (S, R))
    else:  # a key for each relation: more of them leave the first ones as they are
        column = lambda r: jax.random.uniform(jax.random.fold_in(key, r), (S,))  # noqa: E731
        choices = jax.vmap(column)(jnp.arange(R)).T
    return World(
        choices=choices,
        subject_weights=jnp.arange(1.0, S + 1) ** -subject_exponent,
        relation_weights=jnp.arange(1.0, R + 1) ** -relation_exponent,
        live=Sizes(*(jnp.asarray(count, jnp.int32) for count in sizes)),
    )


def world_of(table: Any, sizes: Sizes) -> World:
    """Returns the world of a table of answers, all facts of it equally frequent.

    The table is `[S, R]` ints, from 0: which of its relation's D answers a fact has.

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
    invalid = answers[(answers < 0) | (answers >= D) | (answers % 1 != 0)]
    if invalid.size:
        raise ValueError(
            f"Expected a table of integers in [0, {D - 1}]; got {invalid[0]}."
        )
    blank = sample_world(jax.random.key(0), sizes)
    return blank._replace(choices=jnp.asarray((answers + 0.5) / D, jnp.float32))


def world_of_ids(ids: Any, num_answers: int, noise: int) -> World:
    """Returns a world of explicit facts: answers are shared, and pairs may lack one.

    `ids` are `[S, R]` ints in [-1, num_answers), -1 for no fact; `noise` counts tokens.
    D is rounded up so that R D >= the number of answers; ids beyond it are dead.

    Raises:
        ValueError: if there is no fact, or an answer that there is not.
    """
    table = np.asarray(ids, np.int32)
    if table.ndim != 2 or not np.any(table >= 0):
        raise ValueError(f"Expected a table with facts; got shape {table.shape}.")
    if table.min() < -1 or table.max() >= num_answers:
        invalid = table[(table < -1) | (table >= num_answers)][0]
        raise ValueError(f"Expected ids in [-1, {num_answers - 1}]; got {invalid}.")
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
        wider = jnp.pad(given.answers, more, constant_values=-1)  # no fact
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
    """Returns the answer ids a*(s, r); of pairs that are no facts they mean nothing."""
    if world.given is not None:
        return jnp.maximum(world.given.answers, 0)  # -1 would index from the end
    D = world.live.answers
    index = jnp.floor(D * world.choices).astype(jnp.int32)  # choices < 1: below D
    return index + D * jnp.arange(world.choices.shape[1])[None, :]


def live_facts(world: World) -> Bool[Array, "S R"]:
    """Marks the facts of a padded world that count."""
    S, R = world.choices.shape
    subjects = jnp.arange(S)[:, None] < world.live.subjects
    live = subjects & (jnp.arange(R)[None, :] < world.live.relations)
    return live if world.given is None else live & (world.given.answers >= 0)


def num_facts(world: World) -> Count:
    """Returns the number of facts: S R, or the number of explicit ones."""
    return world.live.facts if world.given is None else world.given.pairs.shape[-2]


def num_outputs(world: World) -> Count:
    """Returns the number of answers: R D, or those of explicit facts."""
    if world.given is not None:
        return world.given.outputs
    return world.live.relations * world.live.answers


def pairs(world: World) -> Int[Array, "P 2"]:
    """Returns subject and relation of each fact, `[P, 2]`, without padding."""
    if world.given is not None:
        return world.given.pairs
    S, R = world.choices.shape
    grid = jnp.meshgrid(jnp.arange(S), jnp.arange(R), indexing="ij")
    return jnp.stack(grid, axis=-1).reshape(-1, 2)
