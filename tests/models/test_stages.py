"""Stage losses and the distance to p(a | r), by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall.data import recall_task
from recall.models import stages

SIZES = recall_task.Sizes(subjects=4, relations=2, answers=2, noise=1)
TABLE = [[0, 0], [0, 1], [1, 1], [0, 1]]  # p(a | r): 3/4, 1/4; then 1/4, 3/4
P = np.array([[0.75, 0.25, 0, 0], [0, 0, 0.25, 0.75]])
measure = jax.jit(stages.measure)


def asked(world=None):
    """All facts of the table: logits are to be [1, 8, 4]."""
    subjects, relations = np.divmod(np.arange(8), 2)
    world = recall_task.world_of(TABLE, SIZES) if world is None else world
    return world, subjects[None], relations[None], jnp.full((1, 8), 1 / 8)


def test_a_model_that_knows_nothing_has_the_logarithms_of_counts():
    found = measure(jnp.zeros((1, 8, 4)), *asked())
    assert found.loss == pytest.approx(np.log(4))
    assert found.relation_loss == pytest.approx(np.log(2))
    assert found.subject_loss == pytest.approx(np.log(2))
    assert found.distance == pytest.approx(0.5)  # 3/4 less 1/4


def test_a_model_that_predicts_p_of_answers_given_the_relation_is_at_distance_zero():
    world, s, r, weights = asked()
    found = measure(jnp.log(P[r] + 1e-30), world, s, r, weights)
    entropy = float(stages.entropy(world, 4))
    assert entropy == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    assert found.loss == pytest.approx(entropy, rel=1e-5)
    assert found.relation_loss == pytest.approx(0, abs=1e-6)
    assert found.distance == pytest.approx(0, abs=1e-6)
    assert found.accuracy == pytest.approx(0.75)


def test_a_model_that_knows_all_has_no_loss_and_the_index_alone_half_of_it():
    world, s, r, weights = asked()
    right = np.array(TABLE)[s, r] + 2 * r
    knows = measure(50.0 * (np.arange(4) == right[:, :, None]), world, s, r, weights)
    assert max(knows[:3]) < 1e-6
    assert knows.accuracy == 1
    assert knows.distance == pytest.approx((0.25 * 6 + 0.75 * 2) / 8)
    index = 50.0 * (np.arange(4) % 2 == right[:, :, None] % 2)
    knows = measure(index, world, s, r, weights)
    assert knows.subject_loss < 1e-6
    assert knows.loss == pytest.approx(np.log(2))
    assert knows.relation_loss == pytest.approx(np.log(2))


def test_the_loss_of_training_is_the_loss_of_checks():
    world, s, r, weights = asked()
    logits = jax.random.normal(jax.random.key(0), (1, 8, 4))
    where = world, jnp.array(s), jnp.array(r), weights
    trained = float(stages.cross_entropy(logits, *where))
    assert trained == pytest.approx(float(measure(logits, world, s, r, weights).loss))


def test_answers_and_facts_that_there_are_not_count_for_nothing():
    world, s, r, weights = asked()
    logits = jax.random.normal(jax.random.key(0), (1, 8, 4))
    wide = jnp.pad(logits, ((0, 0), (0, 0), (0, 3)), constant_values=9.0)
    padded = recall_task.pad(world, 6, 3)
    mine = measure(wide, padded, s, r, weights)
    theirs = measure(logits, world, s, r, weights)
    np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    entropies = stages.entropy(padded, 7), stages.entropy(world, 4)
    assert entropies[0] == pytest.approx(float(entropies[1]))


def test_structured_answers_are_balanced():
    sizes = recall_task.Sizes(subjects=16, relations=4, answers=8, noise=1)
    world = recall_task.sample_world(jax.random.key(0), sizes, structured=True)
    assert stages.entropy(world, 32) == pytest.approx(np.log(8))
