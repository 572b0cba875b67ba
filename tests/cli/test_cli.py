"""The command, as a person or a scheduler runs it: processes, signals, exit codes.

Every process shares one folder of compiled programs, and the sweep is tiny but slow: a
probe that fails takes ten thousands of steps, so that there is time to interrupt it.
"""

import fcntl
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from recall.runs import signals as interrupt
from recall.store import csv_files, journal

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = "--config=configs/linear_capacity.py:quick"
SWEEP = (
    CONFIG,
    "--config.memories=('outer_product', 'linear')",
    "--config.d=4,8",
    "--config.seeds=0,1,2",
    "--config.constructed_seeds=0,1",
    "--config.thresholds=1.0",
    "--config.training.num_steps=40000",
    "--config.training.check_every=40",
)
NUM_SEARCHES = 2 * 3 + 2 * 2
TIMEOUT = 240
# Columns that say when and by which code, not what.
PROVENANCE = {"wall_seconds", "compile_seconds", "git_commit", "git_dirty"}


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that the workers of this session share."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    (base / "shared").mkdir(exist_ok=True)
    return base / "shared"


@pytest.fixture(scope="session")
def start(shared):
    """Starts a command; all started share their compiled programs."""
    started = []

    def start(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "recall.main", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "XDG_CACHE_HOME": str(shared), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def end(process):
    """Waits for a command; returns its exit code, and what it said."""
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


@pytest.fixture(scope="session")
def undisturbed(start, shared):
    """The workdir of a sweep that ran to its end, and what it printed."""
    workdir, said = shared / "undisturbed", shared / "said.txt"
    with open(shared / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            code, out, err = end(start(*SWEEP, f"--workdir={workdir}"))
            assert (code, err) == (0, "")
            said.write_text(out)
    return workdir, said.read_text()


@pytest.fixture
def without_jax(tmp_path):
    """An environment in which importing JAX, which takes seconds, fails."""
    (tmp_path / "jax.py").write_text("raise ImportError('JAX was imported')\n")
    return {"PYTHONPATH": str(tmp_path)}


def results(workdir):
    """What was found, by key."""
    return {
        row["key"]: {k: v for k, v in row.items() if k not in PROVENANCE}
        for row in journal.read_rows(workdir)
    }


def report(out):
    """The tables that a run prints, without the names of files below them."""
    return out[out.index("Facts stored") : out.index("rows  ")]


def assert_refused(process, *words):
    code, out, err = end(process)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"recall: [^\n]+\n", err), err
    assert all(word in err for word in words), err


# What is refused


def test_help_is_printed_without_loading_jax(start, without_jax):
    code, out, err = end(start("--help", **without_jax))
    assert (code, err) == (0, "")
    for flag in (
        *("--config", "--workdir", "--[no]plan", "--devices", "compile_cache"),
        *("--shard", "--[no]status", "--launcher", "--scheduler", "--grace"),
    ):
        assert flag in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--config=configs/<name>.py"]),
        (["--config=configs/nothing.py"], ["--config", "'configs/nothing.py'"]),
        ([CONFIG[:-5] + "qick"], ["'qick'", "'quick'"]),
        ([CONFIG, "extra"], ["--config=configs/<name>.py", "'extra'"]),
        ([CONFIG, "--config.n_mx=3"], ["--config.n_mx=3", "n_max?"]),
        ([CONFIG, "--config.n_max=3.5"], ["--config.n_max=3.5", "int"]),
        (["--status"], ["--workdir=<folder of a run>"]),
        ([CONFIG, "--scheduler=tcp://a:1"], ["--launcher=dask", "tcp://a:1"]),
        ([CONFIG, "--launcher=dask", "--shard=0/2"], ["--launcher=local", "shard=0/2"]),
        ([CONFIG, "--launcher=ray"], ["--launcher=ray", "local|dask"]),
        ([CONFIG, "--grace=-1"], ["--grace=-1", "non-negative"]),
    ],
)
def test_a_wrong_command_is_refused_in_one_line_at_once(
    start, without_jax, arguments, words
):
    assert_refused(start(*arguments, **without_jax), *words)


