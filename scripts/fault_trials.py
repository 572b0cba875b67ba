"""One run that is struck by a fault, launched again, and compared."""

import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recall.store import csv_files, journal

ROOT = Path(__file__).resolve().parents[1]
SWEEP = (
    "--config=configs/linear_capacity.py:quick",
    "--config.memories=('outer_product', 'linear')",
    "--config.d=4,8",
    "--config.seeds=0,1,2",
    "--config.constructed_seeds=0,1",
    "--config.thresholds=1.0",
    "--config.training.num_steps=20000",
    "--config.training.check_every=40",
)
TABLES = ("capacities.csv", "probes.csv")
SECONDS = 120.0  # after which a launch counts as stuck
# Columns about time, device and code, which may differ between equal runs.
PROVENANCE = {"wall_seconds", "compile_seconds", "git_commit", "git_dirty", "device"}
DAY_BACK = """
import runpy, time
real = time.time
time.time = lambda: real() - 86400.0
runpy.run_module("recall.main", run_name="__main__", alter_sys=True)
"""


class Stuck(Exception):  # noqa: N818
    """A launch that does not end, or not with an exit code that it should have."""


class Trial:
    """A run in a workdir of its own, which a fault strikes.

    `acknowledged` are the rows on disk just before or after the fault, by key; `struck`
    is true if the run was still going on then.
    """

    def __init__(self, workdir: Path, generator: random.Random) -> None:
        """Prepares a trial that has launched nothing."""
        self.workdir, self.random = workdir, generator
        self.acknowledged: dict[str, Any] = {}
        self.struck, self.launches = False, 0
        self._started: list[subprocess.Popen] = []

    def start(self, *command: str, **keywords: Any) -> subprocess.Popen:
        """Starts a Python program in a process group that can be killed as a whole."""
        keywords |= dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
        keywords |= {"cwd": ROOT, "start_new_session": True}
        process = subprocess.Popen([sys.executable, *command], **keywords)
        self._started.append(process)
        return process

    def launch(self, *flags: str, back: bool = False, **keywords: Any) -> Any:
        """Launches the run, with the clock a day back if `back`."""
        self.launches += 1
        how = ("-c", DAY_BACK) if back else ("-m", "recall.main")
        return self.start(*how, *SWEEP, f"--workdir={self.workdir}", *flags, **keywords)

    def strike(self, process: subprocess.Popen, act: Callable[[], object]) -> None:
        """Calls `act` some time after the run's first row, if it is still going on."""
        count = self.random.randint(1, 30)
        is_due = lambda: process.poll() is not None or len(self.rows()) >= count  # noqa: E731
        await_that(is_due, f"{self.workdir}: fewer than {count} rows")
        time.sleep(self.random.uniform(0.0, 0.4))
        self.acknowledged |= self.rows()
        self.struck = process.poll() is None
        if self.struck:
            act()

    def killed(self, *flags: str) -> subprocess.Popen:
        """Launches the run, and kills its process in the middle."""
        run = self.launch(*flags)
        self.strike(run, run.kill)
        run.wait()
        return run

    def end_of(self, process: subprocess.Popen, *codes: int) -> int:
        """Waits for the end of a struck launch, keeps its rows, checks its code."""
        code = self._code_of(process)
        self.acknowledged |= self.rows()
        if code not in codes:
            raise Stuck(f"{self.workdir}: exit code {code}, not in {codes}")
        return code

    def rows(self) -> dict[str, Any]:
        """Returns the rows on disk by key."""
        has_rows = (self.workdir / "rows").is_dir()
        rows = journal.read_rows(self.workdir) if has_rows else ()
        return {row["key"]: row for row in rows}

    def again(self, *flags: str, **keywords: Any) -> None:
        """Launches the same command until it ends well, at most three times."""
        codes = []
        while not codes or (codes[-1] != 0 and len(codes) < 3):
            codes.append(self._code_of(self.launch(*flags, **keywords)))
        if codes[-1]:
            raise Stuck(f"{self.workdir}: exit codes {codes}")

    def verdict(self, expected: dict[str, Any]) -> dict[str, int]:
        """Counts rows acknowledged, lost, and twice in tables; compares results."""
        rows, tables = self.rows(), tables_of(self.workdir)
        kept = {key: row for key, row in rows.items() if key in self.acknowledged}
        return {
            "repeats": 1,
            "struck": int(self.struck),
            "launches": self.launches,
            "acknowledged": len(self.acknowledged),
            "lost": sum(kept.get(k) != row for k, row in self.acknowledged.items()),
            "duplicates": len(tables) - len({row["key"] for row in tables}),
            "equal": int(is_same(results(tables), expected)),
        }

    def end(self) -> None:
        """Kills all that is left of the trial's programs."""
        for process in self._started:
            kill_group(process)

    def _code_of(self, process: subprocess.Popen) -> int:
        try:
            return process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Stuck(f"{self.workdir}: no end within {SECONDS:.0f} s") from error


def await_that(
    condition: Callable[[], bool], failure: str, seconds: float = SECONDS
) -> None:
    """Waits until a condition holds; raises Stuck with `failure` if it does not."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise Stuck(failure)
        time.sleep(0.02)


def kill_group(process: subprocess.Popen) -> None:
    """Kills a program and all that it started, as if their machine had died."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def tables_of(workdir: Path) -> list[dict[str, Any]]:
    """Returns the rows of the tables that a user gets."""
    return [row for name in TABLES for row in csv_files.read(workdir / name)]


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the columns of each row, but for its provenance, by key."""
    kept = [{k: v for k, v in row.items() if k not in PROVENANCE} for row in rows]
    return {row["key"]: row for row in kept}


def is_same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Tells whether two runs have the same results, floats to five digits."""

    def is_close(one: Any, other: Any) -> bool:
        if isinstance(one, float) and isinstance(other, float):
            # Lanes are grouped anew after a fault, and other shapes round differently.
            return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-9)
        return one == other

    pairs = [(row, theirs[key]) for key, row in ours.items() if key in theirs]
    close = all(
        is_close(row[name], other[name]) for row, other in pairs for name in row
    )
    return ours.keys() == theirs.keys() and close
