"""Runs whose stages are watched: rows, padding, divergence, resumption, predictions."""

import dataclasses
import math

import numpy as np
import pytest
from tiny_stages import SMALL, rows_of

from recall.experiments.learning_stages import measure as stage_jobs
from recall.experiments.learning_stages import shared as stage_common
from recall.experiments.learning_stages import summary as stage_summary
from recall.models import stage_training


def change(**fields):
    return dataclasses.replace(SMALL, **fields)


@pytest.fixture(scope="module")
def traced():
    return rows_of(SMALL, trace=True)


def test_a_run_leaves_a_row_a_check_pictures_and_an_end(traced):
    kinds = [row["kind"] for row in traced]
    assert kinds.count("trace") == SMALL.num_steps / SMALL.check_every
    assert kinds.count("picture") == 256 / (stage_jobs.CHUNK * SMALL.check_every)
    assert kinds.count("run") == 1
    assert len({row["key"] for row in traced}) == len(traced)
    steps = [row["steps"] for row in traced if row["kind"] == "trace"]
    assert steps == list(range(4, 257, 4))
    picture = next(row for row in traced if row["kind"] == "picture")
    assert np.shape(picture["scores"]) == (10,)
    assert np.shape(picture["values"]) == (4, 10)


def test_an_end_says_what_its_trace_says(traced):
    (end,) = (row for row in traced if row["kind"] == "run")
    trace = [row for row in traced if row["kind"] == "trace"]
    assert end["loss"] == trace[-1]["loss"]
    assert end["distance_least"] == min(row["distance"] for row in trace)
    before, after = (
        next(r for r in trace if r["relation_loss"] < math.log(2) / 2),
        [r for r in trace if r["relation_loss"] >= math.log(2) / 2][-1],
    )
    assert after["steps"] <= end["relation_step"] <= before["steps"]
    assert end["finite"]
    assert end["entropy"] == pytest.approx(math.log(2))
    assert end["subjects"] == 4


def test_relations_and_facts_are_learned_when_theory_says(traced):
    end = traced[-1] if traced[-1]["kind"] == "run" else traced[-2]
    assert end["kind"] == "run"
    for what in ("relation", "facts"):
        assert end[f"{what}_step"] == pytest.approx(end[f"predicted_{what}"], rel=0.1)
    assert end["escape_relation"] < end["predicted_relation"]


WIDE = change(subjects=8, relations=4, noise=5, seed=3)
WILD = change(learning_rate=1e6, init_scale=1.0)


@pytest.fixture(scope="module")
def beside():
    """Ends of three runs side by side, by lane."""
    lanes = WIDE, SMALL, WILD
    found = {row["search"]: row for row in rows_of(*lanes)}
    return [found[lane.digest()] for lane in lanes]


def test_a_lane_does_not_depend_on_what_runs_beside_it(traced, beside):
    (alone,) = (row for row in traced if row["kind"] == "run")
    wide, mine, _ = beside
    for column in ("loss", "relation_step", "facts_step", "distance_least"):
        assert mine[column] == pytest.approx(alone[column], rel=2e-3)
    assert wide["relations"] == 4
    assert wide["finite"]


def test_a_run_that_diverges_is_a_row_and_the_others_go_on(beside):
    _, tame, wild = beside
    assert not wild["finite"]
    assert wild["loss"] is None
    assert wild["facts_step"] is None
    assert wild["steps"] < tame["steps"] == SMALL.num_steps
    assert tame["finite"]
    (found,) = stage_summary.settings([wild])
    assert found.diverged == 1
    assert math.isnan(found.facts.median)


def test_lanes_that_are_done_are_not_run_again():
    other = change(seed=1)
    rows = rows_of(SMALL, other, done={SMALL.digest()})
    assert [row["search"] for row in rows] == [other.digest()]


def test_a_run_stops_once_facts_are_learned_if_it_is_asked_to():
    (row,) = rows_of(change(until_learned=True))
    assert row["facts_step"] < row["steps"] < SMALL.num_steps


def test_many_lanes_and_chunks_are_one_compilation(monkeypatch):
    traced = []
    lanes = [change(seed=s) for s in range(2 * stage_jobs.SIDE_BY_SIDE)]
    stage_jobs.program.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(stage_jobs.stage_training, "check", _counted(traced))
        rows = rows_of(*lanes)
    stage_jobs.program.cache_clear()
    assert len(rows) == len(lanes)
    assert len(traced) == 1


def _counted(traced):
    """`stage_training.check`, which notes when it is traced."""
    check = stage_training.check

    def noted(*given):
        traced.append(given)
        return check(*given)

    return noted


@pytest.mark.parametrize(
    "fields",
    [
        {"embedding": "sphere", "d": 8, "attention": "softmax", "init": "gaussian"},
        {"optimizer": "flow", "loss": "population"},
        {
            **{"model": "transformer", "attention": "softmax", "init": "usual"},
            **{"embedding": "sphere", "d": 8, "heads": 2, "head_dim": 3, "m": 4},
            **{"init_scale": 1.0, "optimizer": "muon", "learning_rate": 0.01},
        },
    ],
)
def test_every_model_is_trained_and_measured(fields):
    first, *_, last = (
        row for row in rows_of(change(**fields), trace=True) if row["kind"] == "trace"
    )
    assert last["finite"]
    assert last["loss"] < first["loss"] < 2 * math.log(4)
    assert (last["to_subject"] is None) == (fields.get("model") == "transformer")


def test_there_is_no_prediction_where_theory_says_nothing():
    for fields in ({"structured": False}, {"init": "gaussian"}):
        assert set(change(**fields).predicted().values()) == {None}
    scaled = change(init="paper", init_scale=1e-2 / math.sqrt(5))
    expected = SMALL.predicted()["predicted_facts"]
    assert scaled.predicted()["predicted_facts"] == pytest.approx(expected)


def test_jobs_hold_lanes_of_one_program_the_longest_first():
    lanes = [change(seed=s, subjects=S) for s in (0, 1) for S in (4, 8, 64)]
    found = stage_common.batches_of([*lanes, change(optimizer="adam")])
    assert sorted(len(job.lanes) for job in found) == [1, 2, 2, 2]
    costs = [job.about().core_seconds for job in found]
    assert costs == sorted(costs, reverse=True)
    for job in found:
        assert len({lane.program() for lane in job.lanes}) == 1
