"""The search: its arithmetic by hand, and its answers against brute force.

Most searches here are about a memory that is a table of what it stores at every size,
so that brute force is a look at the table.
"""

import functools
import itertools
import math
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array
from numpy.testing import assert_allclose, assert_array_equal

from recall import capacity, facts, readout, training
from recall.memories import linear

N_MAX = 24
EXACT = functools.partial(capacity.Strategy, resolution=0.0)
BUDGET = training.Recipe(num_steps=3, check_every=1)
THRESHOLDS = {0.9: (9, 10), 0.99: (99, 100), 1.0: (1, 1)}
RATES = (0.5, 0.25, 0.125)
CLOSING = ("bisect", "grow", "grow+bisect")  # methods that close a bracket
LANES = 100


def number(n):
    return jnp.asarray(n, jnp.int32)


def bracket(lower, upper):
    return capacity.Bracket(lower=number(lower), upper=number(upper))


# Arithmetic


@pytest.mark.parametrize(
    ("before", "n", "stored", "after"),
    [
        ((0, 101), 40, True, (40, 101)),
        ((0, 101), 40, False, (0, 40)),
        ((40, 101), 60, True, (60, 101)),
        ((40, 60), 50, False, (40, 50)),
        ((40, 60), 30, True, (40, 60)),  # nothing new
        ((40, 60), 70, False, (40, 60)),
        ((0, 2), 1, True, (1, 2)),  # n_max = 1
        ((0, 2), 1, False, (0, 1)),
    ],
)
def test_narrow_moves_the_end_that_an_answer_rules_out(before, n, stored, after):
    found = capacity.narrow(bracket(*before), number(n), jnp.asarray(stored))
    assert (int(found.lower), int(found.upper)) == after


@pytest.mark.parametrize(
    ("resolution", "lower", "expected"),
    [(0.0, 0, 1), (0.0, 1000, 1), (0.25, 3, 1), (0.25, 8, 2), (0.25, 11, 2)],
)
def test_gap_is_a_whole_fraction_of_the_lower_end_and_at_least_one(
    resolution, lower, expected
):
    strategy = capacity.Strategy(resolution=resolution)
    assert int(capacity.gap(number(lower), strategy)) == expected


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (40, 60, 50),  # closed on both sides: halfway
        (40, 43, 41),
        (40, 42, 41),
        (0, 50, 40),  # nothing stored: lower by `widen`
        (0, 2, 1),
        (0, 1, 0),  # nothing left
        (40, 101, 50),  # nothing failed: higher by `widen`
        (41, 101, 52),
        (1, 101, 2),
        (90, 101, 100),  # no higher than n_max
        (99, 101, 100),
    ],
)
def test_bisect_by_hand(lower, upper, expected):
    strategy = capacity.Strategy(method="bisect", widen=1.25)
    found = capacity.bisect(bracket(lower, upper), number(100), strategy)
    assert int(found) == expected


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (40, 101, 50),  # a gap of a quarter further, whatever failed
        (40, 43, 50),
        (3, 101, 4),
        (90, 101, 100),  # no higher than n_max
        (0, 50, 40),  # nothing stored: lower by `widen`
        (0, 2, 1),
        (0, 1, 0),
    ],
)
def test_grow_by_hand(lower, upper, expected):
    strategy = capacity.Strategy(method="grow", widen=1.25, resolution=0.25)
    found = capacity.grow(bracket(lower, upper), number(100), strategy)
    assert int(found) == expected


