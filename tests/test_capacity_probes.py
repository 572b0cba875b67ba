"""Probes: their learning rates, and for which reason each ends."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from searched import (
    CLOSING,
    EXACT,
    N_MAX,
    RATES,
    ask,
    assert_log_is_what_was_probed,
    ends,
    monotone,
    number,
    search,
)

from recall import capacity, training


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
