"""Probes of transformers, to their ends, at one learning rate and at several."""

import dataclasses
import functools
import itertools
import json
import math
from typing import Any

import pytest
import tiny

from recall.stats import points

OPENING = dataclasses.replace(tiny.EXACT, opening=0.5)  # probes 2 first
ONE_SIZE = {"strategy": tiny.SINGLE, "expected": 7, "limit": 7}
METHODS = ("bisect", "grow", "grow+bisect")
TINY_RATE = 1e-6  # stores nothing
FLOATS = ("loss", "weight_norm", "residual")  # equal up to rounding


def in_order(told, kind, search=None):
    """The rows of a kind, of one search if it is given; the first of a key counts."""
    rows = {row["key"]: row for row in reversed(tiny.rows_of(told))}
    return [
        row
        for row in reversed(rows.values())
        if row["kind"] == kind and search in (None, row["search"])
    ]


@pytest.fixture(scope="module")
def finished():
    """Steps of two seeds that are searched by a method; each is run once."""

    @functools.cache
    def run(method, shape=None):
        return tiny.steps(batch_of(method, shape))

    return run


def batch_of(method, shape=None):
    strategy = dataclasses.replace(OPENING, method=method)
    some = [tiny.transformer(seed=seed, strategy=strategy) for seed in (0, 1)]
    return tiny.batch(some, shape)


@pytest.mark.parametrize("method", METHODS)
def test_a_search_ends_with_both_ends_of_its_bracket_probed(finished, method):
    told = finished(method)
    for search in batch_of(method).lanes:
        probes = in_order(told, "probe", search.digest())
        (found,) = in_order(told, "capacity", search.digest())
        stored = [row["n"] for row in probes if row["stored"]]
        failed = [row["n"] for row in probes if not row["stored"]]
        assert (probes[0]["n"], probes[0]["warm"]) == (4, False)
        assert found["capacity"] == max(stored)
        assert found["upper"] in failed
        size = math.isqrt(found["capacity"])
        assert found["upper"] == (size + 1) ** 2
        assert found["num_probes"] == len(probes) > 2
        assert (found["finite"], found["censored"]) == (True, False)
        assert found["learning_rate"] == pytest.approx(0.03)
        assert found["method"] == method


@pytest.mark.parametrize("method", METHODS)
def test_a_probe_says_what_it_asked(finished, method):
    for row in in_order(finished(method), "probe"):
        assert row["subjects"] == row["relations"] == math.isqrt(row["n"])
        assert row["n"] == row["subjects"] * row["relations"]
        asked = row["n"] * tiny.READS.checks
        assert row["accuracy"] * asked == pytest.approx(round(row["accuracy"] * asked))
        assert row["stored"] == (row["accuracy"] == 1.0)
        assert row["best_accuracy"] >= row["accuracy"]
        assert row["steps"] % tiny.SHORT.check_every == 0
        assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_worlds_grow_warm_and_bisection_starts_afresh(finished):
    assert not any(row["warm"] for row in in_order(finished("bisect"), "probe"))
    for search in batch_of("grow").lanes:
        probes = in_order(finished("grow"), "probe", search.digest())
        assert [row["warm"] for row in probes] == [False] + [True] * (len(probes) - 1)
        assert any(row["stored"] for row in probes if row["warm"])
        sizes = [row["subjects"] for row in probes]
        assert sizes == list(range(2, 2 + len(sizes)))
    for search in batch_of("grow+bisect").lanes:
        last = in_order(finished("grow+bisect"), "probe", search.digest())[-2:]
        assert [row["warm"] for row in last] == [True, False]
        assert last[0]["n"] == last[1]["n"]


def test_a_lane_does_not_depend_on_the_shape_that_it_shares(finished):
    own = finished("bisect")
    search: Any = batch_of("bisect").lanes[0]
    shape = batch_of("bisect").shape
    assert search.sampling(shape) == search.sampling(tiny.LARGER)
    assert all(a < b for a, b in zip(shape, tiny.LARGER, strict=True) if a != 2)
    padded = finished("bisect", tiny.LARGER)
    ours, theirs = (
        {row["key"]: row for row in in_order(told, "probe")} for told in (own, padded)
    )
    assert ours.keys() == theirs.keys()
    for key, row in ours.items():
        for name, value in row.items():
            close = pytest.approx(value, rel=1e-2) if name in FLOATS else value
            assert theirs[key][name] == close, (key, name)
    assert in_order(own, "capacity") == in_order(padded, "capacity")


# Learning rates


@pytest.fixture(scope="module")
def single():
    """Steps of one size probed at two rates: the second, the first, neither wins."""
    some = of_one_size()
    pairs = some[:2], some[1:]  # a lane a device compiles faster than three on two
    return [s for pair in pairs for s in tiny.steps(tiny.batch(pair, trace=True))]


