"""Lanes are independent: what is found about one does not depend on the others.

Neither on how many there are, nor on their order, their devices, their groups, the
chunks they are run in, or the shape they are padded to.
"""

import jax
import numpy as np
import pytest
import tiny

from recall import capacity
from recall.sweeps import lanes

KINDS = {
    "outer_product": [tiny.outer_product(seed=seed) for seed in range(5)],
    "low_rank": [tiny.low_rank(rank=rank) for rank in (1, 2, 3, 4)],
    "linear": [tiny.linear(seed=seed, expected=4) for seed in range(5)],
    "mlp": [tiny.mlp(seed=seed) for seed in range(5)],
}


@pytest.fixture(scope="module")
def finished():
    """Lanes of a kind, run to their ends one after the other on one device."""
    done = {}

    def finished(kind):
        if kind not in done:
            done[kind] = tiny.finish(tiny.batch(KINDS[kind]))
        return done[kind]

    return finished


def pick(lane, which):
    return jax.tree.map(lambda x: x[np.asarray(which)], lane)


def capacities(lane):
    return lane.bracket.lower.tolist()


def probes(lane, i):
    """What a lane probed: sizes, answers and steps, in order."""
    log, count = lane.log, lane.num_probes[i]
    columns = (log.n, log.correct, log.steps, log.attempt, log.ended)
    return list(zip(*(column[i, :count].tolist() for column in columns), strict=True))


# Invariances


@pytest.mark.parametrize("kind", KINDS)
def test_searches_of_these_sizes_have_something_to_find(finished, kind):
    lane = finished(kind)
    assert lane.done.all()
    assert (lane.num_probes >= 2).all()
    assert (lane.bracket.upper - lane.bracket.lower == 1).all()
    assert len(set(capacities(lane))) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_sharded_is_unsharded(finished, kind):
    sharded = tiny.finish(tiny.batch(KINDS[kind]), num_devices=2)
    tiny.assert_same_lanes(sharded, finished(kind))


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_vmapped_group_is_one_by_one(finished, kind):
    vmapped = tiny.finish(tiny.batch(KINDS[kind]), group=3)
    tiny.assert_same_lanes(vmapped, finished(kind), atol=1e-4)


def test_vmapped_groups_on_two_devices_are_one_by_one(finished):
    both = tiny.finish(
        tiny.batch(KINDS["linear"]), num_devices=2, group=2, num_checks=1
    )
    tiny.assert_same_lanes(both, finished("linear"), atol=1e-4)


@pytest.mark.parametrize("kind", ["outer_product", "linear"])
@pytest.mark.parametrize("num_checks", [1, 3])
def test_the_length_of_a_chunk_does_not_matter(finished, kind, num_checks):
    chunked = tiny.finish(tiny.batch(KINDS[kind]), num_checks=num_checks)
    tiny.assert_same_lanes(chunked, finished(kind), atol=0)


def test_a_lane_does_not_depend_on_its_place(finished):
    order = [3, 0, 4, 2, 1]
    moved = tiny.batch([KINDS["mlp"][i] for i in order])
    lane = tiny.finish(moved, group=3)
    tiny.assert_same_lanes(lane, pick(finished("mlp"), order), atol=1e-4)


def test_a_lane_does_not_depend_on_its_neighbours(finished):
    kept = [1, 2, 3, 4]
    lane = tiny.finish(tiny.batch([KINDS["mlp"][i] for i in kept]), group=3)
    tiny.assert_same_lanes(lane, pick(finished("mlp"), kept), atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "large"),
    [
        ("outer_product", tiny.outer_product(8, expected=24)),
        ("low_rank", tiny.low_rank(8, 5, expected=24)),
    ],
)
def test_a_padded_construction_is_the_same_construction(finished, kind, large):
    shared = tiny.batch([*KINDS[kind], large])
    assert_padded(shared, KINDS[kind][0])
    lane, own = tiny.finish(shared), finished(kind)
    count = len(KINDS[kind])
    assert [probes(lane, i) for i in range(count)] == [
        probes(own, i) for i in range(count)
    ]
    assert capacities(lane)[:-1] == capacities(own)


@pytest.mark.parametrize(
    ("kind", "large"),
    [
        ("linear", tiny.linear(8, expected=24, limit=24)),
        ("mlp", tiny.mlp(6, 8, expected=24, limit=24)),
    ],
)
def test_a_padded_trained_memory_stores_as_much(finished, kind, large):
    shared = tiny.batch([*KINDS[kind], large])
    assert_padded(shared, KINDS[kind][0])
    lane = tiny.finish(shared, group=3)
    assert capacities(lane)[:-1] == capacities(finished(kind))


def assert_padded(cell, search):
    own = search.own_shape()
    assert cell.shape.d > own.d
    assert cell.shape.n_max > own.n_max
    assert cell.shape.m > own.m or own.m == 0


# Finished lanes, and lanes that move


