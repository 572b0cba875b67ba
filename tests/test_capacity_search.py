"""The answers of searches against brute force."""

import itertools
import math

import chex
import jax.numpy as jnp
import numpy as np
import pytest
from searched import (
    CLOSING,
    EXACT,
    LANES,
    N_MAX,
    THRESHOLDS,
    ask,
    assert_bracket_is_what_was_found,
    assert_log_is_what_was_probed,
    ends,
    monotone,
    number,
    search,
    train,
)

from recall import capacity, training


@pytest.mark.parametrize("method", CLOSING)
@pytest.mark.parametrize("threshold", sorted(THRESHOLDS))
def test_the_capacity_of_a_monotone_memory_is_found_exactly(method, threshold):
    cases = list(itertools.product(range(N_MAX + 1), (1, 7, 16, N_MAX)))
    assert len(cases) == LANES
    tables = [monotone(stored) for stored, _ in cases]
    problems = [ask(table, threshold) for table in tables]
    found = search(problems, [first for _, first in cases], EXACT(method=method))
    for one, table, (stored, first) in zip(found, tables, cases, strict=True):
        assert one.probes[0][0] == first
        assert ends(one) == (stored, stored + 1)
        assert_bracket_is_what_was_found(one, table)
        assert_log_is_what_was_probed(one, table, threshold)


@pytest.mark.parametrize("threshold", sorted(THRESHOLDS))
def test_bisection_of_any_memory_ends_between_stored_and_failed(threshold):
    rng = np.random.default_rng(0)
    tables = rng.random((LANES, N_MAX)) < rng.random((LANES, 1))
    firsts = rng.integers(1, N_MAX + 1, LANES)
    problems = [ask(table, threshold) for table in tables]
    found = search(problems, firsts, EXACT(method="bisect"))
    for one, table in zip(found, tables, strict=True):
        lower, upper = assert_bracket_is_what_was_found(one, table)
        assert upper == lower + 1
        assert_log_is_what_was_probed(one, table, threshold)
        probed = [n for n, _, _ in one.probes]
        assert len(set(probed)) == len(probed)  # no size is asked twice
    assert len({ends(one) for one in found}) > 10


@pytest.mark.parametrize("method", ["grow", "grow+bisect"])
def test_growth_stops_at_the_first_size_that_it_cannot_store(method):
    rng = np.random.default_rng(1)
    tables = rng.random((LANES, N_MAX)) < rng.uniform(0.5, 1.0, (LANES, 1))
    firsts = rng.integers(1, N_MAX + 1, LANES)
    found = search([ask(t) for t in tables], firsts, EXACT(method=method))
    for one, table, first in zip(found, tables, firsts, strict=True):
        start = int(first)
        while start > 0 and not table[start - 1]:
            start = math.floor(start / 1.25)
        last = start
        while 0 < last < N_MAX and table[last]:
            last += 1
        assert assert_bracket_is_what_was_found(one, table) == (last, last + 1)
        assert_log_is_what_was_probed(one, table, 1.0)


def test_growth_is_warm_and_only_bisection_starts_afresh():
    problem = ask(monotone(10))
    for method, attempts in [("grow", [1, 0, 0, 0]), ("grow+bisect", [1, 0, 0, 0, 1])]:
        (found,) = search([problem], [8], EXACT(method=method))
        assert [a for _, a, _ in found.probes] == attempts
        # Sizes 8, 9, 10 took one check each, on the same params.
        assert float(found.lane.best.checks) == 3
    (found,) = search([problem], [8], EXACT(method="bisect"))
    assert {a for _, a, _ in found.probes} == {1}
    assert float(found.lane.best.checks) == 1


def test_a_single_probe_is_one_size_afresh_at_every_rate():
    found = search([ask(monotone(3)), ask(monotone(9))], [5, 5], EXACT(method="single"))
    assert [[probe[0] for probe in one.probes] for one in found] == [[5], [5]]
    assert [ends(one) for one in found] == [(0, 5), (5, N_MAX + 1)]


