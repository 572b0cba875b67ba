"""Bounds against brute force, tables and their own inverses."""

import collections
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize

from recall.theory import bounds, laws


def test_zipf_is_a_distribution_whose_odds_fall_by_its_exponent():
    p = bounds.zipf(100, 2.0)
    assert_allclose(p.sum(), 1.0)
    assert_allclose(p[0] / p[9], 100.0)


@pytest.mark.parametrize("num_bits", [0.0, 1.0, 3.7, 8.0, 100.0])
def test_the_greedy_bound_is_the_linear_programme(num_bits):
    p = np.random.default_rng(0).dirichlet(np.ones(7))
    most = np.log(5)
    found = optimize.linprog(
        -p, A_ub=[np.ones(7)], b_ub=[num_bits * np.log(2)], bounds=[(0, most)] * 7
    )
    assert_allclose(
        bounds.cross_entropy(p, 5, num_bits), most + found.fun, rtol=1e-9, atol=1e-12
    )


def slope_of(num_facts, exponent):
    p, B = bounds.zipf(num_facts, exponent), np.geomspace(1e2, 1e4, 20)
    return np.polyfit(np.log(B), np.log(bounds.cross_entropy(p, 8, B)), 1)[0]


@pytest.mark.parametrize(
    ("exponent", "slope"), [(1.5, -0.54), (2.0, -1.0), (3.0, -1.99)]
)
def test_loss_falls_with_bits_by_the_exponent_of_the_odds(exponent, slope):
    assert_allclose(slope_of(10**5, exponent), slope, atol=0.01)


def test_the_tail_of_finitely_many_facts_steepens_the_fall_of_the_loss():
    found = np.array([slope_of(n, 1.5) for n in (10**4, 10**5, 10**6)])
    assert np.all(np.diff(np.abs(found + 0.5)) < 0)
    assert_allclose(found[-1], -0.5, atol=0.015)


def loss_of(stored, facts, p):
    """Least cross-entropy of who sees only what is stored of equally likely facts."""
    loss = 0.0
    for value in range(4):
        held = [f for f, kept in zip(facts, stored, strict=True) if kept == value]
        if held:
            q = np.clip(np.mean(held, axis=0), 1e-12, 1 - 1e-12)
            entropy = -q * np.log(q) - (1 - q) * np.log(1 - q)
            loss += len(held) / len(facts) * float(p @ entropy)
    return loss


def test_no_memory_of_two_bits_beats_the_bound():
    """All maps from memories of 4 values, over 3 facts of 2 answers, by exhaustion."""
    p, facts = np.array([0.6, 0.3, 0.1]), list(itertools.product((0, 1), repeat=3))
    best = min(
        loss_of(stored, facts, p) for stored in itertools.product(range(4), repeat=8)
    )
    assert_allclose(best, bounds.cross_entropy(p, 2, 2.0))  # to store two facts


def test_bits_of_permutations_and_recall_tasks():
    assert_allclose(bounds.injective_bits([1, 2, 5]), np.log2([1, 2, 120]), atol=1e-12)
    assert_allclose(bounds.recall_bits(32, 32, 8), 3 * 1024)
    wide = bounds.recall_bits(32, 4, 2, vocabulary=24)  # blocks of 6 tokens
    assert_allclose(wide, 32 * 4 + 4 * np.log2(15))


@pytest.mark.parametrize(("S", "D", "block"), [(2, 2, 4), (3, 2, 5), (3, 3, 5)])
def test_bits_of_a_recall_task_are_the_entropy_of_its_draws(S, D, block):
    odds = collections.Counter()
    for tokens in itertools.combinations(range(block), D):
        odds.update(itertools.product(tokens, repeat=S))
    p = np.array(list(odds.values())) / odds.total()
    assert_allclose(bounds.recall_bits(S, 1, D, block), -p @ np.log2(p))
    twice = bounds.recall_bits([S, S], [1, 2], D, [block, 2 * block])
    assert_allclose(twice[1], 2 * twice[0])


@pytest.mark.parametrize("vocabulary", [7, 33])
def test_recall_bits_reject_a_vocabulary_without_whole_blocks(vocabulary):
    with pytest.raises(ValueError, match=f"vocabulary={vocabulary}"):
        bounds.recall_bits(32, 4, 2, vocabulary)


def test_parameters_hold_the_bits():
    assert_allclose(bounds.parameters([16.0, 17.0], 8), [2, 3])


def test_facts_that_bits_hold_are_the_inverse_of_bits():
    n = np.array([2.0, 10.0, 1000.0])
    assert_allclose(bounds.most_facts(bounds.injective_bits(n)), n, rtol=1e-9)
    assert_allclose(bounds.most_facts(laws.bits(n, 8), 8), n)


def test_the_tail_average_margin_has_its_published_values():
    loads = bounds._load(np.array([0.1, 0.05, 0.01, 1e-3, 1e-4]))
    assert_allclose(loads, [0.2458, 0.1905, 0.1234, 0.0811, 0.0600], atol=6e-5)
    facts = bounds.tail_average_facts([32, 64, 128, 256, 512])
    assert_allclose(facts, [121, 387, 1280, 4343, 15029], rtol=0.005)


def test_the_ladder_of_laws_has_the_bits_that_their_constants_mean():
    bits = {rung.name.split(",")[0]: rung.bits for rung in bounds.LADDER}
    assert_allclose(bits["outer product"], 0.18, atol=0.005)
    assert_allclose(bits["best linear"], 0.72, atol=0.005)
    assert_allclose(bits["best low rank"], 1.44, atol=0.01)
    assert_allclose(bits["trained linear"], 1.11, atol=0.005)
    assert_allclose(bits["trained MLP"], 2.06, atol=0.005)