def test_no_probe_repeats_an_end_of_its_bracket():
    n_max = 30
    strategy = capacity.Strategy(method="bisect", widen=1.01, resolution=0.0)
    pairs = np.array(list(itertools.combinations(range(n_max + 2), 2)))
    is_open = (pairs[:, 1] - pairs[:, 0] > 1) & ~np.all(pairs == (0, n_max + 1), axis=1)
    lower, upper = jnp.asarray(pairs[is_open], jnp.int32).T

    def probes(rule):
        given = capacity.Bracket(lower=lower, upper=upper)
        return jax.vmap(lambda b: rule(b, number(n_max), strategy))(given)

    bisected, grown = probes(capacity.bisect), probes(capacity.grow)
    assert np.all((lower < bisected) & (bisected < upper) & (bisected <= n_max))
    assert np.all((lower < grown) & (grown <= n_max))
    assert np.all((grown < upper) | (lower > 0))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"method": "guess"}, "got 'guess'"),
        ({"resolution": 1.0}, "resolution=1.0"),
        ({"resolution": -0.1}, "resolution=-0.1"),
        ({"widen": 1.0}, "widen=1.0"),
        ({"opening": 0.0}, "opening=0.0"),
        ({"opening": 2.0, "headroom": 1.0}, "headroom=1.0"),
    ],
)
def test_a_strategy_that_would_not_end_is_refused_by_name(fields, named):
    with pytest.raises(ValueError, match=named):
        capacity.Strategy(**fields)


# A memory that is a table


class Table(NamedTuple):
    """What a memory recalls, as the params of a fit.

    Attributes:
        correct: `[tries, n_max]` facts recalled of n when trained at each rate.
        checks: `[]` checks since these params were fresh.
        last: `[]` facts last trained on.
    """

    correct: Array
    checks: Array
    last: Array


def train(problem, fit, n, rate):
    """Trains a table: looks up what it recalls, and counts a step."""
    attempt = jnp.argmax(problem.learning_rates == rate)
    correct = fit.params.correct[attempt, n - 1].astype(jnp.int32)
    params = fit.params._replace(
        checks=fit.params.checks + 1, last=n.astype(jnp.float32)
    )
    return fit._replace(params=params, steps=fit.steps + 1, correct=correct, asked=n)


def ask(stores, threshold=1.0, n_max=None):
    """The problem of tables `[tries, N_MAX]`: stored are `needed` facts or one less."""
    stores = np.atleast_2d(stores)
    tries, size = stores.shape
    needed = fewest(np.arange(1, size + 1), threshold)
    dummy = jnp.zeros((size, 1))
    return training.Problem(
        facts=facts.balanced(dummy, dummy)._replace(n=number(n_max or size)),
        initial=Table(
            correct=jnp.asarray(np.where(stores, needed, needed - 1), jnp.float32),
            checks=jnp.zeros(()),
            last=jnp.zeros(()),
        ),
        learning_rates=jnp.asarray(RATES[:tries], jnp.float32),
        drawn=number(1),
        threshold=jnp.asarray(threshold, jnp.float32),
    )