def test_a_wrong_value_is_refused_before_anything_is_written(start, tmp_path):
    workdir = tmp_path / "run"
    process = start(CONFIG, "--config.thresholds=1.5", f"--workdir={workdir}")
    assert_refused(process, "thresholds", "1.5", "(0, 1]")
    assert not workdir.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--report", "--claims"], ["one of --report", "got --report, --claims"]),
        (["--num_processes=2", "--plan"], ["--distributed", "num_processes=2"]),
        (["--claims", "--out=x"], ["--report", "out=x"]),
    ],
)
def test_flags_that_mean_nothing_together_are_refused(start, arguments, words):
    assert_refused(start(CONFIG, *arguments), *words)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--devices=99", ["devices=99", "0 <= devices <= "]),
        ("--shard=4/4", ["shard=4/4", "0 <= i < n"]),
        ("--status", ["folder of a run", "/run, where config.json is missing"]),
    ],
)
def test_what_there_is_not_is_refused(start, tmp_path, argument, words):
    workdir = tmp_path / "run"
    process = start(CONFIG, argument, f"--workdir={workdir}")
    assert_refused(process, *words)
    assert not workdir.exists()


def test_a_workdir_that_cannot_be_used_is_refused(start, tmp_path):
    """One after the other, in one test: each costs an import of JAX."""
    file = tmp_path / "file"
    file.write_text("no folder")
    process = start(CONFIG, f"--workdir={file}/run")
    assert_refused(process, f"{file}/run", "expected a place that can be")

    journal.open_journal(tmp_path / "foreign", {"experiment": "another"})
    process = start(CONFIG, f"--workdir={tmp_path}/foreign")
    assert_refused(process, "foreign holds another config", "another --workdir")


def test_a_damaged_journal_is_refused_by_file_and_line(start, undisturbed, tmp_path):
    workdir, _ = undisturbed
    copy = tmp_path / "rows" / "damaged.jsonl"
    copy.parent.mkdir()
    copy.write_text('{"key": "a", "kind": "probe"}\n{"key": 3}\n')
    (tmp_path / "config.json").write_text((workdir / "config.json").read_text())
    process = start(*SWEEP, f"--workdir={tmp_path}")
    assert_refused(process, "damaged.jsonl, line 2", "is damaged")


# What is done


def test_plan_tells_programs_lanes_and_seconds_and_makes_nothing(start, tmp_path):
    workdir = tmp_path / "run"
    code, out, err = end(start(*SWEEP, "--plan", f"--workdir={workdir}"))
    assert (code, err) == (0, "")
    assert not workdir.exists()
    for word in ("lanes", "seconds", "MiB", "outer_product", "linear", "16 to 64"):
        assert word in out
    total = out.split("programs", 1)[1]
    assert re.search(rf"\b{NUM_SEARCHES}\b", total)
    assert "2 programs" in out


