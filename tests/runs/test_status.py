"""How far a run is, told from what its processes left on disk."""

import contextlib
import importlib
import importlib.util
import json
import os
import time

import pytest
import sweeps
from configs_made import NEEDS

from recall.runs import heartbeat, planning, status
from recall.store import files, journal
from recall.sweeps import presets

CONFIGS = sorted(path.stem for path in presets.FOLDER.glob("[a-z]*.py"))


# Packages of the extra `real`, and a model, which tests do without.


@pytest.fixture
def book(tmp_path):
    return journal.open_journal(tmp_path, sweeps.config(**sweeps.BUILT).to_dict())


LANES = planning.plan_of(sweeps.config(**sweeps.BUILT)).lanes


def row(lane, kind):
    key = f"{lane.digest()}:{kind}"
    return {"search": lane.digest(), "kind": kind, "key": key}


def test_lanes_are_done_failed_running_or_left(book):
    done, failed, mended, running = LANES
    rows = [row(done, "capacity"), row(failed, "failed"), row(mended, "failed")]
    journal.append(book, [*rows, row(mended, "capacity")])
    with contextlib.closing(heartbeat.Heartbeat(book)) as beats:
        beats.claim([done.digest(), running.digest()])
        found = status.read(book.workdir)
        assert (found.lanes, found.done, found.failed) == (4, 2, 1)
        assert (found.running, found.left) == (1, 0)
        (writer,) = found.writers
        assert writer.name == book.path.stem
        assert (writer.ended, writer.at_work) == (2, 1)
        assert writer.silent < 5
        assert found.seconds is not None
        assert "4 lanes: 2 done, 1 running, 1 failed, 0 left" in status.lines(found)
    found = status.read(book.workdir)
    assert (found.running, found.left, found.seconds) == (0, 1, None)
    assert "by the plan's estimate" in status.lines(found)[1]


def test_whoever_is_silent_does_not_run(book):
    with contextlib.closing(heartbeat.Heartbeat(book)) as beats:
        beats.claim([LANES[0].digest()])
        (path,) = (book.workdir / heartbeat.FOLDER).iterdir()
        past = time.time() - 600
        os.utime(path, (past, past))
        found = status.read(book.workdir)
    assert (found.running, found.left) == (0, 4)
    assert 590 < found.writers[0].silent < 620
    table = status.table(found)
    assert len(table.rows) == 1


def test_the_rest_takes_as_long_as_what_is_left_costs_at_the_rate_so_far(book):
    journal.append(book, [row(lane, "capacity") for lane in LANES[:3]])
    with contextlib.closing(heartbeat.Heartbeat(book)) as beats:
        beats.claim([LANES[3].digest()])
        (path,) = (book.workdir / heartbeat.FOLDER).iterdir()
        told = json.loads(path.read_text())
        path.write_text(json.dumps(told | {"start": told["start"] - 300}))
        found = status.read(book.workdir)
    # Three alike lanes took 300 s: one more takes 100 s.
    assert found.seconds == pytest.approx(100, rel=0.05)
    assert "about 2 min at the rate so far" in status.lines(found)[1]


def test_a_finished_run_has_nothing_left(book):
    journal.append(book, [row(lane, "capacity") for lane in LANES])
    found = status.read(book.workdir)
    assert "the same command writes them" in status.lines(found)[-1]
    (book.workdir / "figure.png").touch()
    found = status.read(book.workdir)
    assert status.lines(found)[-1] == "Nothing is left to do."


def test_reading_leaves_the_folder_as_it_is(book):
    before = {path: path.stat().st_mtime_ns for path in book.workdir.rglob("*")}
    status.read(book.workdir)
    after = {path: path.stat().st_mtime_ns for path in book.workdir.rglob("*")}
    assert before == after


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(files.StoreError, match=r"nowhere, where config\.json is mis"):
        status.read(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(files.StoreError, match=r"config\.json is damaged; delete"):
        status.read(tmp_path)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_read_back_from_a_workdir_plans_the_same_lanes(name, tmp_path):
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    made = importlib.import_module(f"configs.{name}").get_config("quick")
    lanes = planning.plan_of(made).lanes
    journal.open_journal(tmp_path, made.to_dict())
    again = planning.config_of(journal.read_config(tmp_path))
    assert planning.plan_of(again).lanes == lanes
    journal.open_journal(tmp_path, again.to_dict())  # it is the same config