def fewest(n, threshold):
    """The fewest facts of n that make up the threshold, in integers."""
    p, q = THRESHOLDS[threshold]
    return -(-p * n // q)


class Search(NamedTuple):
    """A finished search: its lane, and the probes that were seen to end, in order."""

    lane: capacity.Lane
    probes: list[tuple[int, int, float]]  # (n, attempt, rate)


@functools.cache
def stepper(strategy, train, recipe):
    """The step of many lanes at once; a lane that is done stands still."""
    advance = functools.partial(
        capacity.advance, train=train, recipe=recipe, strategy=strategy
    )

    def step(problem, lane):
        moved = advance(problem, lane)
        return jax.tree.map(lambda a, b: jnp.where(lane.done, a, b), lane, moved)

    return jax.jit(jax.vmap(step))


def search(problems, firsts, strategy, train=train, recipe=BUDGET, most_checks=1000):
    """Advances a lane for each problem until all of them are done."""
    step, count = stepper(strategy, train, recipe), len(problems)
    filled = [*problems, *[problems[-1]] * (LANES - count)]  # one program for any count
    problem = jax.tree.map(lambda *leaves: np.stack(leaves), *filled)
    firsts = np.resize(np.asarray(firsts, np.int32), LANES)
    lane = jax.vmap(capacity.begin)(problem, jnp.asarray(firsts))
    lane = lane._replace(done=lane.done | (jnp.arange(LANES) >= count))
    seen = [[] for _ in problems]
    for _ in range(most_checks):
        before = jax.tree.map(np.asarray, (lane.n, lane.attempt, lane.rate))
        counts = np.asarray(lane.num_probes)
        lane = step(problem, lane)
        for i in np.flatnonzero(np.asarray(lane.num_probes) > counts):
            n, attempt, rate = (leaf[i] for leaf in before)
            seen[i].append((int(n), int(attempt), float(rate)))
        if np.all(lane.done):
            break
    assert np.all(lane.done), "a search did not end"
    lanes = jax.tree.map(np.asarray, lane)
    return [
        Search(jax.tree.map(lambda leaf, i=i: leaf[i], lanes), probes)
        for i, probes in enumerate(seen)
    ]


def ends(found):
    return int(found.lane.bracket.lower), int(found.lane.bracket.upper)


def monotone(stored, n_max=N_MAX):
    """The table of a memory that stores up to so many facts."""
    return np.arange(1, n_max + 1) <= stored


def assert_log_is_what_was_probed(found, stores, threshold):
    """Checks the log of a search against its probes and the table it was about."""
    stores = np.atleast_2d(stores)
    count, log = int(found.lane.num_probes), found.lane.log
    assert count == len(found.probes) <= capacity.MAX_LOG
    assert_array_equal(
        np.stack([log.n, log.attempt, log.rate])[:, :count], np.transpose(found.probes)
    )
    for leaf in log:
        assert not leaf[count:].any()  # nothing else was written
    for i, (n, _, rate) in enumerate(found.probes):
        is_stored = stores[RATES.index(rate), n - 1]
        how = "stored" if is_stored else "budget"
        assert capacity.ENDINGS[log.ended[i]] == how
        assert log.steps[i] == (1 if is_stored else BUDGET.num_steps)
        assert log.correct[i] == fewest(n, threshold) - (not is_stored)


def assert_bracket_is_what_was_found(found, stores):
    """Checks the bracket of one learning rate; returns its ends."""
    lower, upper = ends(found)
    probed = [n for n, _, _ in found.probes]
    assert found.lane.n == probed[-1]  # a lane that is done asks no more
    if lower > 0:
        assert lower in probed
        assert stores[lower - 1]
        assert found.lane.best.last == lower  # the params that stored them
    else:
        assert found.lane.best.last == 0
        assert 1 in probed
    if upper <= N_MAX:
        assert upper in probed
        assert not stores[upper - 1]
    else:
        assert upper == N_MAX + 1
        assert lower == N_MAX  # censored
    return lower, upper


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


# Several learning rates


@pytest.mark.parametrize("method", CLOSING)
def test_some_learning_rate_is_enough(method):
    tables = [
        np.stack([monotone(a), monotone(b), monotone(c)])
        for a, b, c in [(5, 9, 7), (9, 5, 7), (0, 0, 6), (3, 3, 3), (0, 0, 0)]
    ]
    problems = [ask(table) for table in tables]
    found = search(problems, [6] * len(tables), EXACT(method=method))
    for one, table in zip(found, tables, strict=True):
        assert_log_is_what_was_probed(one, table, 1.0)
        if method != "grow":
            stored = int(np.max(np.sum(table, axis=1)))
            assert ends(one) == (stored, stored + 1)


@pytest.mark.parametrize("method", ["bisect", "grow+bisect"])
def test_a_size_fails_only_when_all_learning_rates_have(method):
    table = np.stack([monotone(5), monotone(9), monotone(7)])
    (found,) = search([ask(table)], [8], EXACT(method=method))
    answers = {}
    for n, attempt, rate in found.probes:
        answers.setdefault(n, []).append((attempt, rate))
        assert attempt == 0 or rate == RATES[attempt - 1]
    last = [answer for answer in answers[10] if answer[0] > 0]
    assert last == [(1, 0.5), (2, 0.25), (3, 0.125)]
    # 8 was stored at the second rate: tried in order, and no further.
    assert answers[8] == [(1, 0.5), (2, 0.25)]
    ended = [capacity.ENDINGS[how] for how in found.lane.log.ended[:2]]
    assert ended == ["budget", "stored"]
    assert_allclose(found.lane.log.rate[:2], RATES[:2])
    assert ends(found) == (9, 10)


def test_growth_goes_on_at_the_rate_that_stored():
    table = np.stack([monotone(5), monotone(9), monotone(12)])
    (found,) = search([ask(table)], [8], EXACT(method="grow"))
    assert found.probes == [(8, 1, 0.5), (8, 2, 0.25), (9, 0, 0.25), (10, 0, 0.25)]
    (found,) = search([ask(table)], [8], EXACT(method="grow+bisect"))
    assert found.probes[3:7] == [
        (10, 0, 0.25),
        (10, 1, 0.5),
        (10, 2, 0.25),
        (10, 3, 0.125),
    ]
    assert found.probes[7:9] == [(11, 0, 0.125), (12, 0, 0.125)]
    assert ends(found) == (12, 13)


# How a probe ends


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ({}, None),
        ({"correct": 10}, "stored"),
        ({"correct": 9}, None),
        ({"correct": 10, "steps": 100}, "stored"),
        ({"steps": 99}, None),
        ({"steps": 100}, "budget"),
        ({"steps": 101}, "budget"),
        ({"finite": False}, "nonfinite"),
        ({"finite": False, "correct": 10}, "nonfinite"),
        ({"finite": False, "residual": jnp.nan, "steps": 100}, "nonfinite"),
        ({"residual": 0.11}, None),
        ({"residual": 0.09}, "certificate"),
        ({"residual": 0.09, "correct": 10}, "stored"),
        ({"residual": jnp.nan}, None),
        ({"steps": 49, "most_at": 20}, None),
        ({"steps": 50, "most_at": 20}, "patience"),
    ],
)
def test_a_probe_ends_for_one_reason(fit, expected):
    recipe = training.Recipe(num_steps=100, check_every=1, certificate=0.1, patience=30)
    problem = ask(monotone(3))
    lane = capacity.begin(problem, number(10))
    fields = {"steps": 20, "correct": 5, "asked": 10, "most_at": 20} | fit
    if "most_at" not in fit:
        fields["most_at"] = fields["steps"]
    changed = {
        name: jnp.asarray(value, getattr(lane.fit, name).dtype)
        for name, value in fields.items()
    }
    lane = lane._replace(fit=lane.fit._replace(**changed))
    ended, how = capacity.ending(problem, lane, recipe)
    assert bool(ended) == (expected is not None)
    if expected is not None:
        assert capacity.ENDINGS[int(how)] == expected


