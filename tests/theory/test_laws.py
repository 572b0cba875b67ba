"""Closed formulas against hand-computed values, tables, and their own inverses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_less
from scipy import integrate, special

from recall.theory import laws


@pytest.mark.parametrize("n", [2.0, np.e, 10.0, 1000.0, 1e6])
@pytest.mark.parametrize("constant", [0.35, 1.3, 8.0])
def test_facts_at_solves_the_law(n, constant):
    x = constant * n * np.log(n)
    assert_allclose(laws.facts_at(x, constant), n, rtol=1e-12)
    assert_allclose(laws.constant_at(x, n), constant, rtol=1e-12)


def test_facts_at_is_total_and_increasing():
    x = np.array([-5.0, 0.0, 1e-9, 0.1, 1.0, 10.0, 1e3, 1e9, 1e15])
    facts = laws.facts_at(x, 1.3)
    assert_allclose(facts[:2], 1.0)
    assert np.all(np.diff(facts[1:]) > 0)


def test_constant_at_says_nothing_of_one_fact():
    assert_allclose(laws.constant_at(64.0, [0, 1, np.e]), [np.nan, np.nan, 64 / np.e])


def test_hand_computed_laws():
    # d = 64: 4096 = 8 * 109.11 ln 109.11 = 2 * 350.1 ln 350.1 (tables: 109, 350).
    assert_allclose(laws.outer_product_law(64, 1.0), 109.1, atol=0.05)
    assert_allclose(laws.linear_optimum([32, 64, 128]), [109, 350, 1161], atol=0.5)
    # N = e^2: sqrt(2 ln N) = 2, so d^2 = (2 + 2.3263)^2 e^2 at 99 %.
    d = 4.32635 * np.e
    assert_allclose(laws.outer_product_law(d, 0.99), np.exp(2), rtol=1e-5)
    # md = 120 stores 100 facts with 32 outputs: 1.2 md, no logarithm.
    assert_allclose(laws.law_facts(laws.MLP_FIXED_OUTPUTS, 120.0), 100.0)
    assert_allclose(laws.law_constant(120.0, 100.0, logarithmic=False), 1.2)


def test_outer_product_facts_at_99_percent_match_the_table():
    facts = laws.outer_product_facts([64, 128, 256, 512], 0.99)
    assert_allclose(facts, [91, 395, 1597, 6191], atol=0.6)


def test_outer_product_accuracy_is_its_integral():
    n, d = 395.0, 128.0
    s1, s2 = np.sqrt((n - 1) / d**2), np.sqrt((n - 2) / d**2 + 2 / d)

    def integrand(g):
        hit = special.ndtr((1 + s1 * g) / s2) ** (n - 1)
        return np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi) * hit

    expected, _ = integrate.quad(integrand, -12, 12, limit=200)
    assert_allclose(laws.outer_product_accuracy(n, d), expected, atol=1e-8)


def test_outer_product_accuracy_of_one_and_of_too_many_facts():
    accuracy = laws.outer_product_accuracy([1, 2, 100, 1e4, 1e7], 64)
    assert accuracy[0] == 1.0
    assert np.all(np.diff(accuracy) < 0)
    assert accuracy[-1] < 1e-3


@pytest.mark.parametrize("threshold", [0.5, 0.9, 0.99])
def test_outer_product_facts_invert_the_accuracy(threshold):
    d = np.array([128.0, 256.0, 512.0])
    n = laws.outer_product_facts(d, threshold)
    assert_allclose(laws.outer_product_accuracy(n, d), threshold, rtol=1e-6)


def test_all_facts_are_recalled_in_half_of_the_draws():
    n = laws.outer_product_facts(256, 1.0)
    miss = 1 - laws.outer_product_accuracy(n, 256)
    assert_allclose(n * miss, np.log(2), rtol=1e-6)


def test_thresholds_agree_below_a_hundred_facts_and_order_above():
    assert laws.outer_product_facts(32, 0.99) == laws.outer_product_facts(32, 1.0)
    assert_array_less(
        laws.outer_product_facts([128, 256, 512], 1.0),
        laws.outer_product_facts([128, 256, 512], 0.99),
    )


def test_outer_product_facts_approach_their_asymptotic_law():
    d = 2.0 ** np.array([14, 20, 26])
    ratio = laws.outer_product_facts(d, 1.0) / laws.outer_product_law(d, 1.0)
    assert_allclose(ratio, 1.0, atol=0.11)
    assert np.all(np.diff(np.abs(ratio - 1)) < 0)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01])
def test_outer_product_facts_reject_a_threshold_by_name(threshold):
    with pytest.raises(ValueError, match=f"threshold={threshold}"):
        laws.outer_product_facts(64, threshold)


def test_low_rank_energy_matches_the_table():
    rho = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0]
    expected = [0.0, 0.172, 0.314, 0.623, 0.894, 0.987, 1.0]
    assert_allclose(laws.low_rank_energy(rho), expected, atol=6e-4)


def test_low_rank_energy_is_that_of_a_gaussian_matrix():
    spectrum = np.linalg.svd(
        np.random.default_rng(0).normal(size=(400, 400)), compute_uv=False
    )
    energy = np.cumsum(spectrum**2) / np.sum(spectrum**2)
    assert_allclose(laws.low_rank_energy([0.1, 0.5]), energy[[39, 199]], atol=0.01)


def test_low_rank_law_at_full_rank_is_the_law_and_at_low_rank_twice_as_dense():
    assert_allclose(laws.low_rank_law(1.0).constant, 2.0)
    # f(rho) -> 4 rho: x = (2 rho / f) N ln N -> N ln N / 2 for one factor.
    assert_allclose(laws.low_rank_law(1e-6).constant, 0.5, rtol=1e-3)


def test_truncation_lowers_outer_product_facts():
    energy = laws.low_rank_energy([0.25, 0.5, 1.0])
    facts = laws.outer_product_facts(128, 0.99, energy)
    assert np.all(np.diff(facts) > 0)
    assert_allclose(facts[-1], laws.outer_product_facts(128, 0.99))


def test_bits():
    assert_allclose(laws.bits(8, 32), 40.0)
    assert_allclose(laws.bits([1, 2, 8]), [0.0, 2.0, 24.0])


@pytest.mark.parametrize(
    ("arguments", "law"),
    [
        (("mlp", None, 0.99), laws.MLP_TRAINED),
        (("mlp", 32, 0.99), laws.MLP_FIXED_OUTPUTS),
        (("mlp", 7, 0.99), None),
        (("linear", None, 0.99), laws.LINEAR_TRAINED),
        (("linear", None, 1.0), laws.LINEAR_OPTIMUM),
        (("linear", 32, 0.99), None),
        (("outer_product", None, 0.99), None),
    ],
)
def test_trained_law(arguments, law):
    assert laws.trained_law(*arguments) == law
