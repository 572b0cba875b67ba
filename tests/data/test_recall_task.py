"""The factual recall task: its answers, its sequences and the odds of its facts."""

import functools
from typing import Any

import chex
import jax
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from recall.data import recall_task, sequences

SIZES = recall_task.Sizes(subjects=6, relations=4, answers=3, noise=5)
WIDE = (9, 7)  # subjects and relations that worlds are padded to
NUM_SEQUENCES, LENGTH = 4000, 6
CONTEXTS, FACTS = 4, 3  # of a draw
LAWS = [(0.0, 0.0), (1.0, 0.5)]  # exponents of subjects and of relations
KEYS = 2000  # draws whose average is looked at

sample_batch = jax.jit(sequences.sample_batch, static_argnums=(2, 3))


def sample_world(sizes=SIZES, exponents=(0.0, 0.0), seed=0, **settings):
    return recall_task.sample_world(
        jax.random.key(seed),
        sizes,
        subject_exponent=exponents[0],
        relation_exponent=exponents[1],
        **settings,
    )


@functools.partial(jax.jit, static_argnames=("layout", "shape", "num_keys"))
def draws(world, layout, shape=(CONTEXTS, FACTS), num_keys=KEYS):
    """Many draws from one world."""

    def sample(key):
        contexts, facts = shape
        return sequences.sample_draw(key, world, contexts, facts, LENGTH, layout)

    return jax.vmap(sample)(jax.random.split(jax.random.key(1), num_keys))


def fact_odds(exponents, live=SIZES):
    """The odds of every fact, by the formula; zero for dead ones."""
    in_use = np.outer(np.arange(6) < live.subjects, np.arange(4) < live.relations)
    laws = [np.arange(1.0, n + 1) ** -a for n, a in zip((6, 4), exponents, strict=True)]
    weights = in_use * np.outer(*laws)
    return weights / weights.sum()


def fact_counts(draw):
    """How often each fact is in each of many draws, `[keys, S, R]`."""
    read = np.asarray(draw.subjects * SIZES.relations + draw.relations)
    counts = [np.bincount(row.ravel(), minlength=SIZES.facts) for row in read]
    return np.reshape(counts, (-1, SIZES.subjects, SIZES.relations))


def assert_follows(counts, expected_odds):
    """Fails by chance for one seed in ten thousand; the seeds are fixed."""
    counts = np.ravel(counts)
    found = stats.chisquare(counts, counts.sum() * np.ravel(expected_odds))
    assert found.pvalue > 1e-4


# Worlds


