"""Packing: every search in one batch, none too wide, and names that tell them apart."""

import dataclasses
import functools
import importlib
import itertools
import random
from typing import Any

import counting
import pytest
import tiny
from counting import Count, Counting

from recall import capacity, training
from recall.runs import planning
from recall.sweeps import memory_search, packing
from recall.sweeps.batch import ALL
from recall.sweeps.search_batch import SearchBatch

SOME = [
    *[tiny.outer_product(d, seed=seed) for d in (4, 8) for seed in (0, 1)],
    *[tiny.low_rank(8, rank) for rank in (2, 4)],
    *[tiny.linear(d) for d in (4, 8)],
    *[tiny.mlp(4, m) for m in (4, 8)],
    tiny.mlp(4, 4, num_outputs=4),
    tiny.mlp(4, 4, activation="gelu"),
    tiny.mlp(4, 4, learning_rates=(0.1, 0.01)),
    tiny.mlp(4, 4, strategy=tiny.GROW),
    tiny.mlp(4, 4, recipe=training.Recipe(num_steps=32, check_every=8)),
]

# What a search of like kind may differ in, and still share a program.
OTHER = {
    "d": 5,
    "m": 5,
    "threshold": 0.5,
    "seed": 1,
    "expected": 5,
    "limit": 999,
    "embedding": "gaussian",
    "rank": 3,
    "recipe_name": "published",
    "learning_rates": (0.2,),
}
# What is compiled into a program.
KIND = {
    "memory": "linear",
    "num_outputs": 3,
    "activation": "tanh",
    "degree": 1,
    "recipe": training.Recipe(num_steps=64, check_every=4, cosine=True),
    "strategy": capacity.Strategy(method="bisect", resolution=0.5),
}


@functools.cache
def grid(name):
    """The searches of a paper's figure, with fewer seeds."""
    config = importlib.import_module(f"configs.{name}").get_config()
    config.seeds = (0, 1)
    if "constructed_seeds" in config:
        config.constructed_seeds = (0, 1, 2)
    return planning.plan_of(config).lanes


def test_every_search_is_in_one_batch():
    found = [search for batch in packing.group(SOME) for search in batch.lanes]
    assert len(found) == len(SOME)
    assert set(found) == set(SOME)


@pytest.mark.parametrize("name", ["linear_capacity", "mlp_capacity"])
def test_every_search_of_a_paper_s_grid_is_in_one_batch(name):
    grouped = packing.group(grid(name))
    found = [search for batch in grouped for search in batch.lanes]
    assert len(found) == len(grid(name))
    assert set(found) == set(grid(name))
    assert len(grouped) < len(found) / 2  # or there would be little use in packing


def test_a_shape_covers_what_its_searches_need():
    for batch in packing.group(SOME):
        own = [search.own_shape() for search in batch.lanes]
        assert all(
            need <= have
            for shape in own
            for need, have in zip(shape, batch.shape, strict=True)
        )
        assert batch.shape == tuple(map(max, zip(*own, strict=True)))


def test_firsts_are_what_each_search_expects():
    for batch in packing.group(SOME):
        assert batch.firsts == tuple(s.first for s in batch.lanes)
        assert batch.behind == (0,) * len(batch.lanes)


def test_batches_do_not_depend_on_the_order_of_the_searches():
    shuffled = random.Random(0).sample(SOME, len(SOME))
    ours, theirs = packing.group(SOME), packing.group(shuffled)
    assert {frozenset(b.lanes) for b in ours} == {frozenset(b.lanes) for b in theirs}
    assert [b.name for b in packing.group(SOME)] == [b.name for b in ours]


def test_a_plan_has_searches_first_and_what_takes_many_devices_last():
    class Wide(Counting):
        devices: Any = 2

    wide, one = Wide(lanes=(Count(number=1),)), counting.batch(2)
    plan = packing.plan([wide, one, tiny.linear(), tiny.linear(seed=1)], ["reason"])
    searches, *rest = plan.batches
    assert isinstance(searches, SearchBatch)
    assert (searches.devices, searches.trace) == (ALL, False)
    assert rest == [one, wide]
    assert [batch.spans for batch in plan.batches] == [False, False, True]
    assert plan.skipped == ("reason",)
    assert plan.lanes == [*searches.lanes, *one.lanes, *wide.lanes]
    assert plan.count({one.lanes[0].digest(), "of another plan"}) == 1
    (traced,) = packing.plan([tiny.linear()], trace=True).batches
    assert isinstance(traced, SearchBatch)
    assert traced.trace


def test_the_cheapest_batch_comes_first():
    costs = [b.about().core_seconds for b in packing.group(grid("linear_capacity"))]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1] / 100


def test_small_searches_of_a_kind_share_a_program():
    (batch,) = packing.group([tiny.outer_product(4), tiny.outer_product(8)])
    assert batch.shape.d == 8


@pytest.mark.parametrize("field", OTHER)
def test_searches_that_differ_in_data_share_a_program(field):
    search = tiny.mlp(4, 4)
    other = dataclasses.replace(search, **{field: OTHER[field]})
    assert len(packing.group([search, other])) == 1


