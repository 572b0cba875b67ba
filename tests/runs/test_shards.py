"""A plan falls into shards: every lane in one, in its own program, with its result."""

import itertools
from typing import Any

import pytest
import sweeps

from configs import separability, stage_ratio
from recall.runs import planning, shards

SEARCHES: Any = planning.plan_of(sweeps.config(d=(4, 6)))
SINGLE = planning.plan_of(separability.get_config("quick"))  # a lane a batch
MANY = planning.plan_of(stage_ratio.get_config("quick"))  # several


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
    whole = {s: (b.shape, *pair) for b in SEARCHES.batches for s, *pair in _of(b)}
    for i in range(3):
        part: Any = shards.share(SEARCHES, shards.Shard(i, 3))
        for batch in part.batches:
            for search, *pair in _of(batch):
                assert whole[search] == (batch.shape, *pair)
    programs = {lane: b.about().program for b in MANY.batches for lane in b.lanes}
    for batch in shards.share(MANY, shards.Shard(1, 4)).batches:
        assert {programs[lane] for lane in batch.lanes} == {batch.about().program}


def _of(batch):
    return zip(batch.lanes, batch.firsts, batch.behind, strict=True)


def test_a_part_costs_its_share():
    parts = [shards.share(MANY, shards.Shard(i, 4)) for i in range(4)]
    abouts = [batch.about() for part in parts for batch in part.batches]
    whole = sum(batch.about().core_seconds for batch in MANY.batches)
    assert sum(about.core_seconds for about in abouts) == pytest.approx(whole)
    assert all(about.memory_bytes > 0 for about in abouts)
    assert sum(len(about.parameters) for about in abouts) == len(digests(MANY))


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