def test_certificate_and_patience_are_off_by_default():
    recipe = training.Recipe(num_steps=100, check_every=1)
    problem = ask(monotone(3))
    lane = capacity.begin(problem, number(10))
    fit = lane.fit._replace(
        residual=jnp.asarray(0.0), steps=number(99), asked=number(10)
    )
    ended, _ = capacity.ending(problem, lane._replace(fit=fit), recipe)
    assert not bool(ended)


def test_what_is_logged_of_a_probe():
    problem = ask(monotone(3))
    lane = capacity.begin(problem, number(10))
    params = lane.fit.params._replace(
        correct=jnp.zeros((1, N_MAX)), checks=jnp.asarray(3.0), last=jnp.asarray(4.0)
    )
    fit = lane.fit._replace(
        params=params,
        correct=number(6),
        most=number(8),
        asked=number(9),
        loss=jnp.asarray(0.125),
        steps=number(7),
        residual=jnp.asarray(0.25),
    )
    lane = lane._replace(fit=fit, num_probes=number(2))
    logged = capacity.record(lane, number(1))
    assert int(logged.num_probes) == 3
    entry = {name: float(ring[2]) for name, ring in logged.log._asdict().items()}
    assert entry == {
        "n": 10,
        "correct": 6,
        "most": 8,
        "asked": 9,
        "loss": 0.125,
        "steps": 7,
        "attempt": 1,
        "rate": 0.5,
        "ended": 1,
        "weight_norm": 5.0,  # 3, 4, 5
        "residual": 0.25,
    }
    for ring in logged.log:
        assert np.count_nonzero(ring) == 1


# Real memories


