"""Weights that store all facts, or a proof that none do: against an exact solver."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from recall import embeddings, facts, readout
from recall.memories import linear
from recall.solvers import certificates, separation

QUICK = separation.Solver(cycles=6, steps=256, check_every=32)


def random_facts(n, d, seed=0, num_outputs=None, q=None):
    key_in, key_out = jax.random.split(jax.random.key(seed))
    inputs = embeddings.sphere(key_in, n, q or d)
    outputs = embeddings.sphere(key_out, num_outputs or n, d)
    return facts.of(inputs, outputs, jnp.arange(n) % outputs.shape[0])


def differences(stored):
    """Every A_xy as a row of numbers, in float64: the constraints, written out."""
    E, U = (np.asarray(x, np.float64) for x in (stored.inputs, stored.outputs))
    rows = []
    for x in range(int(stored.n)):
        own = int(stored.targets[x])
        for y in range(int(stored.num_outputs)):
            if y != own:
                rows.append(np.outer(U[own] - U[y], E[x]).ravel())
    return np.array(rows)


def is_separable(stored):
    """By linear programming: the largest t with <W, A> >= t and entries of W <= 1."""
    A = differences(stored)
    size = A.shape[1]
    found = optimize.linprog(
        np.append(np.zeros(size), -1.0),
        A_ub=np.hstack([-A, np.ones((len(A), 1))]),
        b_ub=np.zeros(len(A)),
        bounds=[(-1, 1)] * size + [(None, 1)],
    )
    assert found.status == 0
    return -found.fun > 1e-7


@pytest.mark.parametrize("d", [3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_the_verdict_is_that_of_linear_programming(d, seed):
    drawn = random_facts(3 * d + 8, d, seed)
    verdicts = []
    for n in range(d, 3 * d + 8):
        some = facts.take(drawn, jnp.int32(n))
        verdict = separation.separate(some, QUICK).verdict
        verdicts.append(verdict)
        if verdict != "undecided":
            assert (verdict == "stored") == is_separable(some)
    assert verdicts.count("undecided") <= 1
    assert {"stored", "impossible"} <= set(verdicts)


def test_shared_outputs_and_wide_features_are_decided_too():
    shared = random_facts(40, 4, num_outputs=6)
    for n in (8, 40):
        some = facts.take(shared, jnp.int32(n))
        found = separation.separate(some, QUICK)
        assert (found.verdict == "stored") == is_separable(some)
    wide = random_facts(12, 4, q=9)
    found = separation.separate(wide, QUICK)
    assert found.params.W.shape == (4, 9)
    assert found.stored
    assert is_separable(wide)


def test_weights_store_the_facts_that_they_are_said_to():
    some = facts.take(random_facts(40, 4), jnp.int32(7))
    found = separation.separate(some, QUICK)
    assert found.verdict == "stored"
    recalled = linear.apply(found.params, some.inputs)
    assert int(readout.num_correct(recalled, some)) == 7
    least = (differences(some) @ np.asarray(found.params.W, np.float64).ravel()).min()
    norm = np.linalg.norm(np.asarray(found.params.W, np.float64))
    np.testing.assert_allclose(found.margin, least / norm, rtol=1e-6)


def test_no_weights_have_a_larger_margin_than_a_proof_allows():
    some = random_facts(40, 4)
    found = separation.separate(some, QUICK)
    assert found.verdict == "impossible"
    assert found.infeasibility < separation.PROOF
    A = differences(some)
    W = np.random.default_rng(0).normal(size=(1000, A.shape[1]))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    assert (W @ A.T).min(axis=1).max() < found.infeasibility


def test_margins_and_proofs_are_what_their_definitions_say():
    some = random_facts(7, 3, num_outputs=5)
    E, U = (np.asarray(x, np.float64) for x in (some.inputs, some.outputs))
    targets = np.asarray(some.targets)
    W, C = np.random.default_rng(1).normal(size=(2, 3, 3))
    A = differences(some).reshape(7, 4, 3, 3)
    inner = np.einsum("xyab,ab->xy", A, W)
    np.testing.assert_allclose(
        certificates.margins(W, E, U, targets), inner.min(1), rtol=1e-12
    )
    odds = np.exp(-inner)  # of wrong answers, against the right one
    p = odds / (1 + odds.sum(1, keepdims=True))
    factor = 1 + np.einsum("xyab,ab->xy", A, 0.1 * C)
    assert factor.min() > 0
    sums = [np.einsum("xy,xyab->ab", q, A) / q.sum() for q in (p, p * factor)]
    expected = min(map(np.linalg.norm, sums))
    found = certificates.infeasibility(W, 0.1 * C, E, U, targets)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    plain = certificates.infeasibility(W, 100 * C, E, U, targets)  # a negative weight
    np.testing.assert_allclose(plain, np.linalg.norm(sums[0]), rtol=1e-10)


def test_the_correction_sharpens_a_proof():
    some = random_facts(40, 4)
    rough = separation.Solver(cycles=2, steps=128, corrections=0)
    mended = separation.Solver(cycles=2, steps=128, corrections=64)
    before, after = (separation.separate(some, s) for s in (rough, mended))
    assert after.infeasibility < 0.1 * before.infeasibility


def test_padded_facts_are_decided_as_cut_ones_in_one_compilation():
    drawn = random_facts(40, 4)
    padded = facts.pad(drawn, 48, 50, 4)
    solve: Any = separation._solve
    before = solve._cache_size()
    for n in (5, 7, 40):
        wide = separation.separate(facts.take(padded, jnp.int32(n)), QUICK)
        assert wide.verdict == ("impossible" if n == 40 else "stored")
        scores = wide.params.W @ padded.inputs.T
        assert not np.isnan(np.asarray(scores)).any()
    assert solve._cache_size() == before + 1
    cut = separation.separate(drawn, QUICK)
    assert cut.verdict == "impossible"
    np.testing.assert_allclose(wide.margin, cut.margin, rtol=1e-2)


def test_one_output_leaves_nothing_to_confuse():
    found = separation.separate(random_facts(3, 2, num_outputs=1), QUICK)
    assert found.verdict == "stored"
