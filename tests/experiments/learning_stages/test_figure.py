"""Figures of stages are legible, and drawn twice alike."""

import pathlib

import panels
import pytest

from recall.store import csv_files

RESULTS = pathlib.Path(__file__).parents[3] / "results"
NAMES = ("sequential_learning", "stage_optimizer", "stage_ratio")
ROWS = {name: csv_files.read(RESULTS / f"{name}.csv") for name in NAMES}


@pytest.mark.parametrize("name", ROWS)
def test_texts_overlap_nowhere(name):
    panels.check_texts(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_the_legend_covers_no_data(name):
    panels.check_legend(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_files_are_alike_to_the_byte(name, tmp_path):
    panels.check_bytes(name, ROWS[name], tmp_path)