def of_one_size():
    fields = {"world": "D=S", "answers": None, "threshold": 0.15}
    rates = [(TINY_RATE, 0.03), (0.03, TINY_RATE), (TINY_RATE, 2 * TINY_RATE)]
    return [
        tiny.transformer(learning_rates=each, **ONE_SIZE | fields) for each in rates
    ]


def test_one_size_is_probed_at_each_learning_rate_until_one_stores_it(single):
    second, first, neither = (s.digest() for s in of_one_size())
    told = {
        search: [
            (row["n"], row["stored"], pytest.approx(row["learning_rate"]))
            for row in in_order(single, "probe", search)
        ]
        for search in (second, first, neither)
    }
    assert told[second] == [(49, False, TINY_RATE), (49, True, 0.03)]
    assert told[first] == [(49, True, 0.03)]
    assert told[neither] == [(49, False, TINY_RATE), (49, False, 2 * TINY_RATE)]
    assert not any(row["warm"] for row in in_order(single, "probe"))


def test_a_single_size_has_a_capacity_row_of_the_rate_that_won(single):
    second, first, neither = in_order_of(of_one_size(), single)
    for row, num_probes in ((second, 2), (first, 1)):
        assert (row["capacity"], row["upper"]) == (49, None)
        assert row["censored"]
        assert row["num_probes"] == num_probes
        assert row["learning_rate"] == pytest.approx(0.03)
    assert (neither["capacity"], neither["upper"]) == (0, 49)
    assert not neither["censored"]
    assert (second["tried"], first["tried"]) == ("1e-06 0.03", "0.03 1e-06")


def traced(single, index):
    """Rate and steps of the trace of a lane, in the order of its rows."""
    search = of_one_size()[index].digest()
    return [
        (f"{row['learning_rate']:g}", row["steps"])
        for row in in_order(single, "trace", search)
    ]


def checks(rate, steps):
    every = tiny.SHORT.check_every
    return [(f"{rate:g}", at) for at in range(every, steps + 1, every)]


def test_a_trace_has_a_row_for_each_check_of_a_rate_that_stores_at_once(single):
    search = of_one_size()[1].digest()
    (probe,) = in_order(single, "probe", search)
    assert traced(single, 1) == checks(0.03, probe["steps"])
    last = in_order(single, "trace", search)[-1]
    assert (last["loss"], last["accuracy"]) == (probe["loss"], probe["accuracy"])


@pytest.mark.parametrize(("index", "rates"), [(0, (1e-6, 0.03)), (2, (1e-6, 2e-6))])
def test_a_trace_has_a_row_for_each_check_of_every_rate(single, index, rates):
    search = of_one_size()[index].digest()
    steps = [row["steps"] for row in in_order(single, "probe", search)]
    expected = [checks(*pair) for pair in zip(rates, steps, strict=True)]
    assert traced(single, index) == list(itertools.chain(*expected))


def test_no_rate_wins_where_nothing_was_stored(single):
    assert in_order_of(of_one_size(), single)[-1]["learning_rate"] is None


def in_order_of(some, told):
    """The capacity row of each search."""
    found = {row["search"]: row for row in in_order(told, "capacity")}
    return [found[search.digest()] for search in some]


@pytest.fixture(scope="module")
def side_by_side(finished):
    """Capacity rows of a seed at two rates, each a lane of its own."""
    del finished
    some = [
        tiny.transformer(strategy=OPENING, learning_rates=(rate,))
        for rate in (TINY_RATE, 0.03)
    ]
    told = in_order_of(some, tiny.steps(tiny.batch(some)))
    return [row | {"experiment": "recall_capacity"} for row in told]


def test_of_rates_side_by_side_the_best_counts(side_by_side):
    worse, better = side_by_side
    assert worse["capacity"] < better["capacity"]
    for some in itertools.permutations(side_by_side):
        (point,) = points.capacities(some)
        assert point.values == (better["capacity"],)
        assert point.num_seeds == 1
        assert (point.heads, point.head_dim, point.world) == (2, 2, "S=R")


def test_two_searches_of_a_seed_and_the_same_rates_are_refused(side_by_side):
    _, better = side_by_side
    again = better | {"search": "another", "key": "another:capacity"}
    with pytest.raises(ValueError, match=r"one search for each group and seed; got "):
        points.capacities([better, again])
    assert len(points.capacities([better, dict(better)])) == 1  # one row, told twice


def test_two_searches_of_the_same_rates_are_refused_in_any_order(side_by_side):
    worse, better = side_by_side
    again = worse | {"search": "another", "key": "another:capacity"}
    for some in itertools.permutations([worse, better, again]):
        with pytest.raises(ValueError, match=r"one search for each group and seed"):
            points.capacities(some)


def test_room_is_doubled_for_a_search_that_fills_it(finished):
    batch = batch_of("bisect")
    assert {step.name for step in finished("bisect")} == {batch.name}
    wide = batch.wider([1], [3, 4])
    assert wide is not None
    assert wide.shape == batch.shape._replace(n_max=8)
    assert (wide.firsts, wide.behind) == ((7,), (4,))
