"""Several processes are one run: its rows are those of a single process."""

import io
import os
import pathlib
import socket
import subprocess
import sys
from typing import Any

import jax
import pytest
import sweeps
from rich.console import Console

from configs import large_memory
from recall.runs import launching, planning, processes, shards, signals
from recall.store import journal

ROOT = pathlib.Path(__file__).parents[2]
FAST = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
LARGE = (
    "--config=configs/large_memory.py:quick",
    "--config.memories=(('linear', 8, 0, 33),)",  # twice what it can store
    "--config.parts=0,",
    "--config.chunk=4",
    "--config.num_steps.linear=96",
)


def config(**fields):
    """What LARGE says."""
    made: Any = large_memory.get_config("quick")
    made.memories, made.parts = (("linear", 8, 0, 33),), (0,)
    made.chunk, made.num_steps.linear = 4, 96
    made.update(fields)
    return made


def run(workdir):
    """Runs it on one device of this process; returns all rows of the workdir."""
    plan, console = planning.plan_of(config()), Console(file=io.StringIO())
    return launching.run(config(), plan, workdir, jax.devices()[:1], console)


def together(count, workdir):
    """Runs it in so many processes at once, on one device each; returns their words."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1", "XLA_FLAGS": FAST}
    command = [sys.executable, "-m", "recall.main", *LARGE, f"--workdir={workdir}"]
    command += ["--distributed", f"--coordinator=127.0.0.1:{port}"]
    command += [f"--num_processes={count}", "--nocompile_cache"]
    started = [
        subprocess.Popen(
            [*command, f"--process_id={i}"],
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
    return said


def losses(rows):
    return {row["key"]: row["loss"] for row in rows if row["kind"] == "trace"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Rows of a single process."""
    return run(tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize(
    "count",
    [
        2,
        pytest.param(
            4,
            marks=pytest.mark.skipif(
                "RECALL_SLOW_TESTS" not in os.environ,
                reason="twice the seconds of two processes; set RECALL_SLOW_TESTS",
            ),
        ),
    ],
)
def test_processes_hold_one_large_memory(count, tmp_path, alone):
    said = together(count, tmp_path)
    rows = journal.read_rows(tmp_path)
    ours, theirs = losses(rows), losses(alone)
    assert ours.keys() == theirs.keys()
    assert len(ours) == 3
    for key, loss in theirs.items():
        assert ours[key] == pytest.approx(loss, abs=1e-5)
    ends = [[r for r in some if r["kind"] == "run"] for some in (rows, alone)]
    assert [row["devices"] for (row,) in ends] == [count, 1]
    assert len({row["correct"] for (row,) in ends}) == 1
    assert len(list((tmp_path / "rows").glob("*.jsonl"))) == 1  # of the first
    assert not list((tmp_path / "state").iterdir())
    assert ["Large memories" in text for text in said] == [True] + [False] * (count - 1)
    assert (tmp_path / "figure.png").exists()


def test_a_large_memory_goes_on_from_where_it_was_stopped(tmp_path, monkeypatch, alone):
    """It is stopped after its second check of three; nothing is done twice."""
    asked = iter([False, False, True])  # as it begins, and after each check

    def check(self):
        if next(asked, False):
            raise signals.Stopped(2)

    monkeypatch.setattr(signals.StopRequest, "check", check)
    with pytest.raises(signals.Stopped):
        run(tmp_path)
    assert len(sweeps.written(tmp_path)) == 2
    assert list((tmp_path / "state").iterdir())
    assert losses(run(tmp_path)) == losses(alone)
    assert len(sweeps.written(tmp_path)) == 4
    assert not list((tmp_path / "state").iterdir())


def test_lanes_are_dealt_round_and_what_spans_devices_is_everybodys(monkeypatch):
    plan = planning.plan_of(sweeps.config())
    (spanning,) = planning.plan_of(config()).batches
    both = plan._replace(batches=[*plan.batches, spanning])
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    dealt = []
    for index in range(3):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        *single, last = processes.share(both).batches
        assert last == spanning
        assert single == shards.share(plan, shards.Shard(index, 3)).batches
        dealt += [lane.digest() for batch in single for lane in batch.lanes]
    assert sorted(dealt) == sorted(lane.digest() for lane in plan.lanes)


def test_a_batch_that_raises_is_a_row_that_says_why(tmp_path, monkeypatch):
    def broken(self, devices, done, restore):
        raise RuntimeError("no more memory")

    (batch,) = planning.plan_of(config()).batches
    monkeypatch.setattr(type(batch), "run", broken)
    (row,) = run(tmp_path)
    assert row["kind"] == "failed"
    assert "no more memory" in row["error"]
    assert row["search"] == batch.lanes[0].digest()


def test_batches_for_more_devices_than_there_are_are_skipped_by_name(monkeypatch):
    plan = planning.plan_of(config(parts=(0, 1, 3)))
    fitted: Any = processes.fitting(plan, jax.devices()[:2])
    assert [batch.devices for batch in fitted.batches] == [0, 1]
    assert "devices=3: there are 2 devices" in fitted.skipped[0]
    with pytest.raises(ValueError, match="Expected batches for 2 devices"):
        processes.fitting(planning.plan_of(config(parts=(3,))), jax.devices()[:2])
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    fitted = processes.fitting(plan, jax.devices()[:1])
    assert [batch.devices for batch in fitted.batches] == [0]
    assert "processes need all" in fitted.skipped[0]


@pytest.mark.parametrize(
    "given", [("127.0.0.1:1", 2, 2), ("127.0.0.1:1", 0, 0), ("somewhere", 2, 1)]
)
def test_a_run_that_cannot_be_joined_is_named(given):
    with pytest.raises(ValueError, match="Expected --coordinator=host:port") as caught:
        processes.join(*given)
    flags = zip(("coordinator", "num_processes", "process_id"), given, strict=True)
    got = ", ".join(f"--{flag}={value}" for flag, value in flags)
    assert f"got {got}" in str(caught.value)


def test_flags_that_are_missing_are_named():
    with pytest.raises(ValueError, match="Expected --coordinator=host:port") as caught:
        processes.join("somewhere", None, 1)
    got = "got --coordinator=somewhere, no --num_processes, --process_id=1."
    assert str(caught.value).endswith(got)


@pytest.mark.parametrize(
    ("variable", "told", "least"),
    [("JAX_NUM_PROCESSES", "two", 1), ("JAX_PROCESS_ID", "-1", 0)],
)
def test_a_variable_that_is_no_number_is_named(monkeypatch, variable, told, least):
    monkeypatch.setenv(variable, told)
    with pytest.raises(ValueError, match=f"Expected {variable}=n with n >= {least}"):
        processes.join("127.0.0.1:1", None, None)


def test_a_single_process_speaks_for_all():
    assert jax.process_count() == 1
    assert processes.everywhere(jax.devices()[:1]) == jax.devices()[:1]
    assert processes.is_first()
    assert processes.first_process_says(True)
    assert processes.agreed(["a", "b"], {"b", "c"}) == {"b"}


def test_what_the_first_process_says_is_over_holds_for_all(monkeypatch):
    """Or one process would wait for the others in a batch that they leave out."""
    monkeypatch.setattr(processes, "first_process_says", lambda flag: False)
    assert processes.agreed(["a", "b"], {"b"}) == set()
