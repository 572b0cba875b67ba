"""Brackets of three verdicts against an oracle; features are what weights multiply."""

import configs_made
import jax
import numpy as np
import pytest

from recall import readout
from recall.experiments.separability import features as fixed_features
from recall.experiments.separability import measure as separability
from recall.memories import gated
from recall.solvers import separation

SOLVER = separation.Solver(cycles=6, steps=256, check_every=32)


def search(oracle, first=50, limit=10**4, resolution=0.0):
    """Probes until both ends are known; returns what is known, and the probes."""
    known, sizes = separability.Known(), []
    while (n := separability.next_size(known, first, limit, resolution)) is not None:
        assert 1 <= n <= limit
        assert n not in sizes
        sizes.append(n)
        known = separability.learn(known, n, oracle(n))
    return known, sizes


def oracle_of(capacity, undecided=0):
    def verdict(n):
        if n <= capacity:
            return "stored"
        return "undecided" if n <= capacity + undecided else "impossible"

    return verdict


@pytest.mark.parametrize("capacity", [1, 2, 7, 49, 50, 51, 63, 200, 999])
@pytest.mark.parametrize("undecided", [0, 1, 5])
def test_both_ends_are_found_whatever_was_expected(capacity, undecided):
    known, sizes = search(oracle_of(capacity, undecided))
    assert known.stored == capacity
    assert known.impossible == capacity + undecided + 1
    assert all(capacity < n <= capacity + undecided for n in known.undecided)
    assert len(sizes) < 130


@pytest.mark.parametrize("capacity", [95, 100, 105])
def test_a_capacity_that_was_expected_takes_few_probes(capacity):
    _, sizes = search(oracle_of(capacity, 1), first=97, resolution=0.01)
    assert len(sizes) <= 9


def test_a_coarser_resolution_leaves_a_wider_bracket_and_probes_less():
    fine, coarse = (
        search(oracle_of(200), first=150, resolution=resolution)
        for resolution in (0.0, 0.05)
    )
    assert len(coarse[1]) < len(fine[1])
    stored, impossible, _ = coarse[0]
    assert impossible is not None
    assert stored <= 200 < impossible <= 1.05 * stored


def test_a_ceiling_that_is_stored_ends_the_search():
    known, _ = search(oracle_of(500), limit=80)
    assert (known.stored, known.impossible) == (80, None)


def test_a_memory_that_stores_nothing_ends_the_search():
    known, _ = search(oracle_of(0))
    assert (known.stored, known.impossible) == (0, 1)


def test_what_monotonicity_decides_is_no_longer_undecided():
    known = separability.Known(stored=5, impossible=20, undecided=(8, 12, 16))
    assert separability.learn(known, 13, "stored").undecided == (16,)
    assert separability.learn(known, 10, "impossible").undecided == (8,)
    assert separability.learn(known, 10, "undecided").undecided == (8, 10, 12, 16)


def lane(memory, **sizes):
    same = {"d": 4, "expected": 6, "solver": SOLVER, "seed": 1}
    return separability.SeparableLane(memory=memory, **same | sizes)


LANES = {
    "linear": lane("linear"),
    "sign_gates": lane("sign_gates", m=2 * 5),
    "relu_features": lane("relu_features", m=8),
    "bilinear_features": lane("bilinear_features", m=8),
    "attention": lane("attention", heads=4, head_dim=2, expected=3),
}


@pytest.mark.parametrize("memory", fixed_features.MEMORIES)
def test_facts_of_a_size_are_nested_and_as_wide_as_features(memory):
    some = LANES[memory]
    assert (
        some.columns()["parameters"]
        == {
            "linear": 16,
            "sign_gates": 2 * 4 * 5,
            "relu_features": 2 * 8 * 4,
            "bilinear_features": 3 * 8 * 4,
            "attention": 4 * 4 * 2 * 4,
        }[memory]
    )
    small, large = some.facts_of(3), some.facts_of(6)
    for n in (2, 3):
        one, other = small(n), large(n)
        count = some.num_facts(n)
        assert int(one.n) == int(other.n) == count
        assert one.inputs.shape[1] == some.num_features
        np.testing.assert_allclose(
            one.inputs[:count], other.inputs[:count], rtol=1e-5, atol=1e-6
        )


def test_weights_that_separate_features_of_gates_are_a_gated_memory():
    some = LANES["sign_gates"]
    wide, plain = some.facts_of(8)(8), LANES["linear"].facts_of(8)(8)
    found = separation.separate(wide, SOLVER)
    assert found.stored

    key = jax.random.fold_in(jax.random.key(1), 1)
    gates = gated.draw_gates(key, 2, 4)
    memory = gated.from_readout(gates, found.params.W)
    recalled = gated.apply(memory, plain.inputs)
    assert int(readout.num_correct(recalled, plain)) == 8


def test_heads_see_one_subject_and_one_relation():
    facts = LANES["attention"].facts_of(3)(3)
    rows = np.asarray(facts.inputs[:9]).reshape(3, 3, 4, 2)
    seen = np.abs(rows).sum(-1) > 0
    for s in range(3):
        for r in range(3):
            assert set(np.flatnonzero(seen[s, r])) == {s % 2, 2 + r % 2}
    assert np.allclose(rows[0, 0, 0], rows[0, 2, 0])
    assert not np.allclose(rows[0, 0, 0], rows[2, 0, 0])
    relations = np.asarray(facts.targets[:9]).reshape(3, 3) // fixed_features.ANSWERS
    assert (relations == np.arange(3)[None, :]).all()


def test_a_job_tells_its_probes_and_an_interval_that_they_show():
    job = separability.SeparableBatch(lanes=(LANES["linear"],))
    *probes, last = [row for rows in job.measure(job.lanes) for row in rows]
    verdicts = {row["n"]: row["verdict"] for row in probes}
    assert verdicts[last["capacity"]] == "stored"
    assert verdicts[last["upper"]] == "impossible"
    assert last["num_probes"] == len(probes)
    assert last["kind"] == "capacity"


# Its config

EXACT = "separability"
WRONG = [
    (EXACT, {"heads": 3}, ["heads to be even", "heads=3"]),
    (EXACT, {"memories": ("mlp",)}, ["memories", "'mlp'", "'linear'"]),
    (EXACT, {"d": (1,)}, ["d to be", "1", ">= 2"]),
    (EXACT, {"gates": (0,)}, ["gates to be", "0", ">= 1"]),
    (EXACT, {"resolution": 1.0}, ["resolution", "1.0", "[0, 1)"]),
    (EXACT, {"solver__check_every": 7}, ["solver.check_every", "512", "=7"]),
    (EXACT, {"solver__share": 0.0}, ["solver.share", "0.0", "(0, inf)"]),
    (EXACT, {"solver__cycles": 0}, ["solver.cycles", "0", ">= 1"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
