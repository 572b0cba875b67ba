"""Texts say what the committed rows say, and figures are drawn from them."""

import importlib.util
from pathlib import Path

import pytest

from recall import figures, journal

ROOT = Path(__file__).parents[1]
DRAWN = [path for path in ROOT.glob("results/*.csv") if path.stem in figures.FIGURES]
CAPACITIES = [path for path in DRAWN if "capacity" in journal.read_csv(path)[0]]


def make_results():
    path = ROOT / "scripts" / "make_results.py"
    spec = importlib.util.spec_from_file_location("make_results", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_texts_have_the_numbers_of_the_committed_rows():
    update = "run `python scripts/make_results.py` and commit what it writes"
    for path, text in make_results().texts().items():
        assert text == path.read_text(), update


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_committed_rows_come_from_committed_code(path):
    assert all(row["git_commit"] for row in journal.read_csv(path))


@pytest.mark.parametrize("path", CAPACITIES, ids=lambda path: path.stem)
def test_committed_capacities_come_from_recorded_probes(path):
    rows = journal.read_csv(path)
    probes = journal.read_csv(path.with_name(f"{path.stem}_probes.csv"))
    stored = {(probe["search"], probe["n"]) for probe in probes if probe["stored"]}
    for row in [row for row in rows if row["kind"] == "capacity"]:
        assert row["capacity"] == 0 or (row["search"], row["capacity"]) in stored
