"""The state of a run, read from its workdir: nothing is written, nothing is run."""

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.table import Table

from recall.runs import heartbeat, planning
from recall.store import journal
from recall.sweeps import failures
from recall.sweeps.batch import Plan, ended

SILENT_SECONDS = 6 * heartbeat.BEAT_SECONDS  # after which a process counts as dead
SHOWN = 20  # writers
_UNDRAWN = "Tables and the figure are not written yet: the same command writes them."


class Writer(NamedTuple):
    """One process that works on a run, or has.

    Attributes:
        name: host, process and a random number.
        ended: lanes that it ended.
        at_work: lanes that it works on; none once it is silent.
        silent: seconds since its last sign of life.
        rate: seconds of one core, by the plan's estimates, that it does in a second.
    """

    name: str
    ended: int
    at_work: int
    silent: float
    rate: float


class Status(NamedTuple):
    """Counts of the lanes of a run, and its writers.

    Attributes:
        lanes: all that was asked for.
        done: of these, how many have ended.
        failed: how many raised, and have not ended since.
        running: how many somebody works on who is alive.
        core_seconds: estimate of what is left, failed lanes included.
        writers: who has written, the latest first.
        drawn: whether tables and the figure were written.
    """

    lanes: int
    done: int
    failed: int
    running: int
    core_seconds: float
    writers: list[Writer]
    drawn: bool

    @property
    def left(self) -> int:
        """Lanes that nobody has begun, or that were left by whoever began them."""
        return self.lanes - self.done - self.failed - self.running

    @property
    def seconds(self) -> float | None:
        """Seconds that the rest takes those who are at work; None if nothing tells."""
        rate = sum(writer.rate for writer in self.writers if writer.at_work)
        return self.core_seconds / rate if rate else None


def read(workdir: Path) -> Status:
    """Reads how far a run is.

    Raises:
        StoreError: if the folder holds no run, or its rows are damaged.
        ValueError: if its config asks for what this version does not know.
    """
    config = planning.config_of(journal.read_config(workdir))
    costs = _costs(planning.plan_of(config))
    by_writer = journal.rows_by_writer(workdir)
    rows = [row for some, _ in by_writer.values() for row in some]
    done = ended(rows) & costs.keys()
    failed = {row["search"] for row in rows if row["kind"] == failures.KIND} - done
    rest = costs.keys() - done - failed
    signs, now = heartbeat.signs(workdir), time.time()
    alive = [sign for sign in signs if now - sign.seen < SILENT_SECONDS]
    claimed = {lane for sign in alive for lane in sign.lanes}
    return Status(
        lanes=len(costs),
        done=len(done),
        failed=len(failed),
        running=len(rest & claimed),
        core_seconds=sum(costs[lane] for lane in costs.keys() - done),
        writers=_writers(by_writer, signs, costs, rest),
        drawn=(workdir / "figure.png").exists(),  # what a run writes last
    )


def _costs(plan: Plan) -> dict[str, float]:
    """Estimates the seconds of one core for each lane; those of a batch cost alike."""
    return {
        lane.digest(): batch.about().core_seconds / len(batch.lanes)
        for batch in plan.batches
        for lane in batch.lanes
    }


def _writers(
    by_writer: Mapping[str, tuple[Sequence[Mapping[str, Any]], float]],
    signs: Sequence[heartbeat.Sign],
    costs: Mapping[str, float],
    rest: Collection[str],
) -> list[Writer]:
    """Lists whoever has written a row or is about to, the latest first."""
    signed = {sign.writer: sign for sign in signs}
    writers = [
        _writer(name, *by_writer.get(name, ((), 0.0)), signed.get(name), costs, rest)
        for name in dict.fromkeys([*by_writer, *signed])
    ]
    return sorted(writers, key=lambda writer: writer.silent)


def _writer(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    written: float,
    sign: heartbeat.Sign | None,
    costs: Mapping[str, float],
    rest: Collection[str],
) -> Writer:
    """Sums up one process from its rows and its sign of life."""
    over = ended(rows)
    seen = max(written, sign.seen if sign else 0.0)
    silent = max(0.0, time.time() - seen)
    at_work, rate = 0, 0.0
    if sign is not None and silent < SILENT_SECONDS:
        at_work = len(sign.lanes.intersection(rest))
        worked = sum(costs.get(lane, 0.0) for lane in over)
        rate = worked / max(1.0, seen - sign.start)
    return Writer(name, len(over), at_work, silent, rate)


def lines(status: Status) -> list[str]:
    """Returns what a person wants to know first."""
    counts = f"{status.done} done, {status.running} running, {status.failed} failed"
    first = f"{status.lanes} lanes: {counts}, {status.left} left"
    if status.done == status.lanes:
        return [first, "Nothing is left to do." if status.drawn else _UNDRAWN]
    if status.seconds is not None:
        rest = f"{_span(status.seconds)} at the rate so far"
    else:
        rest = f"{_span(status.core_seconds)} of one core, by the plan's estimate"
    return [first, f"The rest takes about {rest}."]


def table(status: Status) -> Table:
    """Tabulates who has written, and when they were last seen alive."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("writer (host-pid)", no_wrap=True)
    for column in ("lanes ended", "at work on", "last sign of life"):
        table.add_column(column, justify="right")
    for writer in status.writers[:SHOWN]:
        counts = str(writer.ended), str(writer.at_work)
        table.add_row(writer.name, *counts, f"{_span(writer.silent)} ago")
    if len(status.writers) > SHOWN:
        table.add_row(f"and {len(status.writers) - SHOWN} earlier ones", "", "", "")
    return table


def _span(seconds: float) -> str:
    """Formats a time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
