"""Several processes are one run: its rows are those of a single process."""

import os
import pathlib
import socket
import subprocess
import sys

import jax
import many_processes
import pytest
import sweeps

from recall import distributed, interrupt, jobs, journal, planning

ROOT = pathlib.Path(__file__).parents[1]
FAST = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
LANES = (
    "--config=configs/linear_capacity.py:quick",
    "--config.memories=('outer_product',)",
    "--config.d=4,",
    "--config.constructed_seeds=0,1,2,3",
    "--config.thresholds=1.0,",
)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def together(commands):
    """Runs commands at once, each on one device; returns what each said."""
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1", "XLA_FLAGS": FAST}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    how = {"cwd": ROOT, "env": environment, "text": True}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    started = [
        subprocess.Popen([sys.executable, *map(str, command)], **how, **pipes)
        for command in commands
    ]
    said = [process.communicate(timeout=240)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(said), said
    return said


def ends(rows):
    """What was found of each lane, without what depends on the devices."""
    columns = ("steps", "correct", "capacity", "upper", "num_probes")
    kept = [row for row in rows if row["kind"] in jobs.ENDS]
    return {row["key"]: [row.get(column) for column in columns] for row in kept}


def losses(rows):
    return {row["key"]: row["loss"] for row in rows if row["kind"] == "trace"}


def test_lanes_are_shared_by_two_processes(tmp_path):
    alone = sweeps.run(tmp_path / "alone", **sweeps.BUILT)
    port, workdir = free_port(), tmp_path / "two"
    same = ["-m", "recall.main", *LANES, f"--workdir={workdir}", "--distributed"]
    same += [f"--coordinator=127.0.0.1:{port}", "--num_processes=2"]
    said = together([[*same, f"--process_id={i}"] for i in (0, 1)])
    assert ends(journal.read_rows(workdir)) == ends(alone)
    assert len(ends(alone)) == 4
    files = [path.read_text() for path in (workdir / "rows").glob("*.jsonl")]
    assert [text.count('"kind": "capacity"') for text in files] == [2, 2]
    keys = sweeps.written(workdir)
    assert len(keys) == len(set(keys))
    assert "Facts stored" in said[0]
    assert "Facts stored" not in said[1]
    assert (workdir / "figure.png").exists()


def test_four_processes_hold_one_large_memory(tmp_path):
    alone, workdir = many_processes.run(tmp_path / "alone"), tmp_path / "four"
    script, port = ROOT / "tests/many_processes.py", free_port()
    together([[script, port, 4, i, workdir] for i in range(4)])
    rows = journal.read_rows(workdir)
    assert ends(rows) == ends(alone)
    ours, theirs = losses(rows), losses(alone)
    assert ours.keys() == theirs.keys()
    for key, loss in theirs.items():
        assert ours[key] == pytest.approx(loss, abs=1e-5)
    assert {row["devices"] for row in rows} == {4}
    assert {row["devices"] for row in alone} == {1}
    assert len(list((workdir / "rows").glob("*.jsonl"))) == 1  # of the first
    assert not list((workdir / "state").iterdir())


def test_a_large_memory_goes_on_from_where_it_was_stopped(tmp_path, monkeypatch):
    """Its second check is cut off; the next launch redoes nothing but that one."""
    whole = many_processes.run(tmp_path / "whole")
    asked = iter([False, False, False, True])

    def check(self):
        if next(asked, False):
            raise interrupt.Stopped(2)

    monkeypatch.setattr(interrupt.Asked, "check", check)
    with pytest.raises(interrupt.Stopped):
        many_processes.run(tmp_path / "cut")
    before = len(sweeps.written(tmp_path / "cut"))
    assert 2 < before < len(whole)
    assert len(list((tmp_path / "cut" / "state").iterdir())) >= 1
    resumed = many_processes.run(tmp_path / "cut")
    assert losses(resumed) == losses(whole)
    keys = sweeps.written(tmp_path / "cut")
    assert len(keys) == len(set(keys))
    assert not list((tmp_path / "cut" / "state").iterdir())


def test_jobs_for_more_devices_than_there_are_are_skipped_by_name():
    made = many_processes.config()
    made.parts = (0, 1, 3)
    plan = distributed.fitting(planning.plan_of(made), jax.devices()[:2])
    assert [job.parts for job in plan.jobs] == [0, 1, 0, 1]
    assert len(plan.skipped) == 2
    assert "devices=3: there are 2 devices" in plan.skipped[0]
    made.parts = (3,)
    with pytest.raises(ValueError, match="Expected jobs for 2 devices"):
        distributed.fitting(planning.plan_of(made), jax.devices()[:2])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((None, 2, 0), "coordinator_address"),
        (("127.0.0.1:1", None, 0), "Number of processes"),
        (("127.0.0.1:1", 2, 2), "got 127.0.0.1:1, 2, 2"),
    ],
)
def test_a_run_that_cannot_be_joined_is_named(given, words, monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="Expected --coordinator=host:port") as caught:
        distributed.join(*given)
    assert words in str(caught.value)
