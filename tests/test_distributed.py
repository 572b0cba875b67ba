"""Several processes are one run: its rows are those of a single process."""

import os
import pathlib
import socket
import subprocess
import sys

import pytest
import sweeps

from recall import jobs, journal

ROOT = pathlib.Path(__file__).parents[1]
LANES = (
    "--config=configs/linear_capacity.py:quick",
    "--config.memories=('outer_product', 'linear')",
    "--config.d=4,",
    "--config.seeds=0,1",
    "--config.constructed_seeds=0,1,2",
    "--config.thresholds=1.0,",
    "--config.training.num_steps=64",
)
LARGE = (
    "--config=configs/large_memory.py:quick",
    "--config.memories=(('outer_product', 8, 0, 21), ('linear', 8, 0, 33))",
    "--config.parts=0,",
    "--config.chunk=4",
    "--config.num_steps.linear=64",
)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def launch(tmp_path):
    """Runs a command in so many processes that share a workdir; returns its rows."""

    def launch(name, count, *arguments):
        port, workdir = free_port(), tmp_path / name
        command = [sys.executable, "-m", "recall.main", *arguments]
        command += [f"--workdir={workdir}"]
        if count > 1:
            command += ["--distributed", f"--coordinator=127.0.0.1:{port}"]
            command += [f"--num_processes={count}"]
        environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1"}
        environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
        started = [
            subprocess.Popen(
                [*command, *([f"--process_id={i}"] if count > 1 else [])],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for i in range(count)
        ]
        said = [process.communicate(timeout=240)[0] for process in started]
        assert [process.returncode for process in started] == [0] * count, said
        return workdir, said

    return launch


def ends(workdir):
    """What was found of each lane, without what depends on the devices."""
    columns = ("steps", "correct", "capacity", "upper", "num_probes", "stored")
    rows = [row for row in journal.read_rows(workdir) if row["kind"] in jobs.ENDS]
    return {row["key"]: [row.get(column) for column in columns] for row in rows}


def losses(workdir):
    return {
        row["key"]: row["loss"]
        for row in journal.read_rows(workdir)
        if row["kind"] == "trace"
    }


def test_lanes_are_shared_by_two_processes(launch):
    alone, _ = launch("alone", 1, *LANES)
    workdir, said = launch("two", 2, *LANES)
    assert ends(workdir) == ends(alone)
    assert len(ends(workdir)) == 5
    files = [path.read_text() for path in (workdir / "rows").glob("*.jsonl")]
    assert len(files) == 2  # each has written, and only what is its own
    keys = sweeps.written(workdir)
    assert len(keys) == len(set(keys))
    assert "Facts stored" in said[0]
    assert "Facts stored" not in said[1]
    assert (workdir / "figure.png").exists()


def test_four_processes_hold_one_large_memory(launch):
    alone, _ = launch("alone", 1, *LARGE)
    workdir, _ = launch("four", 4, *LARGE)
    assert ends(workdir) == ends(alone)
    ours, theirs = losses(workdir), losses(alone)
    assert ours.keys() == theirs.keys()
    for key, loss in theirs.items():
        assert ours[key] == pytest.approx(loss, abs=1e-5)
    rows = [row for row in journal.read_rows(workdir) if row["kind"] == "run"]
    assert {row["devices"] for row in rows} == {4}
    assert len(list((workdir / "rows").glob("*.jsonl"))) == 1
