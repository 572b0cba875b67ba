"""Jobs end their lanes once each, on any number of devices, stopped or not."""

import contextlib
import dataclasses
import threading

import jax
import pytest

from recall.sweeps import jobs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Count(jobs.Lane):
    """Counts to a number."""

    number: int
    seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counting(jobs.Job):
    """Tells every number up to that of each lane, then ends it."""

    numbers: tuple[int, ...]
    fails_at: int = -1

    @property
    def lanes(self):
        return [Count(number=number) for number in self.numbers]

    title = shape = property(lambda self: "counting")
    parameters = property(lambda self: self.numbers)
    core_seconds = memory_bytes = property(lambda self: 0)

    def run(self, done):
        for lane in self.left(done):
            for i in range(lane.number):
                if i == self.fails_at:
                    raise RuntimeError(f"cannot count to {i}")
                yield [lane.row("probe", i, device=str(jax.numpy.zeros(()).device))]
            yield [lane.row("run", total=lane.number)]


def told(some, num_devices=2, done=()):
    devices = jax.devices()[:num_devices]
    return [row for _, rows in jobs.run(some, devices, done) for row in rows]


@pytest.mark.parametrize("num_devices", [1, 2])
def test_every_lane_ends_once_after_its_other_rows(num_devices):
    rows = told([Counting(numbers=(2, 3)), Counting(numbers=(1,))], num_devices)
    assert len({row["key"] for row in rows}) == len(rows) == 3 + 4 + 2
    for number in (1, 2, 3):
        own = [row for row in rows if row["search"] == Count(number=number).digest()]
        assert [row["kind"] for row in own] == ["probe"] * number + ["run"]


def test_jobs_are_spread_over_devices():
    gate = threading.Barrier(2, timeout=30)

    class Meeting(Counting):
        def run(self, done):
            gate.wait()  # fails unless two jobs run at once
            yield from super().run(done)

    rows = told([Meeting(numbers=(1,)), Meeting(numbers=(2,))])
    places = {row["device"] for row in rows if row["kind"] == "probe"}
    assert places == {str(device) for device in jax.devices()[:2]}


def test_lanes_that_are_done_are_not_run_again():
    done = {Count(number=2).digest()}
    rows = told([Counting(numbers=(2, 3))], done=done)
    assert {row["number"] for row in rows} == {3}


def test_what_is_closed_early_has_told_whole_batches_and_leaves_no_thread():
    before = threading.active_count()
    with contextlib.closing(
        jobs.run([Counting(numbers=(10**6,))] * 3, jax.devices()[:2], ())
    ) as rows:
        for _ in range(3):
            next(rows)
    assert threading.active_count() == before


def test_a_job_that_raises_says_so_of_what_it_had_left_and_the_rest_goes_on():
    before = threading.active_count()
    poison = Counting(numbers=(1, 3, 4), fails_at=1)
    rows = told([poison, Counting(numbers=(5,))])
    kinds = {n: {r["kind"] for r in rows if r["number"] == n} for n in (1, 3, 4, 5)}
    assert kinds[1] == kinds[5] == {"probe", "run"}
    assert kinds[3] == {"probe", "failed"}
    assert kinds[4] == {"failed"}
    (row,) = [r for r in rows if r["kind"] == "failed" and r["number"] == 4]
    assert row["key"] == f"{Count(number=4).digest()}:failed"
    assert row["program"] == "counting, counting"
    assert row["error"].startswith("RuntimeError: cannot count to 1 (jobs.py:")
    assert threading.active_count() == before


def test_a_failure_stands_until_its_lane_ends():
    lane = Count(number=1)
    failed, ended = lane.row("failed"), lane.row("run")
    other = Count(number=2).row("failed")
    assert jobs.standing([failed, other]) == [failed, other]
    assert jobs.standing([failed, ended, other]) == [ended, other]


def test_a_part_of_a_job_runs_its_own_lanes_only():
    whole = Counting(numbers=(1, 2, 3))
    part = jobs.Part(job=whole, own=(0, 2))
    assert part.lanes == [Count(number=1), Count(number=3)]
    assert {row["number"] for row in told([part])} == {1, 3}
    done = {Count(number=3).digest()}
    assert {row["number"] for row in told([part], done=done)} == {1}


def test_a_lane_is_named_by_all_of_its_settings():
    lanes = [Count(number=1), Count(number=2), Count(number=1, seed=1)]
    assert len({lane.digest() for lane in lanes}) == 3
    assert Count(number=1).digest() == lanes[0].digest()
    row = lanes[2].row("probe", 7, found=5)
    assert row["key"] == f"{lanes[2].digest()}:probe:7"
    assert (row["number"], row["seed"], row["found"]) == (1, 1, 5)