def test_a_finished_lane_is_left_alone():
    hard = [tiny.linear(seed=seed, expected=10) for seed in range(5)]
    problems, lane = tiny.stacked(tiny.batch(hard), 6)
    lane.done[[0, 4]] = True
    step = hard[0].advance(hard[0].own_shape())
    ships = lanes.Fleet(step, problems, lane, lanes.mesh(jax.devices()[:1]), 3)
    after = ships.advance(1)
    tiny.assert_same_lanes(pick(after, [0, 4]), pick(lane, [0, 4]), atol=0)
    assert after.fit.steps.tolist() == [0, 8, 8, 8, 0, 0]


def test_lanes_move_to_idle_devices_and_keep_their_names(finished, monkeypatch):
    moves = []

    def deal(done, num_devices):
        moves.append(lanes_deal(done, num_devices))
        return moves[-1]

    lanes_deal = lanes.deal
    monkeypatch.setattr(lanes, "deal", deal)
    some = tiny.batch(KINDS["linear"][:4])
    problems, lane = tiny.stacked(some, 4)
    lane.done[::2] = True  # all that the first of two devices has
    step = some.lanes[0].advance(some.shape)
    ships = lanes.Fleet(step, problems, lane, lanes.mesh(jax.devices()[:2]), 1)
    before = pick(lane, [0, 2])
    while not (lane := ships.advance(2)).done.all():
        pass
    assert moves[0] is not None
    tiny.assert_same_lanes(pick(lane, [0, 2]), before, atol=0)
    expected = pick(finished("linear"), [1, 3])
    tiny.assert_same_lanes(pick(lane, [1, 3]), expected)


@pytest.mark.parametrize(
    ("done", "num_devices", "dealt"),
    [
        ("0000", 2, None),
        ("1111", 2, None),
        ("0100", 2, None),  # one and two unfinished: as even as can be
        ("0101", 2, None),
        ("1100", 2, [2, 0, 3, 1]),
        ("0011", 2, [0, 2, 1, 3]),
        ("1000", 1, None),
        ("000111", 3, [0, 3, 1, 4, 2, 5]),
        ("110100", 3, [2, 0, 4, 1, 5, 3]),
        ("000011", 2, [0, 2, 4, 1, 3, 5]),
    ],
)
def test_deal(done, num_devices, dealt):
    order = lanes.deal(np.array([digit == "1" for digit in done]), num_devices)
    assert (order if order is None else order.tolist()) == dealt


@pytest.mark.parametrize("num_devices", [1, 2, 3, 8])
def test_deal_is_a_permutation_that_evens_out(num_devices):
    generator = np.random.default_rng(0)
    for _ in range(50):
        done = generator.random(num_devices * 3) < generator.random()
        order = lanes.deal(done, num_devices)
        order = np.arange(done.size) if order is None else order
        assert sorted(order) == list(range(done.size))
        unfinished = (~done[order]).reshape(num_devices, -1).sum(axis=1)
        assert unfinished.max() - unfinished.min() < 2


# Programs


def test_one_compilation_serves_a_whole_search():
    some = tiny.batch(KINDS["linear"])
    step, traces = some.lanes[0].advance(some.shape), []

    def counted(problem, lane):
        traces.append(lane)
        return step(problem, lane)

    mesh = lanes.mesh(jax.devices()[:2])
    ships = lanes.Fleet(counted, *tiny.stacked(some, 6), mesh, 1)
    lane, sizes = ships.advance(1), set()
    while not lane.done.all():
        sizes |= set(lane.n.tolist())
        lane = ships.advance(2 + len(sizes))
    assert len(sizes) > 3
    assert len(traces) == 1


def test_a_lane_makes_as_many_checks_as_it_is_told():
    hard = [tiny.linear(seed=seed, expected=10) for seed in range(5)]
    ships = tiny.fleet(tiny.batch(hard), jax.devices()[:1], 1)
    for checks, steps in ((0, 0), (2, 16), (1, 24)):
        assert ships.advance(checks).fit.steps.tolist() == [steps] * 5


@pytest.mark.parametrize(
    ("num_lanes", "group", "num_devices", "count"),
    [(1, 1, 1, 1), (5, 1, 2, 6), (5, 2, 2, 8), (8, 2, 2, 8), (1, 8, 3, 24)],
)
def test_padded_count(num_lanes, group, num_devices, count):
    assert lanes.padded_count(num_lanes, group, num_devices) == count


@pytest.mark.parametrize(
    ("num_lanes", "num_scores", "num_devices", "trained", "size"),
    [
        (5, 256, 2, True, 3),  # what each device has
        (100, 256, 2, True, lanes.SMALL_GROUP),
        (100, 10**6, 2, True, 1),  # arithmetic outweighs dispatch
        (100, 256, 2, False, 1),  # singular values in a batch would hang
    ],
)
def test_group_size_on_a_cpu(num_lanes, num_scores, num_devices, trained, size):
    devices = jax.devices()[:num_devices]
    assert lanes.group_size(num_lanes, num_scores, devices, trained=trained) == size


def test_stack_repeats_the_last_lane():
    lane = lanes.stack([{"n": 1}, {"n": 2}], 4)
    assert lane["n"].tolist() == [1, 2, 2, 2]


def test_the_log_holds_a_whole_chunk_of_probes(finished):
    assert finished("linear").log.n.shape == (5, capacity.MAX_LOG)