def test_a_size_that_failed_may_be_stored_by_growing_past_it():
    # 10 facts fail afresh, 8 are stored, and on the way up so are 10: a memory that
    # stores 10 facts only from a warm start, here because its params are not fresh.
    def warm_train(problem, fit, n, rate):
        fit = train(problem, fit, n, rate)
        correct = jnp.where((n == 10) & (fit.params.checks == 3), 10, fit.correct)
        return fit._replace(correct=correct, asked=n)

    table = monotone(12)
    table[9] = False
    recipe = training.Recipe(num_steps=2, check_every=1)
    (found,) = search([ask(table)], [10], EXACT(method="grow"), warm_train, recipe)
    assert [n for n, _, _ in found.probes] == [10, 8, 9, 10, 11, 12, 13]
    assert ends(found) == (12, 13)


@pytest.mark.parametrize("method", CLOSING)
def test_a_memory_that_stores_everything_is_censored(method):
    (found,) = search([ask(monotone(N_MAX))], [5], EXACT(method=method))
    assert ends(found) == (N_MAX, N_MAX + 1)
    assert all(int(e) == 0 for e in found.lane.log.ended)


@pytest.mark.parametrize("method", CLOSING)
def test_a_memory_that_stores_nothing_has_capacity_0(method):
    problem = ask(monotone(0))
    (found,) = search([problem], [5], EXACT(method=method))
    assert ends(found) == (0, 1)
    assert [n for n, _, _ in found.probes] == [5, 4, 3, 2, 1]
    chex.assert_trees_all_equal(found.lane.best, problem.initial)


@pytest.mark.parametrize("method", CLOSING)
@pytest.mark.parametrize("stored", [0, 1])
def test_one_fact_is_enough_to_search_for(method, stored):
    problem = ask(monotone(stored), n_max=1)  # padded: room for more, but no facts
    (found,) = search([problem], [1], EXACT(method=method))
    assert ends(found) == (stored, stored + 1)
    assert [n for n, _, _ in found.probes] == [1]


@pytest.mark.parametrize(("first", "expected"), [(-3, 1), (0, 1), (9, 9), (99, N_MAX)])
def test_a_search_begins_within_its_bounds(first, expected):
    lane = capacity.begin(ask(monotone(3)), number(first))
    assert int(lane.n) == expected
    assert (int(lane.bracket.lower), int(lane.bracket.upper)) == (0, N_MAX + 1)


@pytest.mark.parametrize("method", CLOSING)
def test_a_coarse_search_stops_at_its_resolution_and_asks_less(method):
    strategy = capacity.Strategy(method=method, resolution=0.25)
    stored = np.arange(4, N_MAX)
    problems = [ask(monotone(n)) for n in stored]
    coarse = search(problems, [4] * len(stored), strategy)
    exact = search(problems, [4] * len(stored), EXACT(method=method))
    for one, n in zip(coarse, stored, strict=True):
        lower, upper = ends(one)
        assert lower <= n < upper
        assert upper - lower <= max(1, 0.25 * lower)
        assert_bracket_is_what_was_found(one, monotone(n))
    asked = [sum(len(one.probes) for one in found) for found in (coarse, exact)]
    assert asked[0] < asked[1]


def test_a_coarse_bisection_does_not_take_its_ceiling_for_a_failure():
    strategy = capacity.Strategy(method="bisect", resolution=0.25)
    (found,) = search([ask(monotone(N_MAX))], [20], strategy)
    assert ends(found) == (N_MAX, N_MAX + 1)


def test_a_log_is_a_ring_that_keeps_the_latest_probes():
    n_max = capacity.MAX_LOG + 40
    problem = ask(monotone(n_max - 5, n_max))
    (found,) = search([problem], [1], EXACT(method="grow"))
    assert len(found.probes) == n_max - 4 > capacity.MAX_LOG
    assert int(found.lane.num_probes) == len(found.probes)
    for i in range(len(found.probes) - capacity.MAX_LOG, len(found.probes)):
        assert found.lane.log.n[i % capacity.MAX_LOG] == found.probes[i][0]
