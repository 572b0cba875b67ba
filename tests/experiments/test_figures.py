"""Every figure is drawn from committed rows, and refuses to be drawn from none."""

import pathlib

import pytest

from recall import experiments
from recall.store import csv_files

RESULTS = pathlib.Path(__file__).parents[2] / "results"


@pytest.mark.parametrize("name", experiments.plans())
def test_a_figure_is_drawn_from_committed_rows(name):
    drawn = experiments.draw(name, csv_files.read(RESULTS / f"{name}.csv"))
    drawn.draw_without_rendering()
    assert any(axes.has_data() for axes in drawn.axes)
    with pytest.raises(ValueError, match=r"^Expected "):
        experiments.draw(name, [])
