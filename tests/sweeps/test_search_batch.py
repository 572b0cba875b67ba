"""A batch of searches that is stopped anywhere and resumed tells the same rows."""

import json
import math

import jax
import numpy as np
import pytest
import tiny

from recall import capacity
from recall.sweeps import memory_search, search_batch

BATCHES = {
    "constructed": tiny.batch([tiny.outer_product(4), tiny.outer_product(8)]),
    "trained": tiny.batch([tiny.linear(seed=seed, expected=4) for seed in range(3)]),
    "grown": tiny.batch(  # fills its room twice
        [tiny.outer_product(8, strategy=tiny.GROW, seed=seed) for seed in range(3)],
        memory_search.Shape(2, 2, 8, 0),
    ),
}
TYPES = (bool, int, float, str, type(None))


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    """Makes one check a chunk, but for the first."""
    monkeypatch.setattr(search_batch, "CHUNK_SECONDS", 0.0)


@pytest.fixture(scope="module")
def undisturbed():
    """Steps of a batch that runs from its start to its end; each is run once."""
    told = {}

    def run(kind):
        if kind not in told:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(search_batch, "CHUNK_SECONDS", 0.0)
                told[kind] = tiny.steps(BATCHES[kind])
        return told[kind]

    return run


def by_key(rows):
    """Rows as a journal reads them: the first of a key wins."""
    return {row["key"]: row for row in reversed(rows)}


def of(rows, kind, search=None):
    return [
        row for row in rows if row["kind"] == kind and search in (None, row["search"])
    ]


# Rows


@pytest.mark.parametrize("kind", BATCHES)
def test_every_search_tells_its_probes_in_order_and_one_capacity(undisturbed, kind):
    rows = tiny.rows_of(undisturbed(kind))
    assert len(by_key(rows)) == len(rows)
    for search in BATCHES[kind].lanes:
        probes = of(rows, "probe", search.digest())
        (found,) = of(rows, "capacity", search.digest())
        assert [row["probe"] for row in probes] == list(range(len(probes)))
        assert found["num_probes"] == len(probes) > 1
        assert rows.index(found) > rows.index(probes[-1])
        assert all(row.items() >= search.columns().items() for row in [*probes, found])


@pytest.mark.parametrize("kind", BATCHES)
def test_a_capacity_was_probed_and_stored_and_its_upper_end_was_not(undisturbed, kind):
    rows = tiny.rows_of(undisturbed(kind))
    for found in of(rows, "capacity"):
        probes = of(rows, "probe", found["search"])
        stored = [row["n"] for row in probes if row["stored"]]
        failed = [row["n"] for row in probes if not row["stored"]]
        assert found["capacity"] == max(stored)
        assert found["upper"] == found["capacity"] + 1
        assert found["upper"] in failed
        assert found["finite"]
        assert not found["censored"]


@pytest.mark.parametrize("kind", BATCHES)
def test_rows_hold_what_json_does(undisturbed, kind):
    for row in tiny.rows_of(undisturbed(kind)):
        assert all(type(value) in TYPES for value in row.values())
        assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_a_probe_says_what_was_recalled(undisturbed):
    for row in of(tiny.rows_of(undisturbed("trained")), "probe"):
        assert row["stored"] == (row["accuracy"] == 1.0) == (row["ended"] == "stored")
        assert 0 < row["steps"] <= tiny.DECAY.num_steps
        assert row["ended"] == "budget" or row["stored"]
        assert row["learning_rate"] == 10.0
        assert row["weight_norm"] > 0
    for row in of(tiny.rows_of(undisturbed("constructed")), "probe"):
        assert row["steps"] == 1
        assert row["residual"] is None


# Stopping and going on


def test_steps_are_places_to_stop_in_the_middle_of_a_probe(undisturbed):
    told = undisturbed("trained")
    assert sum(not step.rows for step in told) > 3
    assert not told[0].rows
    *_, last = tiny.states(told)
    assert last.state is not None
    assert last.state[".done"].all()
    assert told[-1] == ([], BATCHES["trained"].name, None, {}, (), False)  # drops it


