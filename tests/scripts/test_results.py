"""Texts say what the committed rows say, and figures are drawn from them."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from recall import experiments
from recall.pages import commands
from recall.runs import sources, taking
from recall.store import csv_files

ROOT = Path(__file__).parents[2]
DRAWN = [
    path
    for path in ROOT.glob("results/*.csv")
    if path.stem in {*experiments.plans(), "scaling"}
]
CAPACITIES = [path for path in DRAWN if "capacity" in csv_files.read(path)[0]]
SEEN = ((3, "free"), (1, "copy"))  # seeds and trainings


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


def test_a_stale_text_is_named_with_its_first_line_that_differs(
    tmp_path, monkeypatch, capsys
):
    path, said = tmp_path / "README.md", "same\n" + 30 * "x" + " 2 facts\nmore\n"
    path.write_text(said.replace("2", "3").replace("more", "less"))
    script = make_results()
    monkeypatch.setattr(script, "texts", lambda: {path: said})
    with pytest.raises(SystemExit, match="1"):
        script.check()
    there, rows = ("x" * 19 + f" {count} facts" for count in "32")
    told = f"{path}, line 2: '{there}'; rows say '{rows}'\n"
    assert capsys.readouterr().out == told


def test_a_run_that_is_not_there_is_refused(tmp_path, monkeypatch, capsys):
    workdir = tmp_path / "nowhere"
    monkeypatch.setattr(sys, "argv", ["make_results.py", f"--take={workdir}"])
    with pytest.raises(SystemExit, match="2"):
        make_results().main()
    said = capsys.readouterr().err
    assert re.fullmatch(rf"recall: Expected [^\n]*{workdir}[^\n]*\n", said)


def test_a_run_commits_the_kinds_that_its_table_names():
    kinds = ("run", "probe", "trace", "model", "picture", "capacity")
    rows = [{"kind": kind, "seed": s, "training": t} for kind in kinds for s, t in SEEN]
    for name, expected in (
        ("mlp_capacity", {"capacity"}),
        ("atlas", {"capacity", "run"}),
        ("tradeoff", {"probe"}),
        ("recall_train", {"trace"}),
        ("recall_capacity", {"capacity"}),
        ("stage_ratio", {"run"}),
        ("sequential_learning", {"run", "trace", "picture"}),
        ("storage_location", {"run", "model", "probe"}),
    ):
        kept = taking.kept(name, [row | {"experiment": name} for row in rows])
        assert {row["kind"] for row in kept} == expected, name


def test_curves_of_one_seed_and_ablations_of_one_training_are_committed():
    rows = [
        {"kind": kind, "seed": s, "training": t, "experiment": "sequential_learning"}
        for kind in ("run", "trace", "probe")
        for s, t in SEEN
    ]
    curves = taking.kept("sequential_learning", rows)
    assert [(row["kind"], row["seed"]) for row in curves] == [
        *(("run", 3), ("run", 1)),
        ("trace", 1),
    ]
    ablations = taking.kept("storage_location", rows)
    assert {r["training"] for r in ablations if r["kind"] == "probe"} == {"free"}


def test_committed_rows_are_those_that_would_be_taken_again():
    for path in [path for path in DRAWN if path.stem in experiments.plans()]:
        rows = csv_files.read(path)
        assert taking.kept(path.stem, rows) == rows, path


def test_the_readme_has_a_line_for_every_config_and_the_figure_it_is_of():
    lines = {line[2]: line for line in commands.table().rows}
    assert set(lines) == {f"`configs/{name}.py`" for name in experiments.plans()}
    line = lines["`configs/mlp_capacity.py`"]
    assert line[0] == "Figure 1, right; Figure 6"
    assert line[1] == "An MLP memory stores ~ m d facts, injective or not"
    assert line[3].startswith("quick ")


def test_a_table_without_kinds_is_refused(tmp_path):
    csv_files.write(tmp_path / "atlas.csv", [{"memory": "linear", "d": 8}])
    with pytest.raises(sources.SourceError, match=r"atlas.csv, row 1: kind=None"):
        sources.tables(tmp_path)


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_committed_rows_come_from_committed_code(path):
    assert all(row["git_commit"] for row in csv_files.read(path))


@pytest.mark.parametrize("path", CAPACITIES, ids=lambda path: path.stem)
def test_committed_capacities_come_from_recorded_probes(path):
    rows = csv_files.read(path)
    probes = csv_files.read(path.with_name(f"{path.stem}_probes.csv"))
    stored = {(probe["search"], probe["n"]) for probe in probes if probe["stored"]}
    for row in [row for row in rows if row["kind"] == "capacity"]:
        assert row["capacity"] == 0 or (row["search"], row["capacity"]) in stored
