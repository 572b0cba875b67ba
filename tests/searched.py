"""A memory that is a table of what it stores at every size, and searches of it.

Brute force is then a look at the table.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.testing import assert_array_equal

from recall import capacity, facts, training

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
