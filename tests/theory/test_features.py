"""Laws of constructed MLP memories against tables, limits and measurement."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from recall.theory import features, laws


def test_moments_are_the_tables():
    assert_allclose([features.fourth_moment(k) for k in range(4)], [1, 3, 15, 93])
    assert_allclose(features.odd_factorial([0, 1, 2, 3]), [1, 3, 15, 105])


def test_a_budget_by_hand():
    budget = features.hermite_budget(250, 512, 64, 1, 1.0, 3.0)
    expected = [250 / 256 / 64, 250 * 3 / 64**3, 3 / 256, 1 / 64 + 3 / 64**2]
    assert_allclose(budget, expected, rtol=1e-12)


def test_degree_zero_at_any_width_is_the_outer_product():
    wide = features.hermite_facts(1e9, [64, 128, 256], 0)
    assert_allclose(wide, laws.outer_product_facts([64, 128, 256], 0.99), rtol=0.02)
    assert_allclose(
        features.kernel_ceiling(64, 0), laws.outer_product_law(64, 1.0), rtol=1e-9
    )


@pytest.mark.parametrize("threshold", [0.99, 1.0])
def test_laws_grow_with_the_width_and_a_degree_pays_once_it_is_wide(threshold):
    m = 2.0 ** np.array([7, 11, 13, 17])
    facts = np.stack([features.hermite_facts(m, 64, k, threshold) for k in range(4)])
    assert np.all(np.diff(facts, axis=1) > 0)
    assert np.argmax(facts, axis=0).tolist() == [0, 1, 2, 3]
    assert np.all(np.diff(features.sign_gate_facts(m, 64, threshold)) > 0)


def test_ceilings_bracket_what_was_measured_at_infinite_width():
    # d = 24: 22, 121 and 582 facts at 99 %, k = 0, 1, 2.
    low = [features.kernel_ceiling(24, k, 1.0) for k in range(3)]
    high = [features.kernel_ceiling(24, k, 0.99) for k in range(3)]
    measured = [22, 121, 582]
    assert np.all(np.array(low) < np.array(measured) * 1.05)
    assert np.all(np.array(high) > measured)


def test_laws_are_within_a_third_of_measurement():
    # Medians of 25 and of 5 seeds of `mlp_construction`, at 99 %.
    gates = features.sign_gate_facts([65, 130, 260, 520], 64)
    assert_allclose(gates, [125, 227, 405, 722], rtol=0.31)
    readout = features.feature_facts([32, 64, 128, 256], 32, 0.99)
    assert_allclose(readout, [52, 111, 217, 446], rtol=0.16)


def test_features_by_hand():
    nats = 8 * np.log(512)
    assert_allclose(features.feature_fraction(512, 32), nats / (32 + nats))
    assert_allclose(features.feature_fraction(512, 32), 0.61, atol=0.005)
    assert_allclose(features.feature_fraction(1024, 64), 0.46, atol=0.005)


def test_features_at_finite_size_approach_their_asymptotic_law():
    m, d = 2.0**15, 2.0**14
    n = features.feature_facts(m, d)
    assert_allclose(m / n, features.feature_fraction(n, d), rtol=0.25)
    assert features.feature_facts(64, 32, 0.99) > features.feature_facts(64, 32) > 64


def test_a_threshold_is_refused_by_name():
    with pytest.raises(ValueError, match=r"threshold <= 1; got threshold=1\.5"):
        features.hermite_facts(64, 16, 1, 1.5)
