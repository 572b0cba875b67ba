"""Lanes are named by their settings; parts of a batch run their lanes only."""

import counting
import jax
import tiny
from counting import Count

from recall.sweeps import failures, pool
from recall.sweeps.batch import ONE, ended


def numbers(batch, done=()):
    """The lanes of which a batch tells rows."""
    steps = pool.run([batch], jax.devices()[:1], lambda: done)
    return {row["number"] for _, step in steps for row in step.rows}


def test_a_lane_is_named_by_all_of_its_settings():
    lanes = [Count(number=1), Count(number=2), Count(number=1, seed=1)]
    assert len({lane.digest() for lane in lanes}) == 3
    assert Count(number=1).digest() == lanes[0].digest()
    row = lanes[2].row("probe", 7, found=5)
    assert row["key"] == f"{lanes[2].digest()}:probe:7"
    assert (row["number"], row["seed"], row["found"]) == (1, 1, 5)


def test_a_lane_is_over_once_it_has_a_row_that_ends_it():
    one, two, three = (Count(number=n) for n in (1, 2, 3))
    rows = [
        one.row("run"),
        two.row("capacity"),
        three.row("probe"),
        three.row("failed"),
    ]
    assert ended(rows) == {one.digest(), two.digest()}


def test_a_failure_stands_until_its_lane_ends():
    lane = Count(number=1)
    failed, end = lane.row("failed"), lane.row("run")
    other = Count(number=2).row("failed")
    assert failures.standing([failed, other]) == [failed, other]
    assert failures.standing([failed, end, other]) == [end, other]


def test_a_part_of_a_batch_runs_its_lanes_only_in_the_shape_of_the_whole():
    whole = counting.batch(1, 2, 3)
    part = whole.part([0, 2])
    assert list(part.lanes) == [Count(number=1), Count(number=3)]
    assert numbers(part) == {1, 3}
    assert numbers(part, {Count(number=3).digest()}) == {1}
    assert part.left({Count(number=3).digest()}) == [Count(number=1)]
    assert (part.devices, part.spans) == (ONE, False)


def test_a_part_costs_its_share_and_all_lanes_are_the_whole():
    whole = counting.batch(1, 2, 3)
    about = whole.part([0, 2]).about()
    assert about.program == whole.about().program == "counting, numbers"
    assert list(about.parameters) == [1, 3]
    assert about.core_seconds == 6 * 2 / 3
    assert whole.part(range(3)) is whole


def test_a_part_of_searches_keeps_the_shape_and_where_each_begins():
    three = [tiny.outer_product(d) for d in (4, 5, 6)]
    whole = tiny.batch(three, firsts=(1, 2, 3), behind=(4, 5, 6))
    part = whole.part([2, 0])
    assert part.lanes == (three[2], three[0])
    assert (part.firsts, part.behind) == ((3, 1), (6, 4))
    assert part.shape == whole.shape
    assert part.name != whole.name
