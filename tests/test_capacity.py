"""The arithmetic of a search by hand, and searches of real memories."""

import functools
import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from searched import (
    EXACT,
    bracket,
    ends,
    number,
    search,
)

from recall import capacity, facts, readout, training
from recall.memories import linear


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
