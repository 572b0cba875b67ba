"""Stage times over seeds, by hand; tables and figures that are made of them."""

import math
import pathlib

import numpy as np
import pytest
import stage_rows
from matplotlib.figure import Figure

from recall import experiments
from recall.experiments.learning_stages import summary as stage_summary
from recall.experiments.learning_stages import table as report_stages
from recall.store import csv_files

RESULTS = pathlib.Path(__file__).parents[3] / "results"
NAMES = ("sequential_learning", "stage_ratio", "stage_optimizer")


def test_settings_are_medians_over_seeds():
    rows = [
        stage_rows.run(seed=i, facts_step=t)
        for i, t in enumerate((420.0, 400.0, 500.0))
    ]
    (found,) = stage_summary.settings([*rows, {"kind": "trace"}])
    assert found.seeds == 3
    assert found.facts == (420, 400, 500)
    assert found.relation == (100, 100, 100)
    assert found.share.high == pytest.approx(200 / 400)
    assert found.predicted_share == pytest.approx(200 / 500)


def test_other_settings_are_other_points():
    rows = [stage_rows.run(), stage_rows.run(noise=5), stage_rows.run(seed=1)]
    assert [s.seeds for s in stage_summary.settings(rows)] == [2, 1]


def test_what_most_seeds_never_learn_has_no_time():
    rows = [stage_rows.run(seed=i, facts_step=None) for i in range(2)]
    (found,) = stage_summary.settings([*rows, stage_rows.run(seed=2)])
    assert math.isnan(found.facts.median)
    (found,) = stage_summary.settings(
        [*rows[:1], *[stage_rows.run(seed=s) for s in (3, 4)]]
    )
    assert found.facts.median == 400


def test_no_plateau_is_no_share_and_an_endless_one_is_of_the_whole_run():
    (found,) = stage_summary.settings([stage_rows.run(plateau_start_step=None)])
    assert found.share.median == 0
    (found,) = stage_summary.settings([stage_rows.run(facts_step=None)])
    assert found.share.median == pytest.approx(200 / 1000)


def test_deviations_are_from_reduced_training_where_it_was():
    rows = [
        stage_rows.run(),
        stage_rows.run(optimizer="adam", reduced_relation=80.0, reduced_facts=320.0),
    ]
    found = stage_summary.settings(rows)
    np.testing.assert_allclose(
        stage_summary.deviations(found), [[0, -0.2], [0.25, 0.25]]
    )
    said = report_stages.describe(found)
    assert "2 settings: relation +0.0% to +25.0%, facts -20.0% to +25.0%" in said


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="Expected rows of runs"):
        stage_summary.settings([{"kind": "trace"}])


def test_a_table_has_a_line_a_setting_and_counts_what_diverged():
    rows = [stage_rows.run(), stage_rows.run(noise=5, finite=False, facts_step=None)]
    (made,) = report_stages.tables(rows)
    text = made.markdown()
    assert "1 !1" in text
    assert "16 4 8" in text
    assert "50%" in text


@pytest.mark.parametrize("name", NAMES)
def test_committed_rows_are_drawn(name):
    rows = csv_files.read(RESULTS / f"{name}.csv")
    assert isinstance(experiments.draw(name, rows), Figure)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_of_nothing_is_refused(name):
    with pytest.raises(ValueError, match="Expected rows"):
        experiments.draw(name, [])


def test_stages_are_shaded_and_pictures_hang_below():
    rows = csv_files.read(RESULTS / "sequential_learning.csv")
    drawn = experiments.draw("sequential_learning", rows)
    texts = [t.get_text() for axes in drawn.axes for t in axes.texts]
    assert "p(answer | relation) is predicted" in texts
    titles = [axes.get_title("left") for axes in drawn.axes]
    assert sum("step" in title for title in titles) == 5


def test_committed_stages_are_those_of_theory():
    """The law within 15 %, over 30 settings and more, of 5 seeds each."""
    found = stage_summary.settings(csv_files.read(RESULTS / "stage_ratio.csv"))
    off = stage_summary.deviations(found)
    assert len(found) >= 30
    assert min(s.seeds for s in found) >= 5
    assert np.abs(off).max() < 0.15


def test_a_run_that_diverged_is_drawn_without_the_pictures_that_it_has_not():
    rows = csv_files.read(RESULTS / "sequential_learning.csv")
    lost = [
        row | {"scores": [None] * len(row["scores"]), "finite": False}
        if row["kind"] == "picture"
        else row
        for row in rows
    ]
    whole, drawn = (
        experiments.draw("sequential_learning", some) for some in (rows, lost)
    )
    assert len(drawn.axes) < len(whole.axes)