@pytest.mark.parametrize("kind", BATCHES)
def test_a_batch_resumed_from_any_step_tells_the_same_rows(undisturbed, kind):
    told = undisturbed(kind)
    expected = by_key(tiny.rows_of(told))
    left = {}
    for i, step in enumerate(told[:-1]):
        left[step.name] = step.state
        before = tiny.rows_of(told[: i + 1])
        after = tiny.rows_of(tiny.steps(BATCHES[kind], restore=left.get))
        assert by_key(before + after) == expected
        assert by_key(after) == expected  # whatever a disk has lost is told again


def test_a_finished_batch_tells_its_rows_again(undisturbed):
    told = undisturbed("constructed")
    left = {step.name: step.state for step in tiny.states(told)}
    only, end = tiny.steps(BATCHES["constructed"], restore=left.get)
    assert by_key(only.rows) == by_key(tiny.rows_of(told))
    assert end.state is None


def test_chunks_of_other_lengths_tell_the_same_rows(undisturbed, monkeypatch):
    monkeypatch.setattr(search_batch, "CHUNK_SECONDS", math.inf)
    told = tiny.steps(BATCHES["trained"])
    assert len(told) < len(undisturbed("trained")) / 2
    assert by_key(tiny.rows_of(told)) == by_key(tiny.rows_of(undisturbed("trained")))


def test_a_state_goes_on_on_another_number_of_devices(undisturbed):
    told = undisturbed("trained")
    batch, middle = BATCHES["trained"], len(told) // 2
    restore = {batch.name: told[middle].state}.get
    before, one = tiny.rows_of(told[: middle + 1]), jax.devices()[:1]
    after = tiny.rows_of(list(batch.run(one, restore=restore)))
    ours, theirs = by_key(before + after), by_key(tiny.rows_of(told))
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        for name, value in row.items():
            close = pytest.approx(value, rel=1e-4) if type(value) is float else value
            assert ours[key][name] == close


def test_no_probe_is_lost_if_a_chunk_fills_the_log(monkeypatch):
    monkeypatch.setattr(capacity, "MAX_LOG", 4)
    monkeypatch.setattr(search_batch, "CHUNK_SECONDS", math.inf)
    search = tiny.outer_product(16, expected=1, strategy=tiny.GROW)
    rows = tiny.rows_of(tiny.steps(tiny.batch([search])))
    sizes = [row["n"] for row in of(rows, "probe")]
    assert sizes == list(range(1, len(sizes) + 1))
    assert len(sizes) > 8


# Room


def test_a_search_that_fills_its_room_goes_on_in_twice_that(undisturbed):
    told = undisturbed("grown")
    names = list(dict.fromkeys(step.name for step in told))
    by_name = [tiny.rows_of([s for s in told if s.name == name]) for name in names]
    rooms = [max(row["n"] for row in of(some, "probe")) for some in by_name]
    assert rooms[:2] == [2, 4]
    assert rooms[2] > 4
    ends = [step.name for step in told if step.state is None]
    assert ends == names[::-1]  # the narrowest last: a restart begins there
    roomy = tiny.batch(BATCHES["grown"].lanes, firsts=(2, 2, 2))
    found = {
        row["search"]: row["capacity"]
        for row in of(tiny.rows_of(tiny.steps(roomy)), "capacity")
    }
    for row in of(tiny.rows_of(told), "capacity"):
        assert row["capacity"] == found[row["search"]]
    assert max(found.values()) > 4


def test_a_trained_memory_finds_its_capacity_however_little_was_expected():
    few, enough = (tiny.linear(expected=expected) for expected in (1, 9))
    small = tiny.batch([few], memory_search.Shape(8, 8, 4, 0))
    found = []
    for batch in (small, tiny.batch([enough])):
        (row,) = of(tiny.rows_of(tiny.steps(batch)), "capacity")
        found.append(row["capacity"])
    assert found[0] == found[1] > 8


