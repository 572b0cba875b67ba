"""Geometries by name: nested, with the moments they claim; wrong names are refused."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall import embeddings
from recall.data import geometries, tensors
from recall.memories import linear
from recall.sweeps import memory_search

WORDS = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32) + 1
NAMES = ("power_law:1", "shared_mean:0.5", "low_rank:2", "mixture:3:0.5", "unit:minilm")


@pytest.fixture(autouse=True)
def a_model_of_forty_words(monkeypatch):
    geometries.geometry.cache_clear()

    def installed(name):
        return tensors.Installed(name, "words", name)

    monkeypatch.setattr(tensors, "installed", installed)
    monkeypatch.setattr(tensors, "read", lambda path, tensor: WORDS)
    yield
    geometries.geometry.cache_clear()
    geometries._cut.cache_clear()


def draw(name, n, d, seed=0):
    return np.asarray(geometries.sampler(name)(jax.random.key(seed), n, d), float)


@pytest.mark.parametrize("name", NAMES)
def test_a_smaller_draw_is_the_start_of_a_larger_one(name):
    larger = draw(name, 30, 4)
    assert_array_equal(draw(name, 7, 4), larger[:7])
    assert len(np.unique(larger, axis=0)) == 30
    assert np.any(larger != draw(name, 30, 4, seed=1))


def test_plain_names_are_the_samplers():
    for name, sampler in embeddings.SAMPLERS.items():
        assert geometries.sampler(name) is sampler


def test_coordinates_fall_as_the_power_law_says():
    points = draw("power_law:1.5", 20_000, 4)
    variance = np.arange(1, 5) ** -1.5
    assert_allclose(np.mean(points**2, axis=0), variance / variance.sum(), rtol=0.05)
    assert_allclose(
        np.linalg.norm(draw("unit:power_law:1", 9, 4), axis=1), 1, rtol=1e-5
    )


def test_points_share_the_mean_that_is_asked_for():
    points = draw("shared_mean:0.6", 20_000, 4)
    assert_allclose(np.linalg.norm(points.mean(axis=0)), 0.6, rtol=0.02)
    assert_allclose(np.mean(np.sum(points**2, axis=1)), 1.0, rtol=0.02)
    with_itself = points @ points[:1].mean(axis=0)
    assert_allclose(with_itself.mean(), points[0] @ np.full(4, 0.3), atol=0.02)


def test_low_ranks_leave_the_floor_to_the_other_coordinates():
    assert not draw("low_rank:2", 9, 4)[:, 2:].any()
    power = np.mean(draw("low_rank:2:0.2", 20_000, 4) ** 2, axis=0)
    assert_allclose(power, [0.45, 0.45, 0.05, 0.05], rtol=0.05)


def test_points_of_a_mixture_lie_around_as_many_centres():
    points = draw("mixture:3:0.99", 60, 64)
    near = points @ points.T > 0.8
    assert len(np.unique(near, axis=0)) == 3
    assert np.unique(near, axis=0).sum() == 60


def test_rows_of_a_table_come_once_each_cut_and_scaled():
    points = draw("minilm", 40, 3)
    assert_allclose(np.mean(np.sum(points**2, axis=1)), 1.0, rtol=1e-5)
    scale = np.sqrt(np.mean(np.sum(WORDS[:, :3] ** 2, axis=1)))
    order = [np.argmin(np.abs(WORDS[:, 0] / scale - x)) for x in points[:, 0]]
    assert_allclose(points, WORDS[order, :3] / scale, rtol=1e-4)
    assert sorted(order) == list(range(40))
    assert_allclose(draw("centred:file:a:b", 40, 3).mean(axis=0), 0, atol=1e-6)
    assert geometries.num_points("unit:centred:minilm") == 40
    assert geometries.num_points("sphere>minilm") == 40
    with pytest.raises(ValueError, match="at most 40 points of a table; got 41"):
        draw("minilm", 41, 3)


def test_a_pair_is_of_inputs_and_of_outputs():
    both = memory_search.draw_facts(0, "low_rank:1>sphere", 4, 5)
    alike = memory_search.draw_facts(0, "sphere", 4, 5)
    assert not np.asarray(both.inputs)[:, 1:].any()
    assert_array_equal(both.outputs, alike.outputs)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cube", r"embedding in \['gaussian', .*'power_law:EXPONENT'.*; got 'cube'"),
        ("power_law", "got 'power_law'"),
        ("power_law:1:2", "got 'power_law:1:2'"),
        ("power_law:-1", r"exponent of .* to be a number >= 0 and <= 8; got '-1'"),
        ("shared_mean:1.5", r"mean of .* >= 0 and <= 1; got '1.5'"),
        ("shared_mean:nan", r"mean of .*; got 'nan'"),
        ("low_rank:2.5", r"rank of .* an integer >= 1; got '2.5'"),
        ("mixture:0:0.5", r"centres of .* >= 1; got '0'"),
        ("unit:", "got 'unit:'"),
        ("centred:sphere", "got 'sphere'"),
        ("file:words", "got 'file:words'"),
        ("sphere>sphere", "got 'sphere>sphere'"),
    ],
)
def test_a_name_of_nothing_is_refused(name, says):
    with pytest.raises(ValueError, match=says):
        geometries.sampler(name)


@pytest.mark.parametrize(
    ("name", "d", "says"),
    [
        ("low_rank:8", 4, r"8 <= d for embedding='low_rank:8'; got d=4"),
        ("sphere>minilm", 7, r"1 <= d <= 6 for .*; got d=7"),
    ],
)
def test_embeddings_that_do_not_exist_at_a_width_are_refused(name, d, says):
    geometries.check(name, 6 if "minilm" in name else 8)
    with pytest.raises(ValueError, match=says):
        geometries.check(name, d)


def test_a_whitened_memory_does_not_see_linear_maps_and_others_do():
    """C_u^-1 (sum u e^T) C_e^-1 of A e, B u is B^-T W A^-1: the scores are the same."""
    facts = memory_search.draw_facts(0, "gaussian", 4, 9)
    A = np.diag([1.0, 0.5, 2.0, 1.5]).astype(np.float32)
    bent = facts._replace(inputs=facts.inputs @ A, outputs=facts.outputs @ A)

    def scores(facts, store):
        return linear.apply(store(facts), facts.inputs) @ facts.outputs.T

    before, after = (scores(f, linear.whitened) for f in (facts, bent))
    assert_allclose(before, after, rtol=1e-3, atol=1e-4)
    before, after = (scores(f, linear.outer_product) for f in (facts, bent))
    assert np.max(np.abs(before - after)) > 0.1


def test_a_centred_memory_is_the_covariance_of_live_facts():
    facts = memory_search.draw_facts(0, "shared_mean:0.7", 4, 9)
    E, U = np.asarray(facts.inputs[:6]), np.asarray(facts.outputs[:6])
    expected = (U - U.mean(axis=0)).T @ (E - E.mean(axis=0))
    live = facts._replace(n=facts.n - 3, num_outputs=facts.num_outputs - 3)
    assert_allclose(linear.centred(live).W, expected, atol=1e-5)
