"""The page without a browser: whole, alone, escaped."""

import html.parser
import json
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
from capacity_rows import search

from recall import experiments
from recall.pages import commands, drawings, page, report
from recall.runs import sources
from recall.stats.table import Table
from recall.store import journal

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("recall_train", "memory_weights")
EVIL = "<script>alert(1)</script>"
VOID = {"meta", "link", "br", "input"}


class Reader(html.parser.HTMLParser):
    """Notes ids, references, and whether tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.targets, self.open, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.ids += [named["id"]] if "id" in named else []
        self.targets += [named[n] for n in ("src", "href") if n in named]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def found():
    return [sources.committed(sources.RESULTS / f"{name}.csv") for name in NAMES]


@pytest.fixture(scope="module")
def text(found):
    return page.page(map(page.part, found), "committed")


def source(rows, config=None):
    return sources.Source("mlp_capacity", rows, [], config, "runs/x", "runs/x", False)


def test_a_page_holds_a_figure_and_tables_of_every_experiment_and_closes_its_tags(text):
    reader = Reader(text)
    assert not reader.open
    assert reader.tags.count("svg") == reader.tags.count("figure") == len(NAMES)
    assert reader.tags.count("table") == len(NAMES)
    assert set(NAMES) <= set(reader.ids)


def test_a_page_refers_to_nothing_outside_and_its_ids_are_its_own(text):
    reader = Reader(text)
    assert len(reader.ids) == len(set(reader.ids))
    for target in reader.targets:
        assert target.startswith(("#", "data:"))
        assert target[1:] in reader.ids or not target.startswith("#")
    inside = set(re.findall(r"url\(#([^)]+)\)", text))
    assert inside <= set(reader.ids)
    assert not re.search(r"@import|url\((?!#)|https?://(?!www\.w3\.org)", text)


def test_sections_are_small_enough_for_twenty_in_three_megabytes(text):
    assert len(text) < 20_000 + len(NAMES) * 150_000


def test_text_of_rows_is_escaped_wherever_it_comes():
    rows = [search(9, seed=s, activation=EVIL, git_commit=EVIL) for s in range(2)]
    made = page.page(
        [page.part(source(rows, {"experiment": EVIL, "preset": ""}))], EVIL
    )
    assert EVIL not in made
    assert "&lt;script&gt;alert(1)" in made
    assert "<b>" not in Table("<b>", ("<b>",), [["<b>"]], "<b>").html()


def test_a_run_without_a_figure_yet_says_why():
    probe = {"kind": "probe", "search": "a", "n": 3, "experiment": "mlp_capacity"}
    made = page.page([page.part(source([probe]))], "x")
    assert "No figure yet: Expected capacity rows" in made
    assert "1 probes" in made


def test_names_in_a_drawing_are_its_own_and_numbers_short(found):
    one, other = (drawings.draw(s.experiment, s.rows) for s in found)
    assert not set(Reader(one).ids) & set(Reader(other).ids)
    assert not re.search(r"\d\.\d{3,}", one)
    assert "Facts" in one or "facts" in one or "accuracy" in one  # text stays text


def test_the_command_of_a_run_says_what_it_overrode():
    config = dict(sources.default_config("linear_capacity", ("quick",)) or {})
    config["d"] = [8, 16]
    config["search"] = config["search"] | {"resolution": 0.5}
    said = commands.of_run("linear_capacity", config, "runs/x")
    assert shlex.split(said) == [
        *("python", "-m", "recall.main", "--config=configs/linear_capacity.py:quick"),
        *("--workdir=runs/x", "--config.d=(8, 16)", "--config.search.resolution=0.5"),
    ]


def test_the_command_of_a_run_repeats_no_case_that_json_has_spelled_otherwise():
    config = json.dumps(sources.default_config("real_facts", ("quick",)))
    said = commands.of_run("real_facts", json.loads(config), "runs/x")
    assert "--config.cases" not in said


def test_the_command_of_a_run_leaves_out_what_was_read_from_a_file():
    config = dict(sources.default_config("recall_train", ("quick",)) or {})
    said = commands.of_run("recall_train", config | {"table": [[0, 1]]}, "runs/x")
    assert "table" not in said


def test_every_committed_experiment_is_on_the_page():
    named = {
        path.stem for path in sources.RESULTS.glob("*.csv")
    } & experiments.plans().keys()
    assert {"atlas", "recall_train"} <= named


def test_a_page_of_a_workdir_is_written_beside_its_rows(tmp_path):
    config = {"experiment": "mlp_capacity", "preset": "", "d": [32]}
    book = journal.open_journal(tmp_path, config)
    journal.append(book, [search(64, seed=s, search=f"s{s}") for s in range(2)])
    path = report.write(str(tmp_path), None)
    assert path == tmp_path / "report.html"
    assert "1 experiment: 2 searches." in path.read_text()
    assert not Reader(path.read_text()).open


@pytest.mark.parametrize("damage", ["absent", "empty", "config", "row"])
def test_what_cannot_be_shown_is_one_line(tmp_path, damage):
    if damage != "absent":
        book = journal.open_journal(tmp_path, {"experiment": "mlp_capacity"})
        journal.append(book, [] if damage == "empty" else [search(64)])
    if damage == "config":
        (tmp_path / "config.json").write_text("{")
    if damage == "row":
        (tmp_path / "rows" / "x.jsonl").write_text("[]\n")
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        report.write(str(tmp_path), None)
    assert str(tmp_path) in str(error.value)
    if damage in ("absent", "empty"):
        assert "un" in str(error.value)


def test_without_committed_rows_it_says_what_to_run_first(tmp_path):
    with pytest.raises(sources.SourceError, match=r"--config=configs/recall_train\.py"):
        sources.of_results(tmp_path)


@pytest.mark.parametrize("flag", ["--report", "--diagnose"])
def test_the_command_refuses_a_workdir_without_a_run(tmp_path, flag):
    done = subprocess.run(
        [sys.executable, "-m", "recall.main", flag, f"--workdir={tmp_path}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("recall: Expected a workdir that holds a run; got")
    assert done.stderr.count("\n") == 1