@pytest.mark.parametrize("kind", ["outer_product", "linear"])
def test_a_limit_censors(kind):
    search = getattr(tiny, kind)(8, limit=3)
    rows = tiny.rows_of(tiny.steps(tiny.batch([search])))
    (found,) = of(rows, "capacity")
    assert (found["capacity"], found["upper"]) == (3, None)
    assert found["censored"]
    assert all(row["n"] <= 3 for row in of(rows, "probe"))


def test_a_limit_above_the_capacity_does_not():
    search = tiny.outer_product(4, limit=8)
    (found,) = of(tiny.rows_of(tiny.steps(tiny.batch([search]))), "capacity")
    assert found["capacity"] < found["upper"] <= 8
    assert not found["censored"]


def test_limits_may_differ_within_a_batch():
    pair = [tiny.outer_product(8, seed=1, limit=limit) for limit in (3, 1000)]
    batch = tiny.batch(pair, memory_search.Shape(4, 4, 8, 0))
    few, many = of(tiny.rows_of(tiny.steps(batch)), "capacity")
    assert (few["capacity"], few["censored"]) == (3, True)
    assert many["capacity"] > 3
    assert not many["censored"]


# Divergence


@pytest.fixture
def diverging():
    """The rows of a search at the given learning rates, by kind."""

    def diverging(search):
        rows = tiny.rows_of(tiny.steps(tiny.batch([search])))
        (found,) = of(rows, "capacity")
        return found, of(rows, "probe")

    return diverging


@pytest.mark.parametrize(
    "search",
    [
        tiny.linear(learning_rates=(1e30,)),
        tiny.linear(learning_rates=(math.inf,)),
        tiny.mlp(learning_rates=(1e30,), activation="square"),  # nan
    ],
)
def test_a_memory_that_diverges_stores_no_two_facts_and_says_so(diverging, search):
    found, probes = diverging(search)
    assert found["capacity"] <= 1  # one fact has no rival, and so no gradient
    assert not found["finite"]
    assert not found["censored"]
    failed = [row for row in probes if not row["stored"]]
    assert len(failed) >= len(probes) - 1 > 1
    for row in failed:
        assert row["ended"] == "nonfinite"
        assert not row["finite"]


def test_one_rate_that_diverges_does_not_spoil_another(diverging):
    alone, _ = diverging(tiny.linear(learning_rates=(10.0,)))
    found, probes = diverging(tiny.linear(learning_rates=(1e30, 10.0)))
    assert found["finite"]
    assert found["capacity"] == alone["capacity"] > 1
    assert {row["finite"] for row in probes} == {True, False}
    assert all(row["learning_rate"] == 10.0 for row in probes if row["stored"])


def test_a_lane_that_diverges_leaves_its_neighbours_alone(undisturbed):
    some = list(BATCHES["trained"].lanes)
    some[1] = tiny.linear(seed=1, expected=4, learning_rates=(1e30,))
    rows = by_key(tiny.rows_of(tiny.steps(tiny.batch(some))))
    expected = by_key(tiny.rows_of(undisturbed("trained")))
    for search in (some[0], some[2]):
        key = f"{search.digest()}:capacity"
        assert rows[key] == expected[key]
    assert not rows[f"{some[1].digest()}:capacity"]["finite"]


# States


def test_a_tree_is_itself_after_it_was_flattened():
    tree = {"a": (np.arange(3), np.float32(2.0)), "b": [np.array(True)]}
    flat = search_batch.flatten(tree)
    assert all(isinstance(array, np.ndarray) for array in flat.values())
    zeros = jax.tree.map(np.zeros_like, tree)
    back = search_batch.unflatten(zeros, flat)
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    jax.tree.map(np.testing.assert_array_equal, back, tree)


def test_a_state_is_asked_for_by_the_name_of_its_batch(undisturbed):
    asked = []
    tiny.steps(BATCHES["grown"], restore=asked.append)
    names = dict.fromkeys(step.name for step in undisturbed("grown"))
    assert asked == list(names)
