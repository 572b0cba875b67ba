"""Batches end their lanes once each, on any number of devices, stopped or not."""

import contextlib
import threading

import counting
import jax
import pytest
import tiny
from counting import Count, Counting
from typing_extensions import override

from recall.sweeps import pool
from recall.sweeps.batch import ALL, ended


def run(batches, num_devices=2, done=()):
    """Positions and steps of batches that run where these lanes are over."""
    return list(pool.run(batches, jax.devices()[:num_devices], lambda: done))


def rows_of(batches, *where):
    return [row for _, step in run(batches, *where) for row in step.rows]


@pytest.mark.parametrize("num_devices", [1, 2])
def test_every_lane_ends_once_after_its_other_rows(num_devices):
    rows = rows_of([counting.batch(2, 3), counting.batch(1)], num_devices)
    assert len({row["key"] for row in rows}) == len(rows) == 3 + 4 + 2
    for number in (1, 2, 3):
        mine = [row for row in rows if row["search"] == Count(number=number).digest()]
        assert [row["kind"] for row in mine] == ["probe"] * number + ["run"]


@pytest.mark.parametrize("num_devices", [1, 2])
def test_a_batch_begins_with_an_empty_step_and_one_step_of_it_is_the_last(num_devices):
    batches = [counting.batch(2), counting.batch(3, fails_at=1), counting.batch(1)]
    steps = run(batches, num_devices, {Count(number=1).digest()})
    for index, rows in enumerate([[0, 1, 1, 1, 0], [0, 1, 1, 0], [0]]):
        mine = [step for i, step in steps if i == index]
        assert [len(step.rows) for step in mine] == rows
        assert [step.last for step in mine] == [False] * (len(rows) - 1) + [True]


def test_batches_are_spread_over_devices():
    gate = threading.Barrier(2, timeout=30)

    class Meeting(Counting):
        @override
        def measure(self, lanes):
            gate.wait()  # fails unless two batches run at once
            yield from super().measure(lanes)

    rows = rows_of([Meeting(lanes=(Count(number=n),)) for n in (1, 2)])
    places = {row["device"] for row in rows if row["kind"] == "probe"}
    assert places == {str(device) for device in jax.devices()[:2]}


class Wide(Counting):
    """Counts on all devices, after it asked for a state."""

    @property
    @override
    def devices(self):
        return ALL

    @override
    def run(self, devices, done, restore):
        restore(f"of {len(devices)} devices")
        yield from super().run(devices, done, restore)


def test_searches_and_rows_run_in_one_call_each_in_their_place():
    searches = [tiny.batch([tiny.outer_product(d)]) for d in (4, 8)]
    batches = [searches[0], counting.batch(2), counting.batch(3), searches[1]]
    before = threading.active_count()
    steps = run(batches)
    assert threading.active_count() == before
    rows = [row for _, step in steps for row in step.rows]
    assert len({row["key"] for row in rows}) == len(rows)
    assert ended(rows) == {lane.digest() for batch in batches for lane in batch.lanes}
    order = [index for index, _ in steps]
    lasts = [index for index, step in steps if step.last]
    assert order[: order.count(0)] == [0] * order.count(0)
    assert order[-order.count(3) :] == [3] * order.count(3)
    assert sorted(lasts) == [0, 1, 2, 3]
    for index, search in ((0, searches[0]), (3, searches[1])):
        mine = [step for i, step in steps if i == index]
        alone = tiny.rows_of(tiny.steps(search))
        assert [row for step in mine for row in step.rows] == alone
        names = [step.name for step in mine]
        assert names == ["", *[search.name] * (len(mine) - 2), ""]


def test_what_is_over_is_asked_before_each_batch_that_takes_all_devices():
    """It is asked once for those of one device each, which begin side by side."""
    wide = [Wide(lanes=(Count(number=n),)) for n in (3, 4)]
    batches, over, names = [counting.batch(1), counting.batch(2), *wide], set(), []
    rows, asked = [], []

    def finished():
        asked.append(ended(rows))
        return asked[-1] | over

    steps = pool.run(batches, jax.devices()[:2], finished, names.append)
    for index, step in steps:
        rows += step.rows
        over |= {wide[1].lanes[0].digest()} if index == 2 else set()  # by another
    numbers = [set(), {1, 2}, {1, 2, 3}]
    assert asked == [{Count(number=n).digest() for n in some} for some in numbers]
    assert {row["number"] for row in rows} == {1, 2, 3}
    assert names == ["of 2 devices"]


def test_lanes_that_are_done_are_not_run_again():
    rows = rows_of([counting.batch(2, 3)], 2, {Count(number=2).digest()})
    assert {row["number"] for row in rows} == {3}


def test_what_is_closed_early_has_told_whole_steps_and_leaves_no_thread():
    before = threading.active_count()
    batches = [counting.batch(10**6)] * 3
    with contextlib.closing(pool.run(batches, jax.devices()[:2])) as steps:
        for _ in range(3):
            next(steps)
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", [Counting, Wide])
def test_a_batch_that_raises_says_so_of_what_it_had_left_and_the_rest_goes_on(kind):
    before = threading.active_count()
    poison = kind(lanes=counting.batch(1, 3, 4).lanes, fails_at=1)
    rows = rows_of([poison, counting.batch(5)])
    kinds = {n: {r["kind"] for r in rows if r["number"] == n} for n in (1, 3, 4, 5)}
    assert kinds[1] == kinds[5] == {"probe", "run"}
    assert kinds[3] == {"probe", "failed"}
    assert kinds[4] == {"failed"}
    (row,) = [r for r in rows if r["kind"] == "failed" and r["number"] == 4]
    assert row["key"] == f"{Count(number=4).digest()}:failed"
    assert row["program"] == "counting, numbers"
    assert row["error"].startswith("RuntimeError: cannot count to 1 (")
    assert threading.active_count() == before