@pytest.mark.parametrize("field", KIND)
def test_searches_that_differ_in_kind_do_not(field):
    search = tiny.mlp(4, 4)
    other = dataclasses.replace(search, **{field: KIND[field]})
    assert len(packing.group([search, other])) == 2


def test_another_number_of_learning_rates_is_another_program():
    others = [tiny.mlp(learning_rates=(0.1,)), tiny.mlp(learning_rates=(0.1, 0.2))]
    assert len(packing.group(others)) == 2


def test_padding_is_cut_where_it_costs_more_than_a_program():
    sizes = [tiny.linear(d, expected=d * d) for d in (8, 9, 256)]
    grouped = packing.group([*sizes, tiny.linear(256, expected=256**2, seed=1)])
    found = [sorted(s.columns()["d"] for s in batch.lanes) for batch in grouped]
    assert found == [[8, 9], [256, 256]]


# Names


def test_a_name_changes_with_every_setting():
    settings = OTHER | KIND
    assert settings.keys() == {
        f.name for f in dataclasses.fields(memory_search.MemorySearch)
    }
    search = tiny.mlp(4, 4)
    changed = [dataclasses.replace(search, **{k: v}) for k, v in settings.items()]
    for kind in ("recipe", "strategy"):
        values = dataclasses.asdict(getattr(search, kind))
        for name, value in values.items():
            fresh = "grow" if name == "method" else _other(value)
            part = dataclasses.replace(getattr(search, kind), **{name: fresh})
            changed.append(dataclasses.replace(search, **{kind: part}))
    shape = memory_search.Shape(32, 32, 8, 8)
    names = {tiny.batch([one], shape).name for one in [search, *changed]}
    assert len(names) == 1 + len(changed)
    digests = {one.digest() for one in [search, *changed]}
    assert len(digests) == 1 + len(changed)


def _other(value):
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value + 0.125


def test_a_name_changes_with_the_shape_and_the_order_of_the_lanes():
    two = [tiny.outer_product(4), tiny.outer_product(5)]
    shapes = [
        memory_search.Shape(*sizes) for sizes in itertools.permutations((8, 9, 7, 0))
    ]
    named = [tiny.batch(two, shape).name for shape in shapes]
    named += [
        tiny.batch(two[::-1], shapes[0]).name,
        tiny.batch(two[:1], shapes[0]).name,
    ]
    assert len(set(named)) == len(named)


def test_a_name_does_not_change():
    """Unfinished batches are found by their names: a new name loses their state."""
    batch = tiny.batch([tiny.outer_product(4)], memory_search.Shape(16, 16, 4, 0))
    assert batch.name == "5302a4a138995321"
    assert batch.lanes[0].digest() == "25486ab77704b264"


# Wider batches


def test_a_wider_batch_has_twice_the_room_for_the_lanes_that_filled_theirs():
    three = [tiny.outer_product(4, seed=seed) for seed in range(3)]
    batch = tiny.batch(three, memory_search.Shape(6, 6, 4, 0), behind=(2, 1, 0))
    wide = batch.wider([0, 2], [5, 6, 7])
    assert wide == SearchBatch(
        lanes=(three[0], three[2]),
        shape=memory_search.Shape(12, 12, 4, 0),
        firsts=(6, 6),
        behind=(7, 7),
    )


def test_shared_outputs_stay_as_many():
    batch = tiny.batch([tiny.mlp(num_outputs=4)], memory_search.Shape(6, 4, 4, 4))
    wide = batch.wider([0], [1])
    assert wide is not None
    assert wide.shape == (12, 4, 4, 4)


def test_room_ends_at_the_largest_limit():
    two = [tiny.outer_product(limit=7), tiny.outer_product(limit=9)]
    batch = tiny.batch(two, memory_search.Shape(6, 6, 4, 0))
    wide = batch.wider([0, 1], [1, 1])
    assert wide is not None
    assert wide.shape.n_max == 9
    assert wide.name != batch.name


def test_there_is_no_wider_batch_for_no_lanes():
    assert tiny.batch([tiny.outer_product()]).wider([], [1]) is None


# Estimates


def held(about, devices=1):
    """Bytes on so many devices."""
    return about.memory_bytes + devices * about.device_bytes


@pytest.mark.parametrize("place", range(4))
def test_a_larger_shape_costs_more(place):
    shape = memory_search.Shape(64, 64, 16, 16)
    larger = shape._replace(**{shape._fields[place]: 128})
    for search in (tiny.mlp(4, 4), tiny.outer_product()):
        ours, theirs = (tiny.batch([search], size).about() for size in (shape, larger))
        assert theirs.core_seconds > ours.core_seconds
        assert held(theirs) >= held(ours)


def test_costs_add_up():
    shape = memory_search.Shape(64, 64, 16, 16)
    one, two = (tiny.batch([tiny.mlp()] * count, shape).about() for count in (1, 2))
    assert two.core_seconds == pytest.approx(2 * one.core_seconds)
    assert held(one) < held(two)
    assert held(one) < held(one, 2)
    assert (len(one.parameters), len(two.parameters)) == (1, 2)


def test_memory_counts_scores_in_blocks_only():
    vast = memory_search.Shape(10**6, 10**6, 16, 0)
    assert held(tiny.batch([tiny.outer_product()], vast).about()) < 2**31
