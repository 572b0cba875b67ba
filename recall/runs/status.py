"""The state of a run, read from its workdir: nothing is written, nothing is run."""

import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recall.runs import heartbeat, planning
from recall.stats.table import Table
from recall.store import journal
from recall.sweeps import failures
from recall.sweeps.batch import ended

SILENT_SECONDS = 6 * heartbeat.BEAT_SECONDS  # after which a process counts as dead
SHOWN = 20  # writers
_UNDRAWN = "Tables and the figure are not written yet: the same command writes them."


class Writer(NamedTuple):
    """One process that works on a run, or has.

    Attributes:
        name: host, process and a random number.
        ended: lanes that it ended.
        at_work: lanes that it works on; none once it is silent.
        silent: seconds since its last heartbeat or row.
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
        lanes: the number of lanes in the plan.
        done: lanes that have ended.
        failed: lanes that raised, and have not ended since.
        running: lanes that a living process works on.
        core_seconds: estimate of what is left, failed lanes included.
        writers: processes that have written, the latest first.
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
        """Lanes that no living process works on."""
        return self.lanes - self.done - self.failed - self.running

    @property
    def seconds(self) -> float | None:
        """Seconds until the end at the rate of living processes; None without any."""
        rate = sum(writer.rate for writer in self.writers if writer.at_work)
        return self.core_seconds / rate if rate else None


def read(workdir: Path) -> Status:
    """Reads how far a run is.

    Raises:
        StoreError: if the folder holds no run, or its rows are damaged.
        ValueError: if its config asks for what this version does not know.
    """
    plan = planning.plan_of(planning.config_of(journal.read_config(workdir)))
    costs = {  # in seconds of one core; lanes of a batch cost alike
        lane.digest(): batch.about().core_seconds / len(batch.lanes)
        for batch in plan.batches
        for lane in batch.lanes
    }
    by_writer = journal.rows_by_writer(workdir)
    rows = [row for some, _ in by_writer.values() for row in some]
    done = ended(rows) & costs.keys()
    failed = {row["search"] for row in rows if row["kind"] == failures.KIND} - done
    rest = costs.keys() - done - failed
    beats = {beat.writer: beat for beat in heartbeat.read(workdir)}
    alive = [b for b in beats.values() if time.time() - b.seen < SILENT_SECONDS]
    writers = [
        _writer(name, *by_writer.get(name, ((), 0.0)), beats.get(name), costs, rest)
        for name in dict.fromkeys([*by_writer, *beats])
    ]
    return Status(
        lanes=len(costs),
        done=len(done),
        failed=len(failed),
        running=len(rest & {lane for beat in alive for lane in beat.lanes}),
        core_seconds=sum(costs[lane] for lane in costs.keys() - done),
        writers=sorted(writers, key=lambda writer: writer.silent),
        drawn=(workdir / "figure.png").exists(),  # what a run writes last
    )


def _writer(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    written: float,
    beat: heartbeat.Beat | None,
    costs: Mapping[str, float],
    rest: Collection[str],
) -> Writer:
    """Sums up one process from its rows and its heartbeat."""
    over = ended(rows)
    # A full disk stops heartbeats and not rows, a long chunk the other way round.
    seen = max(written, beat.seen if beat else 0.0)
    silent = max(0.0, time.time() - seen)
    at_work, rate = 0, 0.0
    if beat is not None and silent < SILENT_SECONDS:
        at_work = len(beat.lanes.intersection(rest))
        worked = sum(costs.get(lane, 0.0) for lane in over)
        rate = worked / max(1.0, seen - beat.start)
    return Writer(name, len(over), at_work, silent, rate)


def lines(status: Status) -> list[str]:
    """Returns the counts of a run and the time that its rest takes, a line each."""
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
    """Returns a line for each writer, with the age of its last heartbeat."""
    rows = [
        (w.name, str(w.ended), str(w.at_work), f"{_span(w.silent)} ago")
        for w in status.writers[:SHOWN]
    ]
    if len(status.writers) > SHOWN:
        rows.append((f"and {len(status.writers) - SHOWN} earlier ones", "", "", ""))
    columns = ("writer (host-pid)", "lanes ended", "at work on", "last heartbeat")
    return Table("", columns, rows)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
