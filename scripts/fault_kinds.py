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
    """Every other time with a grace too short for the chunk."""
    grace = trial.random.choice(("--grace=20", "--grace=0.05"))
    run = trial.launch(grace)
    trial.strike(run, run.terminate)
    if trial.over(run) not in (0, 143):
        raise fault_trials.Stuck(f"{trial.workdir}: SIGTERM, code {run.returncode}")
    trial.again()


def journal_truncated(trial: Trial) -> None:
    """Kills a run, and cuts its last line somewhere in the middle."""
    run = trial.launch()
    trial.strike(run, run.kill)
    run.wait()
    path = max((trial.workdir / "rows").iterdir(), key=lambda p: p.stat().st_mtime)
    data = path.read_bytes()
    start = data[:-1].rfind(b"\n") + 1
    os.truncate(path, trial.random.randrange(start + 1, len(data)))
    trial.acknowledged = trial.rows()  # a disk that loses what it has is not ours
    trial.again()


def two_launches(trial: Trial) -> None:
    """Two processes run all of it at once."""
    pair = [trial.launch(), trial.launch()]
    trial.strike(pair[0], lambda: None)
    for run in pair:
        if trial.over(run) != 0:
            raise fault_trials.Stuck(f"{trial.workdir}: code {run.returncode}")
    trial.again()


def clock_back(trial: Trial) -> None:
    """Kills a run; the next sees a clock that is a day back."""
    run = trial.launch()
    trial.strike(run, run.kill)
    run.wait()
    trial.again(back=True)


def disk_full(trial: Trial) -> None:
    """Fills the disk that the run writes to, then makes room."""
    with _small_disk(trial) as (limits, make_room):
        run = trial.launch(**limits)
        code = trial.over(run)
        trial.struck = code == 2  # it said so, in one line
        if code not in (0, 2):
            raise fault_trials.Stuck(f"{trial.workdir}: disk full, code {code}")
        make_room()
        trial.again()


@contextlib.contextmanager
def _small_disk(trial: Trial) -> Iterator:
    """A file system of some KiB where we may mount one, else a limit on files."""
    trial.workdir.mkdir(parents=True)
    kibibytes = trial.random.randrange(40, 200, 4)
    if not _can_mount(trial.workdir, kibibytes):
        most = kibibytes * 1024 // 4

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        yield {"preexec_fn": limit}, lambda: None
        return
    try:
        grow = ["mount", "-o", "remount,size=64m", str(trial.workdir)]
        yield {}, lambda: subprocess.run(grow, check=True)
        copy = trial.workdir.with_name(f"{trial.workdir.name}-kept")
        subprocess.run(["cp", "-r", str(trial.workdir), str(copy)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(trial.workdir)], check=True)
    trial.workdir = copy


def _can_mount(folder: Path, kibibytes: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def driver_killed(trial: Trial) -> None:
    """Kills the driver alone; its workers have to go by themselves."""
    run = trial.launch(*DASK)
    trial.strike(run, run.kill)
    run.wait()
    _await_no_group(run)
    trial.again(*DASK)


def worker_killed(trial: Trial) -> None:
    """Kills a worker that has written rows; the driver goes on."""
    run = trial.launch(*DASK)
    trial.strike(run, lambda: os.kill(_writers(trial)[-1], signal.SIGKILL))
    if trial.over(run) != 0:
        raise fault_trials.Stuck(f"{trial.workdir}: worker killed, {run.returncode}")
    trial.again(*DASK)


def machine_killed(trial: Trial) -> None:
    """Kills all processes of one of two machines; the driver goes on."""
    with _scheduler(trial) as (flags, file, _):
        machines = [_machine(trial, file), _machine(trial, file)]
        run = trial.launch(*flags)
        struck = trial.random.choice(machines)
        trial.strike(run, lambda: fault_trials.kill_group(struck))
        if trial.over(run) != 0:
            raise fault_trials.Stuck(f"{trial.workdir}: machine killed")
        trial.again(*flags)


def scheduler_killed(trial: Trial) -> None:
    """Kills the scheduler; the driver says so, and goes on with another."""
    with _scheduler(trial) as (flags, file, scheduler):
        _machine(trial, file)
        run = trial.launch(*flags)
        trial.strike(run, lambda: fault_trials.kill_group(scheduler))
        if trial.over(run) not in (0, 1):
            raise fault_trials.Stuck(f"{trial.workdir}: no scheduler, {run.returncode}")
    with _scheduler(trial) as (flags, file, _):
        _machine(trial, file)
        trial.again(*flags)


@contextlib.contextmanager
def _scheduler(trial: Trial) -> Iterator:
    """A Dask scheduler; yields the flags that a driver needs, its file and process."""
    file = trial.workdir.with_name(f"{trial.workdir.name}-{time.time_ns()}.json")
    dask = ("-m", "dask", "scheduler", "--scheduler-file", str(file))
    process = trial.start(*dask, "--port=0", "--no-dashboard", "--host=127.0.0.1")
    limit = time.monotonic() + fault_trials.SECONDS
    while not file.exists() or not file.read_text().strip():
        if time.monotonic() > limit or process.poll() is not None:
            raise fault_trials.Stuck("no Dask scheduler came up")
        time.sleep(0.05)
    address = json.loads(file.read_text())["address"]
    yield (*DASK, f"--scheduler={address}"), file, process
    trial.end()


def _machine(trial: Trial, file: Path) -> subprocess.Popen:
    """What runs on one machine of a cluster: a Dask worker and its nanny."""
    dask = ("-m", "dask", "worker", "--scheduler-file", str(file), "--nworkers=1")
    return trial.start(*dask, "--nthreads=1", "--memory-limit=0", "--no-dashboard")


def _writers(trial: Trial) -> list[int]:
    """Process ids of those who have written rows, the latest last."""
    files = sorted((trial.workdir / "rows").iterdir(), key=lambda p: p.stat().st_mtime)
    return [int(path.stem.split("-")[-2]) for path in files]


def _await_no_group(run: subprocess.Popen) -> None:
    """Waits until nothing that a run started is left."""
    limit = time.monotonic() + 30.0
    while time.monotonic() < limit:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, 0)
            time.sleep(0.1)
            continue
        return
    raise fault_trials.Stuck(f"workers outlive their driver {run.pid}")


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