def test_a_run_leaves_rows_tables_and_a_figure(undisturbed):
    workdir, out = undisturbed
    rows = journal.read_rows(workdir)
    for name, kind in (("capacities", "capacity"), ("probes", "probe")):
        table = csv_files.read(workdir / f"{name}.csv")
        ours = [row for row in rows if row["kind"] == kind]
        assert table == ours
        assert len(table) >= NUM_SEARCHES
    assert len(csv_files.read(workdir / "capacities.csv")) == NUM_SEARCHES
    assert (workdir / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (workdir / "figure.svg").read_bytes()
    assert not list((workdir / "state").iterdir())
    for word in (
        "outer product",
        "trained linear",
        "Facts stored",
        "100 %",
        "figure.svg",
    ):
        assert word in out
    assert f"lanes {NUM_SEARCHES}/{NUM_SEARCHES}" in out


def test_rows_say_where_they_come_from(undisturbed):
    for row in journal.read_rows(undisturbed[0]):
        assert row["experiment"] == "linear_capacity"
        assert row["device"].startswith("cpu")
        assert row["jax_version"]
        assert row["version"]
        assert row["wall_seconds"] >= row["compile_seconds"] > 0


def test_a_finished_run_is_shown_again_and_not_run_again(start, undisturbed, tmp_path):
    workdir = shutil.copytree(undisturbed[0], tmp_path / "run")
    for name in ("capacities.csv", "probes.csv", "figure.svg", "figure.png"):
        (workdir / name).unlink()
    code, out, err = end(start(*SWEEP, f"--workdir={workdir}"))
    assert (code, err) == (0, "")
    assert "probes 0," in out
    assert report(out) == report(undisturbed[1])
    for path in undisturbed[0].glob("**/*"):
        if path.is_file() and path.suffix != ".png":  # slow to compare if different
            assert (workdir / path.relative_to(undisturbed[0])).read_bytes() == (
                path.read_bytes()
            )


def test_the_status_of_a_finished_run_is_told_from_its_workdir(start, undisturbed):
    code, out, err = end(start("--status", f"--workdir={undisturbed[0]}"))
    assert (code, err) == (0, "")
    assert f"{NUM_SEARCHES} lanes: {NUM_SEARCHES} done" in out


# What is interrupted


def wait_for_state(process, workdir, started):
    """Returns once this process has saved where it stands, or is done."""
    deadline = time.monotonic() + TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        saves = (workdir / "state").glob("*.npz")
        with_times = [path.stat().st_mtime for path in saves if path.exists()]
        if any(stamp > started for stamp in with_times):
            return
        time.sleep(0.005)
    if process.poll() != 0:
        raise AssertionError(end(process))


def test_a_run_interrupted_again_and_again_finds_what_an_undisturbed_one_does(
    start, undisturbed, tmp_path
):
    workdir, generator = tmp_path / "run", random.Random(0)
    command = (*SWEEP, f"--workdir={workdir}")
    expected, acknowledged = results(undisturbed[0]), {}
    stops = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGKILL)
    for number in stops:
        begun = time.time()
        process = start(*command)
        wait_for_state(process, workdir, begun)
        if number == signal.SIGKILL:
            time.sleep(generator.uniform(0.0, 0.6))
        process.send_signal(number)
        code, out, err = end(process)
        if number == signal.SIGKILL:
            assert code in (-number, 0)  # 0: it was faster
        else:
            assert code == 128 + number
            assert f"stopped by {number.name}; the same command goes on" in out
            assert err == "finishing the chunk; once more to stop at once.\n"
            assert list((workdir / "state").glob("*.npz"))
            assert len(results(workdir)) < len(expected)
        assert results(workdir).items() >= acknowledged.items()
        acknowledged = results(workdir)
    code, out, err = end(start(*command))
    assert (code, err) == (0, "")
    assert results(workdir) == expected
    assert acknowledged.items() <= expected.items()
    assert not list((workdir / "state").iterdir())
    assert report(out) == report(undisturbed[1])


def test_two_processes_may_share_a_workdir(start, undisturbed, tmp_path):
    workdir = tmp_path / "run"
    pair = [start(*SWEEP, f"--workdir={workdir}") for _ in range(2)]
    for code, _, err in map(end, pair):
        assert (code, err) == (0, "")
    assert results(workdir) == results(undisturbed[0])
    assert len(list((workdir / "rows").iterdir())) == 2
    assert len(csv_files.read(workdir / "capacities.csv")) == NUM_SEARCHES


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_noted_and_the_second_has_its_usual_effect(number):
    signals = (signal.SIGINT, signal.SIGTERM)
    usual = [signal.getsignal(each) for each in signals]
    with interrupt.caught() as request:
        request.check()
        signal.raise_signal(number)
        assert [signal.getsignal(each) for each in signals] == [signal.SIG_DFL] * 2
        with pytest.raises(interrupt.Stopped) as stopped:
            request.check()
    assert stopped.value.exit_code == 128 + number
    assert [signal.getsignal(each) for each in signals] == usual
