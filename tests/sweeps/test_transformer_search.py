"""Searches of transformers: worlds, shapes that do not matter, probes to the end."""

import dataclasses
import functools
import itertools
import json
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from recall import capacity, training
from recall.models import transformer
from recall.stats import points
from recall.sweeps import packing, transformer_search

WORLDS = transformer_search.WORLDS
OPENING = dataclasses.replace(tiny.EXACT, opening=0.5)  # probes 2 first
ONE_SIZE = {"strategy": tiny.SINGLE, "expected": 7, "limit": 7}
METHODS = ("bisect", "grow", "grow+bisect")
TINY_RATE = 1e-6  # stores nothing
FLOATS = ("loss", "weight_norm", "residual")  # equal up to rounding
LARGER = transformer_search.Shape(12, 2, 11, 3, 3, 13)


def in_order(told, kind, search=None):
    """The rows of a kind, of one search if it is given; the first of a key counts."""
    rows = {row["key"]: row for row in reversed(tiny.rows_of(told))}
    return [
        row
        for row in reversed(rows.values())
        if row["kind"] == kind and search in (None, row["search"])
    ]


def outlines(search, shape):
    """A problem's shapes and types: drawing its arrays would compile for seconds."""
    return jax.eval_shape(lambda: search.problem(shape))


# Worlds


@pytest.mark.parametrize("world", WORLDS)
def test_traced_sizes_are_those_of_python(world):
    numbers = range(1, 201)
    traced = jax.jit(jax.vmap(lambda n: tuple(map(jnp.asarray, WORLDS[world](n)))))
    found = np.stack(traced(jnp.arange(1, 201)), axis=-1)
    expected = [WORLDS[world](n) for n in numbers]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int32


def test_worlds_are_what_their_names_say():
    for n in range(1, 201):
        assert WORLDS["S=R"](n) == WORLDS["D=S"](n) == (n, n)
        assert WORLDS["S=R^2"](n) == (n * n, n)
        S, R = WORLDS["R=sqrt(S)"](n)
        assert n == S
        assert R * R <= n < (R + 1) ** 2


@pytest.mark.parametrize(
    ("world", "answers", "expected"),
    [
        ("S=R", 2, (10, 10, 2, 20)),
        ("R=sqrt(S)", 8, (10, 3, 8, 13)),
        ("S=R^2", 3, (100, 10, 3, 110)),
        ("D=S", None, (10, 10, 10, 20)),
    ],
)
def test_a_size_has_subjects_relations_answers_and_as_many_noise_tokens(
    world, answers, expected
):
    search = tiny.transformer(world=world, answers=answers)
    S, R, *_ = expected
    assert search.sizes(10) == expected
    assert search.facts(10) == S * R
    assert (
        search.size_columns(10).items()
        >= {
            "n": S * R,
            "subjects": S,
            "relations": R,
        }.items()
    )
    assert search.facts(0) == 0


def test_parameters_are_counted_with_the_head_dimension_there_is():
    # d = 11 over 8 heads leaves d_h = 1: 4 x 8 x 1 x 11 + 2 x 11 x 11, not 6 x 121.
    search = tiny.transformer(d=11, heads=8, head_dim=1, m=11)
    weights = outlines(search, search.own_shape()).initial
    held = [*weights[:4], weights.mlp.W, weights.mlp.V]
    assert search.num_parameters == sum(array.size for array in held) == 594
    assert search.columns()["parameters"] == 594
    assert tiny.transformer(m=0).num_parameters == 4 * 2 * 2 * 8


def test_columns_say_what_a_search_is_and_json_holds_them():
    found = tiny.transformer(learning_rates=(0.01, 0.03)).columns()
    assert (
        found.items()
        >= {
            "memory": "transformer",
            "world": "S=R",
            "num_outputs": 2,
            "heads": 2,
            "head_dim": 2,
            "activation": "relu",
            "tried": "0.01 0.03",
            "trained": True,
            "embedding": "gaussian",
        }.items()
    )
    assert json.loads(json.dumps(found)) == found
    assert found.keys() >= set(points.GROUP) - {"experiment", "rank", "degree"}
    assert tiny.transformer(world="D=S", answers=None).columns()["num_outputs"] is None


# Shapes


def test_a_shape_has_room_for_a_little_more_than_is_expected():
    shape = tiny.transformer().own_shape()
    assert shape == (math.ceil(1.6 * 4), 2, 8, 2, 2, 8)
    assert tiny.transformer(limit=5).own_shape().n_max == 5
    assert tiny.transformer().shape_of(14) == shape._replace(n_max=14)


def test_answers_grow_with_the_shape_where_they_are_the_size():
    search = tiny.transformer(world="D=S", answers=None)
    shape = search.own_shape()
    assert shape[:2] == (7, 7)
    assert search.shape_of(14)[:2] == (14, 14)
    wide = tiny.batch([search]).wider([0], [3])
    assert wide is not None
    assert wide.shape[:2] == (8, 8)  # the limit
    tables = outlines(search, wide.shape).embeddings
    assert tables.answers.shape == (8 * 8, 8)
    assert tables.noise.shape == (8 + 8, 8)


def test_a_padded_problem_is_the_same_problem():
    search = tiny.transformer()
    own, padded = (search.problem(s) for s in (search.own_shape(), LARGER))
    assert (int(own.n_max), int(padded.n_max)) == (7, 8)  # room, and the limit
    assert int(padded.head_dim) == 2
    assert padded.embeddings.subjects.shape == (12, 11)
    assert padded.initial.K.shape == (3, 3, 11)
    pairs = zip(*map(jax.tree.leaves, (own.initial, padded.initial)), strict=True)
    for ours, theirs in pairs:
        inner = tuple(slice(size) for size in ours.shape)
        np.testing.assert_array_equal(theirs[inner], ours)
        assert jnp.count_nonzero(theirs) == jnp.count_nonzero(ours)
    ours, theirs = own.embeddings, padded.embeddings
    for name, count in (("subjects", 7), ("relations", 7), ("noise", 14)):
        table, wide = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_array_equal(wide[:count, :8], table)
        assert not wide[:, 8:].any()
    np.testing.assert_array_equal(padded.world.choices[:7, :7], own.world.choices)


