"""Worlds of given facts: shared answers, missing pairs, nothing else is different."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_facts import TRIPLES

from recall.data import fact_tables, recall_task, sequences
from recall.models import population, stages, transformer

TABLE = fact_tables.of(TRIPLES)
WORLD = recall_task.world_of_ids(TABLE.ids, len(TABLE.answers), noise=5)
assert WORLD.given is not None
PAIRS = WORLD.given.pairs
P = len(TRIPLES)


def test_counts_are_those_of_the_table():
    assert recall_task.num_facts(WORLD) == P
    assert int(recall_task.num_outputs(WORLD)) == len(TABLE.answers)
    np.testing.assert_array_equal(
        recall_task.live_facts(WORLD), np.array(TABLE.ids) >= 0
    )
    found = np.asarray(recall_task.answers(WORLD))[tuple(np.asarray(PAIRS).T)]
    ids = [a for row in TABLE.ids for a in row if a >= 0]
    np.testing.assert_array_equal(found, ids)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([[-1, -1]], "with facts"),
        ([[0, 3]], r"in \[-1, 2\]; got 3"),
        ([[0, -2]], r"in \[-1, 2\]; got -2"),
        ([0, 1], "with facts"),
    ],
)
def test_a_table_that_makes_no_world_is_refused(ids, words):
    with pytest.raises(ValueError, match=words):
        recall_task.world_of_ids(ids, 3, noise=1)


def test_a_step_reads_every_fact_once_and_no_pair_without_one():
    draw = sequences.sample_draw(jax.random.key(0), WORLD, P // 4, 4, 8)
    s, r = (np.asarray(x).ravel() for x in (draw.subjects, draw.relations))
    assert sorted(zip(s, r, strict=True)) == sorted(map(tuple, PAIRS))
    pairs = sequences.sample_draw(jax.random.key(1), WORLD, 64, 4, 8, "pairs")
    assert np.all(recall_task.live_facts(WORLD)[pairs.subjects, pairs.relations])


def test_padding_changes_no_fact():
    wide = recall_task.pad(WORLD, 9, 4)
    assert recall_task.num_facts(wide) == P
    live = np.asarray(recall_task.live_facts(wide))
    np.testing.assert_array_equal(live[:6, :3], recall_task.live_facts(WORLD))
    assert live.sum() == P
    found = recall_task.answers(wide)[:6, :3]
    np.testing.assert_array_equal(found, recall_task.answers(WORLD))


def test_a_world_of_all_pairs_in_blocks_is_the_synthetic_one():
    sizes = recall_task.Sizes(subjects=6, relations=3, answers=4, noise=5)
    plain = recall_task.sample_world(jax.random.key(0), sizes)
    given = recall_task.world_of_ids(recall_task.answers(plain), 12, noise=5)
    chex.assert_trees_all_equal(recall_task.answers(plain), recall_task.answers(given))
    np.testing.assert_array_equal(recall_task.pairs(plain), recall_task.pairs(given))
    d = 8
    sampler = lambda key, n, d: jax.random.normal(key, (n, d))  # noqa: E731
    tokens = transformer.draw_embeddings(jax.random.key(1), sampler, sizes, d)
    params = transformer.init(jax.random.key(2), d, 2, 4, 8)
    draw = sequences.every_fact(jax.random.key(3), plain, length=8)
    losses = [
        population.loss(params, tokens, world, draw, transformer.Architecture(), 4)
        for world in (plain, given)
    ]
    chex.assert_trees_all_equal(*losses)
    p = [stages.answers_of_relations(world, 12) for world in (plain, given)]
    chex.assert_trees_all_close(*p, rtol=1e-6)


def test_entropy_and_odds_are_those_of_the_table():
    num_answers = len(TABLE.answers)
    nats = fact_tables.size(TABLE).entropy / P * np.log(2)
    found = float(stages.entropy(WORLD, num_answers))
    assert found == pytest.approx(nats, rel=1e-5)
    p = np.asarray(stages.answers_of_relations(WORLD, num_answers))
    for r, answers in enumerate(fact_tables.frequencies(TABLE)):
        total = sum(count for _, count in answers)
        for name, count in answers:
            share = p[r, TABLE.answers.index(name)]
            assert share == pytest.approx(count / total)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)


def test_the_relation_loss_counts_the_answers_that_the_relation_has():
    num_answers = len(TABLE.answers)
    s, r = np.asarray(PAIRS).T[:, None, :]
    given = stages.answers_of_relations(WORLD, num_answers)
    logits = jnp.log(given)[r]  # p(a | r), whatever the subject
    weights = jnp.full((1, P), 1 / P)
    found = stages.measure(logits, WORLD, jnp.asarray(s), jnp.asarray(r), weights)
    assert float(found.relation_loss) == pytest.approx(0, abs=1e-6)
    assert float(found.distance) == pytest.approx(0, abs=1e-6)
    entropy = float(stages.entropy(WORLD, num_answers))
    assert float(found.loss) == pytest.approx(entropy, rel=1e-5)
    assert np.isnan(found.subject_loss)
