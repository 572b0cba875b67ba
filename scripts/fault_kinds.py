"""The faults: each strikes a trial's run, and launches it again until it ends."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from scripts import fault_trials
from scripts.fault_trials import Trial

DASK = ("--launcher=dask",)


def sigterm(trial: Trial) -> None:
    """Terminates a run, every other time with a grace too short for the chunk."""
    run = trial.launch(trial.random.choice(("--grace=20", "--grace=0.05")))
    trial.strike(run, run.terminate)
    trial.end_of(run, 0, 143)
    trial.again()


def journal_truncated(trial: Trial) -> None:
    """Kills a run, and cuts its last line somewhere in the middle."""
    trial.killed()
    path = _row_files(trial)[-1]
    data = path.read_bytes()
    start = data[:-1].rfind(b"\n") + 1
    os.truncate(path, trial.random.randrange(start + 1, len(data)))
    trial.acknowledged = trial.rows()  # a disk may lose a line; the rest has to stay
    trial.again()


def two_launches(trial: Trial) -> None:
    """Launches the run twice at once, both with all of its work."""
    pair = [trial.launch(), trial.launch()]
    trial.strike(pair[0], lambda: None)
    for run in pair:
        trial.end_of(run, 0)
    trial.again()


def clock_back(trial: Trial) -> None:
    """Kills a run; the next sees a clock that is a day back."""
    trial.killed()
    trial.again(back=True)


def disk_full(trial: Trial) -> None:
    """Fills the disk that the run writes to, then makes room."""
    with _small_disk(trial) as (limits, make_room):
        run = trial.launch(**limits)
        trial.struck = trial.end_of(run, 0, 2) == 2  # 2: it named the error and ended
        make_room()
        trial.again()


def driver_killed(trial: Trial) -> None:
    """Kills the driver alone; its workers have to end by themselves."""
    pid = trial.killed(*DASK).pid
    failure = f"workers outlive their driver {pid}"
    fault_trials.await_that(lambda: _is_gone(pid), failure, 30.0)
    trial.again(*DASK)


def worker_killed(trial: Trial) -> None:
    """Kills a worker that has written rows; the driver goes on."""
    run = trial.launch(*DASK)
    # A file of rows is named after its writer's process.
    writer = lambda: int(_row_files(trial)[-1].stem.split("-")[-2])  # noqa: E731
    trial.strike(run, lambda: os.kill(writer(), signal.SIGKILL))
    trial.end_of(run, 0)
    trial.again(*DASK)


def machine_killed(trial: Trial) -> None:
    """Kills all processes of one of two machines; the driver goes on."""
    with _scheduler(trial) as (flags, file, _):
        machines = [_machine(trial, file), _machine(trial, file)]
        run = trial.launch(*flags)
        struck = trial.random.choice(machines)
        trial.strike(run, lambda: fault_trials.kill_group(struck))
        trial.end_of(run, 0)
        trial.again(*flags)


def scheduler_killed(trial: Trial) -> None:
    """Kills the scheduler; the driver says so, and goes on with another."""
    with _scheduler(trial) as (flags, file, scheduler):
        _machine(trial, file)
        run = trial.launch(*flags)
        trial.strike(run, lambda: fault_trials.kill_group(scheduler))
        trial.end_of(run, 0, 1)
    with _scheduler(trial) as (flags, file, _):
        _machine(trial, file)
        trial.again(*flags)


FAULTS = {
    "sigterm": (sigterm, "SIGTERM, grace 20 s or 0.05 s"),
    "journal_truncated": (journal_truncated, "SIGKILL, then the last line is cut"),
    "two_launches": (two_launches, "two processes with one workdir"),
    "clock_back": (clock_back, "SIGKILL, then time.time() is patched a day back"),
    "disk_full": (disk_full, "a tmpfs of 40 to 196 KiB, or RLIMIT_FSIZE"),
    "worker_killed": (worker_killed, "SIGKILL of a Dask worker"),
    "driver_killed": (driver_killed, "SIGKILL of the driver of local Dask workers"),
    "machine_killed": (machine_killed, "SIGKILL of a nanny and its worker"),
    "scheduler_killed": (scheduler_killed, "SIGKILL of the Dask scheduler"),
}


@contextlib.contextmanager
def _small_disk(trial: Trial) -> Iterator:
    """Yields limits of a launch on a disk of some KiB, and a call that makes room.

    Where one may not mount a file system, the size of files is limited instead.
    """
    folder, kibibytes = trial.workdir, trial.random.randrange(40, 200, 4)
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        most = kibibytes * 1024 // 4

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        yield {"preexec_fn": limit}, lambda: None  # the next launch has no limit
        return
    kept = folder.with_name(f"{folder.name}-kept")
    try:
        grow = ["mount", "-o", "remount,size=64m", str(folder)]
        yield {}, lambda: subprocess.run(grow, check=True)
        subprocess.run(["cp", "-r", str(folder), str(kept)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    trial.workdir = kept


@contextlib.contextmanager
def _scheduler(trial: Trial) -> Iterator:
    """Yields the flags that a driver needs, and a Dask scheduler's file and process."""
    file = trial.workdir.with_name(f"{trial.workdir.name}-{time.time_ns()}.json")
    dask = ("-m", "dask", "scheduler", "--scheduler-file", str(file))
    process = trial.start(*dask, "--port=0", "--no-dashboard", "--host=127.0.0.1")
    is_up = lambda: file.exists() and bool(file.read_text().strip())  # noqa: E731
    fault_trials.await_that(is_up, "no Dask scheduler came up")
    address = json.loads(file.read_text())["address"]
    yield (*DASK, f"--scheduler={address}"), file, process
    trial.end()


def _machine(trial: Trial, file: Path) -> subprocess.Popen:
    """Starts a Dask worker and its nanny, as one machine of a cluster has them."""
    dask = ("-m", "dask", "worker", "--scheduler-file", str(file), "--nworkers=1")
    return trial.start(*dask, "--nthreads=1", "--memory-limit=0", "--no-dashboard")


def _row_files(trial: Trial) -> list[Path]:
    """Returns the files of rows, the one that was written last at the end."""
    files = (trial.workdir / "rows").iterdir()
    return sorted(files, key=lambda path: path.stat().st_mtime)


def _is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False