def test_trained_embeddings_are_padded_along():
    search = tiny.transformer(train_embeddings=True)
    problem = outlines(search, LARGER)
    assert problem.initial.embeddings == problem.embeddings
    assert problem.initial.embeddings.answers.shape == (12 * 2, 11)


# Probes


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
    assert search.sampling(shape) == search.sampling(LARGER)
    assert all(a < b for a, b in zip(shape, LARGER, strict=True) if a != 2)
    padded = finished("bisect", LARGER)
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


# What a step reads


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("batch", "share"), [(1024, 32), (49, 4), (7, 32), (1, 1)])
def test_a_grid_reads_no_fact_twice_and_pairs_read_a_batch(world, batch, share):
    read = transformer_search.Reads(batch=batch, share=share, length=9, checks=3)
    pairs = dataclasses.replace(read, layout="pairs")
    for n in (1, 2, 3, 7, 40):
        search = tiny.transformer(world=world, reads=read)
        shape = search.shape_of(n)
        found, sizes = search.sampling(shape), search.sizes(n)
        assert 1 <= found.contexts <= sizes.subjects
        assert 1 <= found.facts <= sizes.relations
        assert found.contexts * found.facts <= batch
        assert (found.length, found.layout, found.checks) == (9, "grid", 3)
        found = tiny.transformer(world=world, reads=pairs).sampling(shape)
        assert found.contexts * found.facts == batch - batch % min(share, batch)
        assert found.layout == "pairs"


def test_a_grid_reads_every_fact_of_a_world_that_fits():
    search = tiny.transformer(reads=transformer_search.Reads(batch=1024, share=32))
    found = search.sampling(search.shape_of(32))
    assert (found.contexts, found.facts) == (32, 32)


# Names and kinds

# What a search of like kind may differ in, and still share a program.
OTHER = {
    "d": 5,
    "heads": 3,
    "head_dim": 3,
    "m": 5,
    "threshold": 0.5,
    "seed": 1,
    "expected": 5,
    "limit": 9,
    "embedding": "sphere",
    "exponents": (0.0, 1.0),
    "recipe_name": "published",
    "learning_rates": (0.2,),
    "table": ((0, 1), (1, 1)),
}
# What is compiled into a program.
KIND = {
    "world": "S=R^2",
    "answers": 3,
    "architecture": transformer.Architecture(mlp_weight=0.5),
    "reads": dataclasses.replace(tiny.READS, share=2),
    "train_embeddings": True,
    "recipe": training.Recipe(num_steps=64, check_every=4, cosine=True),
    "strategy": capacity.Strategy(method="bisect", resolution=0.5),
}


def changed(field, value):
    return dataclasses.replace(tiny.transformer(), **{field: value})


@pytest.mark.parametrize("field", OTHER)
def test_searches_that_differ_in_data_share_a_program(field):
    pair = [tiny.transformer(), changed(field, OTHER[field])]
    (batch,) = packing.group(pair)
    assert set(batch.lanes) == set(pair)


@pytest.mark.parametrize(
    ("field", "value"),
    [*KIND.items(), ("m", 0), ("learning_rates", (0.1, 0.2))],
)
def test_searches_that_differ_in_kind_do_not(field, value):
    assert len(packing.group([tiny.transformer(), changed(field, value)])) == 2


def parts(search):
    """Changes of a single field of each of the settings within a search."""
    for name in ("architecture", "reads", "recipe", "strategy"):
        part = getattr(search, name)
        for field, value in dataclasses.asdict(part).items():
            other = {"method": "grow", "layout": "pairs", "activation": "gelu"}
            fresh = other.get(field, fresh_number(value))
            yield name, dataclasses.replace(part, **{field: fresh})


def fresh_number(value):
    if isinstance(value, bool | str):
        return not value
    return value + 1 if isinstance(value, int) else value + 0.125


def test_a_digest_changes_with_every_setting():
    fields = OTHER | KIND
    names = {
        field.name for field in dataclasses.fields(transformer_search.RecallSearch)
    }
    assert fields.keys() == names
    search = tiny.transformer()
    others = [changed(name, value) for name, value in fields.items()]
    others += [changed(name, part) for name, part in parts(search)]
    assert len(others) > 25
    digests = {one.digest() for one in [search, *others]}
    assert len(digests) == 1 + len(others)


@pytest.mark.parametrize("field", transformer_search.Shape._fields)
def test_a_larger_shape_costs_more(field):
    shape = transformer_search.Shape(64, 64, 64, 64, 64, 64)
    larger = shape._replace(**{field: 128})
    search = tiny.transformer()
    ours, theirs = (tiny.batch([search], size).about() for size in (shape, larger))
    held = [about.memory_bytes + about.device_bytes for about in (ours, theirs)]
    assert held[1] > held[0]
    if field != "head_dim":
        assert theirs.core_seconds > ours.core_seconds


def test_room_is_doubled_for_a_search_that_fills_it(finished):
    batch = batch_of("bisect")
    assert {step.name for step in finished("bisect")} == {batch.name}
    wide = batch.wider([1], [3, 4])
    assert wide is not None
    assert wide.shape == batch.shape._replace(n_max=8)
    assert (wide.firsts, wide.behind) == ((7,), (4,))
