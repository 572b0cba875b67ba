"""A plan falls into shards: every lane in one, in its own program, with its result."""

import itertools

import pytest
import sweeps

from configs import separability, stage_ratio
from recall.runs import planning, shards
from recall.sweeps import cells

CELLS = planning.plan_of(sweeps.config(d=(4, 6)))
SINGLE = planning.plan_of(separability.get_config("quick"))  # jobs of one lane
MANY = planning.plan_of(stage_ratio.get_config("quick"))  # jobs of several


def digests(plan):
    return [lane.digest() for lane in plan.lanes]


@pytest.mark.parametrize("text", ["0/1", "3/4", "31/32"])
def test_a_shard_is_read_as_it_is_written(text):
    assert str(shards.parse(text)) == text


@pytest.mark.parametrize("text", ["", "1", "4/4", "5/4", "-1/4", "0/0", "1/2/3", "a/b"])
def test_a_shard_out_of_range_is_refused(text):
    with pytest.raises(ValueError, match=r"Expected shard=i/n with 0 <= i < n; got"):
        shards.parse(text)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 40])
@pytest.mark.parametrize(
    "made",
    [sweeps.config(d=(4, 6)), separability.get_config(), stage_ratio.get_config()],
)
def test_every_lane_is_in_one_shard_and_shards_are_equal(made, count):
    plan = planning.plan_of(made)
    parts = [shards.share(plan, shards.Shard(i, count)) for i in range(count)]
    own = [digests(part) for part in parts]
    assert sorted(itertools.chain(*own)) == sorted(digests(plan))
    assert max(map(len, own)) - min(map(len, own)) <= 1
    assert own == [digests(plan)[i::count] for i in range(count)]


def test_lanes_keep_their_programs():
    shapes = {
        s.digest(): (c.shape, *pair) for c in CELLS.batches for s, *pair in _of(c)
    }
    for i in range(3):
        for cell in shards.share(CELLS, shards.Shard(i, 3)).cells:
            for search, *pair in _of(cell):
                assert shapes[search.digest()] == (cell.shape, *pair)
    padded = {lane: job.shape for job in MANY.batches for lane in job.lanes}
    for job in shards.share(MANY, shards.Shard(1, 4)).jobs:
        assert {padded[lane] for lane in job.lanes} == {job.shape}


def _of(cell: cells.Cell):
    return zip(cell.searches, cell.firsts, cell.behind, strict=True)


def test_a_part_costs_its_share():
    parts = [shards.share(MANY, shards.Shard(i, 4)) for i in range(4)]
    seconds = [sum(job.core_seconds for job in part.batches) for part in parts]
    whole = sum(job.core_seconds for job in MANY.batches)
    assert sum(seconds) == pytest.approx(whole)
    assert all(job.memory_bytes > 0 for part in parts for job in part.batches)
    counts = [len(job.parameters) for part in parts for job in part.batches]
    assert sum(counts) == len(digests(MANY))


def test_shards_in_one_workdir_find_what_an_undivided_run_does(tmp_path):
    whole = sweeps.results(sweeps.run(tmp_path / "whole", **sweeps.BUILT))
    plan, ended = planning.plan_of(sweeps.config(**sweeps.BUILT)), set()
    for i in range(2):
        part = shards.share(plan, shards.Shard(i, 2))
        rows = sweeps.run(tmp_path / "shards", part, **sweeps.BUILT)
        ended |= set(digests(part))
        assert {r["search"] for r in rows if r["kind"] == "capacity"} == ended
    assert sweeps.results(rows) == whole
    keys = sweeps.written(tmp_path / "shards")
    assert len(set(keys)) == len(keys)