def test_answers_lie_in_the_block_of_their_relation():
    found = np.asarray(recall_task.answers(sample_world()))
    assert found.shape == (SIZES.subjects, SIZES.relations)
    blocks = np.broadcast_to(np.arange(SIZES.relations), found.shape)
    assert_array_equal(found // SIZES.answers, blocks)


def test_answers_are_uniform_and_independent():
    S, R, D = 600, 10, 6
    world = sample_world(recall_task.Sizes(S, R, D, 1))
    found = np.asarray(recall_task.answers(world))
    assert_follows(np.bincount(found.ravel(), minlength=R * D), np.full(60, 1 / 60))
    between = np.corrcoef(np.asarray(world.choices).T) - np.eye(R)
    assert np.max(np.abs(between)) < 4.5 / np.sqrt(S)
    within = np.corrcoef(world.choices[:-1].ravel(), world.choices[1:].ravel())[0, 1]
    assert abs(within) < 4.5 / np.sqrt(S * R)


def test_seeds_decide_the_answers():
    same = recall_task.answers(sample_world())
    assert_array_equal(same, recall_task.answers(sample_world()))
    assert np.any(same != recall_task.answers(sample_world(seed=1)))


@pytest.mark.parametrize("larger", [(6, 4), (6, 7), (17, 4), (17, 7)])
def test_a_smaller_world_is_a_part_of_a_larger_one(larger):
    S, R = SIZES[:2]
    small = sample_world(exponents=(1.0, 0.5))
    big = sample_world(SIZES._replace(subjects=larger[0], relations=larger[1]))
    assert_array_equal(big.choices[:S, :R], small.choices)
    taken = recall_task.take(big, SIZES)
    assert_array_equal(recall_task.answers(taken)[:S, :R], recall_task.answers(small))
    chex.assert_trees_all_equal(taken.live, small.live)
    padded = recall_task.pad(small, *larger)
    assert_array_equal(recall_task.answers(padded)[:S, :R], recall_task.answers(small))
    for world in (taken, padded):
        live = np.asarray(recall_task.live_facts(world))
        assert live.shape == larger
        assert live.sum() == SIZES.facts
        assert live[:S, :R].all()


def test_answers_taken_of_a_relation_are_its_first_ones():
    for D in (1, 2):
        world = recall_task.take(sample_world(), SIZES._replace(answers=D))
        found = np.asarray(recall_task.answers(world))
        assert_array_equal(np.sort(np.unique(found)), np.arange(4 * D))
        assert_array_equal(found // D, np.tile(np.arange(4), (6, 1)))


@pytest.mark.parametrize(("S", "D"), [(6, 3), (6, 1), (6, 6), (12, 4), (98, 7)])
def test_structured_answers_by_the_formula(S, D):
    world = sample_world(recall_task.Sizes(S, 4, D, 5), structured=True)
    expected = [[s * D // S + r * D for r in range(4)] for s in range(S)]
    assert_array_equal(recall_task.answers(world), expected)


def test_structured_answers_must_divide_the_subjects():
    with pytest.raises(ValueError, match="answers=4, subjects=6"):
        sample_world(SIZES._replace(answers=4), structured=True)


def test_a_world_of_a_table_has_its_facts():
    for D in (3, 7, 1000):
        table = np.random.default_rng(D).integers(0, D, (6, 4))
        table[0, 0], table[5, 3] = 0, D - 1
        world = recall_task.world_of(table, SIZES._replace(answers=D))
        assert_array_equal(recall_task.answers(world), table + D * np.arange(4))
    for weights in (world.subject_weights, world.relation_weights):
        assert_array_equal(weights, 1.0)


@pytest.mark.parametrize("bad", [-1, 3, 0.5])
def test_a_table_with_an_answer_that_there_is_not_is_refused(bad):
    table = np.zeros((6, 4))
    table[2, 1] = bad
    with pytest.raises(ValueError, match=rf"integers in \[0, 2\]; got {bad}"):
        recall_task.world_of(table, SIZES)


def test_a_table_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"= 6 x 4 answers; got shape \(4, 6\)"):
        recall_task.world_of(np.zeros((4, 6), int), SIZES)


@pytest.mark.parametrize("field", recall_task.Sizes._fields)
def test_a_size_that_makes_no_task_is_named(field):
    for bad in (0, -1):
        sizes = SIZES._replace(**{field: bad})
        with pytest.raises(ValueError, match=f"{field} >= 1; got {field}={bad}"):
            recall_task.check(sizes, length=3)
        with pytest.raises(ValueError, match=f"{field}={bad}"):
            sample_world(sizes)
    recall_task.check(SIZES._replace(**{field: 1}), length=3)


@pytest.mark.parametrize("length", [2, 0])
def test_a_length_that_makes_no_task_is_named(length):
    with pytest.raises(ValueError, match=f"length >= 3 .*; got length={length}"):
        recall_task.check(SIZES, length)


# Sequences


@pytest.mark.parametrize("length", [3, LENGTH])
def test_a_sequence_has_one_subject_one_relation_noise_and_an_end(length):
    S, R, _, N = SIZES
    world = sample_world()
    tokens, found = sample_batch(jax.random.key(0), world, NUM_SEQUENCES, length)
    tokens = np.asarray(tokens)
    assert tokens.shape == (NUM_SEQUENCES, length)
    assert_array_equal(tokens[:, -1], S + R + N)
    kinds = np.digitize(tokens, [S, S + R, S + R + N])
    expected = [0, 1] + [2] * (length - 3) + [3]
    assert_array_equal(np.sort(kinds), np.tile(expected, (NUM_SEQUENCES, 1)))
    s, r = tokens[kinds == 0], tokens[kinds == 1] - S
    assert_array_equal(found, recall_task.answers(world)[s, r])
    noise = np.bincount(tokens[kinds == 2] - S - R, minlength=N)
    assert_follows(noise + (length == 3), np.full(N, 1 / N))


def test_places_of_subject_and_relation_are_distinct_and_uniform():
    tokens, _ = sample_batch(jax.random.key(0), sample_world(), NUM_SEQUENCES, LENGTH)
    tokens = np.asarray(tokens)
    subject = np.argmax(tokens < 6, axis=1)
    relation = np.argmax((tokens >= 6) & (tokens < 10), axis=1)
    places = LENGTH - 1
    counts = np.zeros((places, places))
    np.add.at(counts, (subject, relation), 1)
    off_diagonal = 1 - np.eye(places)
    assert_array_equal(np.diagonal(counts), 0)
    assert_follows(counts[off_diagonal > 0], np.full(20, 1 / 20))


@pytest.mark.parametrize("exponents", LAWS)
def test_facts_of_a_batch_follow_zipf(exponents):
    world = sample_world(exponents=exponents)
    tokens, _ = sample_batch(jax.random.key(2), world, NUM_SEQUENCES, LENGTH)
    tokens = np.asarray(tokens)
    s, r = tokens[tokens < 6], tokens[(tokens >= 6) & (tokens < 10)] - 6
    counts = np.zeros((6, 4))
    np.add.at(counts, (s, r), 1)
    assert_follows(counts, fact_odds(exponents))


# Draws


@pytest.mark.parametrize("exponents", LAWS)
def test_pairs_are_independent_facts(exponents):
    draw = draws(sample_world(exponents=exponents), "pairs")
    assert draw.noise.shape == (KEYS, CONTEXTS, LENGTH - 3)
    read = np.asarray(draw.subjects * 4 + draw.relations)
    assert read.shape == (KEYS, CONTEXTS, FACTS)
    counts = np.bincount(read.ravel(), minlength=24)
    assert_follows(counts, fact_odds(exponents))
    for near in ((read[:, 1:], read[:, :-1]), (read[:, :, 1:], read[:, :, :-1])):
        both = np.zeros((24, 24))
        np.add.at(both, tuple(part.ravel() for part in near), 1)
        found: Any = stats.chi2_contingency(both)
        assert found.pvalue > 1e-4


@pytest.mark.parametrize("layout", sequences.LAYOUTS)
def test_noise_is_uniform_and_the_contexts_have_their_own(layout):
    noise = np.asarray(draws(sample_world(), layout).noise)
    assert_follows(np.bincount(noise.ravel(), minlength=5), np.full(5, 1 / 5))
    for near in (noise[:, 1, 0], noise[:, 0, 1]):  # of another context, another place
        counts = np.zeros((5, 5))
        np.add.at(counts, (noise[:, 0, 0], near), 1)
        assert_follows(counts, np.full(25, 1 / 25))


def test_a_full_grid_reads_every_fact_exactly_once():
    live = SIZES._replace(subjects=CONTEXTS, relations=FACTS)
    draw = draws(recall_task.take(sample_world(), live), "grid")
    assert draw.subjects.shape == (KEYS, CONTEXTS, 1)
    assert draw.relations.shape == (KEYS, 1, FACTS)
    assert_array_equal(fact_counts(draw)[:, :CONTEXTS, :FACTS], 1)


def test_a_full_grid_of_a_thousand_subjects_reads_each_exactly_once():
    world = sample_world(recall_task.Sizes(1000, 1, 1, 1))
    found = draws(world, "grid", (1000, 1), 60).subjects[:, :, 0]
    assert_array_equal(np.sort(found), np.tile(np.arange(1000), (60, 1)))


@pytest.mark.parametrize("exponents", LAWS)
@pytest.mark.parametrize("live", [(6, 4), (4, 3), (3, 2), (1, 1)])
@pytest.mark.parametrize("layout", sequences.LAYOUTS)
def test_every_fact_has_its_own_odds(layout, live, exponents):
    live = SIZES._replace(subjects=live[0], relations=live[1])
    world = recall_task.take(sample_world(exponents=exponents), live)
    counts = fact_counts(draws(world, layout))
    expected = CONTEXTS * FACTS * fact_odds(exponents, live)
    error = np.std(counts, axis=0) / np.sqrt(KEYS)
    assert np.all(np.abs(np.mean(counts, axis=0) - expected) <= 4.5 * error + 1e-6)
    assert np.max(error) < 0.1
    if layout == "grid":  # strata: what is left to chance is one index at each end
        subjects = np.sum(counts, axis=2) / FACTS
        assert np.max(np.abs(subjects - np.sum(expected, axis=1) / FACTS)) < 2


@pytest.mark.parametrize("exponents", LAWS)
def test_dead_tokens_are_never_drawn(exponents):
    live = recall_task.Sizes(subjects=2, relations=3, answers=2, noise=2)
    world = recall_task.take(sample_world(exponents=exponents), live)
    for layout in sequences.LAYOUTS:
        draw = draws(world, layout)
        assert_array_equal(np.unique(draw.subjects), np.arange(2))
        assert_array_equal(np.unique(draw.relations), np.arange(3))
        assert_array_equal(np.unique(draw.noise), np.arange(2))
    tokens, found = sample_batch(jax.random.key(0), world, NUM_SEQUENCES, LENGTH)
    assert_array_equal(np.unique(tokens), np.arange(2 + 3 + 2 + 1))
    assert_array_equal(np.unique(found), np.unique(recall_task.answers(world)[:2, :3]))


def test_every_fact_covers_every_fact():
    world = recall_task.pad(sample_world(), *WIDE)
    draw = sequences.every_fact(jax.random.key(0), world, LENGTH)
    both = np.broadcast_arrays(draw.subjects, draw.relations)
    read = np.stack(both, axis=-1).reshape(-1, 2)
    assert_array_equal(read, list(np.ndindex(*WIDE)))
    assert draw.noise.shape == (WIDE[0], LENGTH - 3)
    assert_array_equal(np.unique(draw.noise), np.arange(5))
    assert len(np.unique(draw.noise, axis=0)) > 1


@pytest.mark.parametrize("layout", sequences.LAYOUTS)
def test_sequences_write_out_what_a_draw_means(layout):
    S, R, _, N = SIZES
    world = sample_world()
    draw = jax.tree.map(lambda leaf: leaf[0], draws(world, layout))
    expected, right = [], []
    for c in range(CONTEXTS):
        for f in range(FACTS):
            s = int(draw.subjects[c, f if layout == "pairs" else 0])
            r = int(draw.relations[c if layout == "pairs" else 0, f])
            noise = [S + R + int(v) for v in draw.noise[c]]
            expected.append([s, S + r, *noise, S + R + N])
            right.append(int(recall_task.answers(world)[s, r]))
    found = sequences.written_out(draw, world)
    assert_array_equal(found.tokens, expected)
    assert_array_equal(found.answers, right)