def linear_problem(seed, d, n_max):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(2, n_max, d))
    points /= np.linalg.norm(points, axis=-1, keepdims=True)
    inputs, outputs = jnp.asarray(points, jnp.float32)
    return training.Problem(
        facts=facts.injective(inputs, outputs),
        initial=linear.init(jax.random.key(seed), d),
        learning_rates=jnp.asarray([1.0], jnp.float32),
        drawn=number(d),
        threshold=jnp.asarray(1.0, jnp.float32),
    )


def build_outer_product(problem, fit, n, rate):
    del rate
    return training.build(
        problem,
        fit,
        n,
        apply=linear.apply,
        construct=lambda fact, _: linear.outer_product(fact),
    )


def test_outer_products_are_searched_as_by_brute_force():
    n_max, d = 40, 8
    problems = [
        linear_problem(seed, d, n_max)._replace(initial=jnp.zeros(()))
        for seed in range(6)
    ]

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(None, 0))
    def stores(given, n):
        fact = facts.take(given.facts, n)
        recalled = linear.apply(linear.outer_product(fact), fact.inputs)
        return readout.num_correct(recalled, fact) == n

    strategy, recipe = (
        EXACT(method="bisect"),
        training.Recipe(num_steps=1, check_every=1),
    )
    found = search(problems, [8] * 6, strategy, build_outer_product, recipe)
    for one, given in zip(found, problems, strict=True):
        stored = [True, *stores(given, jnp.arange(1, n_max + 1)).tolist()]
        lower, upper = ends(one)
        assert upper == lower + 1
        assert stored[lower]
        assert not stored[upper]
        best = linear.outer_product(facts.take(given.facts, number(lower)))
        norm = float(optax.tree.norm(best))  # all that is kept of a construction
        assert float(one.lane.best) == pytest.approx(norm, rel=1e-5)
        for (n, _, _), how in zip(one.probes, one.lane.log.ended, strict=False):
            assert stored[n] == (capacity.ENDINGS[how] == "stored")
    assert len({ends(one) for one in found}) > 1


def test_one_compilation_serves_a_whole_search():
    chex.clear_trace_counter()
    recipe = training.Recipe(num_steps=40, check_every=20, cosine=True)
    chunk = functools.partial(training.advance, apply=linear.apply, recipe=recipe)
    strategy = EXACT(method="bisect")

    def advance(problem, lane):
        return capacity.advance(
            problem, lane, train=chunk, recipe=recipe, strategy=strategy
        )

    step = jax.jit(chex.assert_max_traces(advance, n=1))
    sizes = set()
    for first in (2, 5):
        problem = linear_problem(first, d=3, n_max=16)
        lane = capacity.begin(problem, number(first))
        while not lane.done:
            sizes.add(int(lane.n))
            lane = step(problem, lane)
        lower = int(lane.bracket.lower)
        assert 3 <= lower < int(lane.bracket.upper)
        fact = facts.take(problem.facts, number(lower))
        recalled = linear.apply(lane.best, fact.inputs)
        assert int(readout.num_correct(recalled, fact)) == lower
    assert len(sizes) > 3


def test_a_certificate_ends_a_probe_that_cannot_succeed():
    problem = linear_problem(0, d=3, n_max=8)
    twins = problem.facts.inputs.at[1].set(problem.facts.inputs[0])
    problem = problem._replace(facts=problem.facts._replace(inputs=twins))
    recipe = training.Recipe(num_steps=4000, check_every=50, certificate=0.01)
    chunk = functools.partial(training.advance, apply=linear.apply, recipe=recipe)
    (found,) = search([problem], [4], EXACT(method="bisect"), chunk, recipe)
    log = found.lane.log
    ended = [capacity.ENDINGS[how] for how in log.ended[: len(found.probes)]]
    assert [n for n, _, _ in found.probes] == [4, 3, 2, 1]
    assert ended == ["certificate"] * 3 + ["stored"]
    assert np.all(log.steps[:3] < recipe.num_steps)
    assert np.all(log.residual[:3] < 0.01)
    assert ends(found) == (1, 2)
