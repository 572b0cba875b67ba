"""One run that is struck by a fault, launched again, and compared."""

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
# Columns that say when and by which code, not what.
PROVENANCE = {
    *("wall_seconds", "compile_seconds", "git_commit", "git_dirty", "device"),
}
BACK = """
import runpy, time
real = time.time
time.time = lambda: real() - 86400.0
runpy.run_module("recall.main", run_name="__main__", alter_sys=True)
"""


class Stuck(Exception):  # noqa: N818
    """A launch that does not do what it should."""


class Trial:
    """A run in a workdir of its own: what was launched, acknowledged, struck.

    Attributes:
        random: what this trial draws from.
        acknowledged: rows that were on disk before or just after the fault, by key.
        struck: whether the run was going on when the fault came.
    """

    def __init__(self, workdir: Path, generator: random.Random) -> None:
        """Nothing was launched yet."""
        self.workdir, self.random = workdir, generator
        self.acknowledged: dict[str, Any] = {}
        self.struck, self.launches = False, 0
        self._started: list[subprocess.Popen] = []

    def start(self, *command: str, **keywords: Any) -> subprocess.Popen:
        """Starts a program in a process group of its own."""
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **keywords,
        )
        self._started.append(process)
        return process

    def launch(self, *flags: str, back: bool = False, **keywords: Any) -> Any:
        """Launches the run; `back`: with the clock a day back."""
        self.launches += 1
        how = ("-c", BACK) if back else ("-m", "recall.main")
        return self.start(*how, *SWEEP, f"--workdir={self.workdir}", *flags, **keywords)

    def strike(self, process: subprocess.Popen, act: Callable[[], object]) -> None:
        """Does something to a run some time after its first row."""
        self.await_rows(process, self.random.randint(1, 30))
        time.sleep(self.random.uniform(0.0, 0.4))
        self.acknowledged |= self.rows()
        self.struck = process.poll() is None
        if self.struck:
            act()

    def await_rows(self, process: subprocess.Popen, count: int) -> None:
        """Waits until so many rows are on disk, or the run is over."""
        limit = time.monotonic() + SECONDS
        while process.poll() is None and len(self.rows()) < count:
            if time.monotonic() > limit:
                raise Stuck(f"{self.workdir}: fewer than {count} rows")
            time.sleep(0.02)

    def over(self, process: subprocess.Popen) -> int:
        """Waits for the end of a struck launch; what it left is acknowledged."""
        code = self._end_of(process)
        self.acknowledged |= self.rows()
        return code

    def _end_of(self, process: subprocess.Popen) -> int:
        try:
            return process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise Stuck(f"{self.workdir}: no end within {SECONDS:.0f} s") from error

    def rows(self) -> dict[str, Any]:
        """The rows on disk by key."""
        if not (self.workdir / "rows").is_dir():
            return {}
        return {row["key"]: row for row in journal.read_rows(self.workdir)}

    def again(self, *flags: str, **keywords: Any) -> None:
        """Launches the same command until it ends well: at most three times."""
        codes = []
        while not codes or (codes[-1] != 0 and len(codes) < 3):
            codes.append(self._end_of(self.launch(*flags, **keywords)))
        if codes[-1]:
            raise Stuck(f"{self.workdir}: exit codes {codes}")

    def verdict(self, expected: dict[str, Any]) -> dict[str, int]:
        """Counts of what was acknowledged, lost, twice in tables, and equal."""
        rows, found = self.rows(), tables(self.workdir)
        kept = {key: row for key, row in rows.items() if key in self.acknowledged}
        keys = [row["key"] for row in found]
        return {
            "repeats": 1,
            "struck": int(self.struck),
            "launches": self.launches,
            "acknowledged": len(self.acknowledged),
            "lost": sum(kept.get(k) != row for k, row in self.acknowledged.items()),
            "duplicates": len(keys) - len(set(keys)),
            "equal": int(same(results(found), expected)),
        }

    def end(self) -> None:
        """Kills whatever is left of what was started."""
        for process in self._started:
            kill_group(process)


def kill_group(process: subprocess.Popen) -> None:
    """Kills a program and all that it started, as if their machine had died."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def tables(workdir: Path) -> list[dict[str, Any]]:
    """The rows that a user gets."""
    return [row for name in TABLES for row in csv_files.read(workdir / name)]


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What was found, by key."""
    return {
        row["key"]: {k: v for k, v in row.items() if k not in PROVENANCE}
        for row in rows
    }


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether the same was found: floats to five digits, for lanes were grouped."""
    return ours.keys() == theirs.keys() and all(
        _close(row[name], theirs[key][name])
        for key, row in ours.items()
        for name in row
    )


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-5 * max(abs(one), abs(other)) + 1e-9
    return one == other


def undisturbed(workdir: Path) -> dict[str, Any]:
    """What a run finds that nothing happens to."""
    trial = Trial(workdir, random.Random(0))
    trial.again()
    return results(tables(workdir))
