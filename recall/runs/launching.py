"""Runs a plan: cells in turn, jobs, jobs that span devices; keeps rows and state."""

import collections
import contextlib
import functools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from recall.runs import (
    checkpoints,
    heartbeat,
    planning,
    progress,
    setup,
    signals,
    spanning,
)
from recall.store import journal, provenance
from recall.sweeps import cells, failures, jobs, running, spans

KEPT_BYTES = 2**30  # that programs, and all else, may hold


class Launch(NamedTuple):
    """One process at work on a run.

    Attributes:
        book: where it keeps what it finds.
        devices: what it computes on.
        columns: which experiment, code and device its rows come from.
        bar: what a person sees of it.
        asked: whether somebody asked it to stop.
        presence: where it says what it is doing.
    """

    book: journal.Journal
    devices: Sequence[Any]
    columns: Mapping[str, Any]
    bar: progress.Progress
    asked: signals.Asked
    presence: heartbeat.Presence


def run(
    config: Any,
    plan: planning.Plan,
    workdir: Path,
    devices: Sequence[Any],
    console: Console,
    grace: float = 0.0,
) -> list[dict]:
    """Runs what is left of a plan and returns all rows of its workdir.

    Args:
        config: where the plan comes from.
        plan: what to run: all that the config asks for, or a part.
        workdir: where rows and state are kept, for all parts.
        devices: what to compute on.
        console: where progress is shown.
        grace: seconds that a chunk may take to end after a SIGTERM; 0 for any.

    Raises:
        signals.Stopped: after everything computed was saved.
    """
    skipped(plan, console)
    book = journal.open_journal(workdir, config.to_dict())
    columns = source_columns(config.experiment, devices)
    bar = progress_of(plan, console)
    with (
        signals.listening(grace) as asked,
        heartbeat.shown(book) as shown,
        bar.showing(),
    ):
        work(Launch(book, devices, columns, bar, asked, shown), plan)
        tell_end(bar, plan, workdir)
    return rows_of(workdir)


def skipped(plan: planning.Plan, console: Console) -> None:
    """Says what a config names but cannot be."""
    for reason in plan.skipped:
        console.print(f"Skipped: {reason}", markup=False, highlight=False)


def progress_of(plan: planning.Plan, console: Console) -> progress.Progress:
    """Progress through the lanes of a plan."""
    cells_and_jobs = len(plan.cells) + len(plan.jobs)
    return progress.Progress(console, cells_and_jobs, len(planning.lanes(plan)))


def tell_end(bar: progress.Progress, plan: planning.Plan, workdir: Path) -> None:
    """Shows how many lanes have ended, now that nothing more will be run."""
    done = finished(workdir)
    ended = sum(lane.digest() in done for lane in planning.lanes(plan))
    bar.update(lanes=ended, cells=bar.num_cells, new_probes=0)


def rows_of(workdir: Path) -> list[dict]:
    """All rows of a workdir, but for failures of what has ended since."""
    return jobs.standing(journal.read_rows(workdir))


def finished(workdir: Path) -> set[str]:
    """Searches and lanes of jobs that have ended, in whichever process."""
    return jobs.ended(journal.read_rows(workdir))


def source_columns(experiment: str, devices: Sequence[Any]) -> dict[str, Any]:
    """Columns that say which experiment, code and device a row comes from."""
    device = {"device": provenance.device(devices)}
    return {"experiment": experiment, **provenance.source(), **device}


def work(launch: Launch, plan: planning.Plan) -> None:
    """Runs what is left of a plan; whatever raises is recorded, and the rest goes on.

    Raises:
        signals.Stopped: after everything computed was saved.
        journal.JournalError: if nothing can be kept.
    """
    for index, cell in enumerate(plan.cells):
        done = finished(launch.book.workdir)
        before = [s.digest() in done for c in plan.cells[:index] for s in c.searches]
        launch.bar.update(lanes=sum(before), cells=index, new_probes=0)
        left = [s.digest() for s in cell.searches if s.digest() not in done]
        if left:
            launch.presence.claim(left)
            _try_cell(launch, cell, trace=plan.trace)
            if not 0 < setup.resident_bytes() < KEPT_BYTES:
                setup.release()  # or what the next cells share is compiled again
    _run_jobs(launch, plan)
    spanning.run(launch, plan)


def _try_cell(launch: Launch, cell: cells.Cell, *, trace: bool) -> None:
    """Runs a cell, or records of which of its searches the end is missing, and why."""
    try:
        _run_cell(launch, cell, trace=trace)
    except (journal.JournalError, signals.Stopped):
        raise
    except Exception as error:
        done = finished(launch.book.workdir)
        left = [search for search in cell.searches if search.digest() not in done]
        program, reason = planning.program_of(cell), failures.reason(error)
        rows = failures.rows_of(left, program, reason)
        journal.append(launch.book, [{**row, **launch.columns} for row in rows])


def _run_cell(launch: Launch, cell: cells.Cell, *, trace: bool) -> None:
    """Runs one cell; rows are durable before the state that counts them as reported."""
    book, bar = launch.book, launch.bar
    lanes, index, begun = bar.lanes, bar.cells, time.perf_counter()
    known = {row["key"] for row in journal.read_rows(book.workdir)}
    names = []
    told = 0
    restore = functools.partial(journal.load_state, book)
    for update in running.run(cell, launch.devices, restore, trace=trace):
        columns = {
            **launch.columns,
            "wall_seconds": round(time.perf_counter() - begun, 3),
            "compile_seconds": round(update.compile_seconds, 3),
        }
        done = [row for row in update.rows if row["kind"] == "capacity"]
        kept = checkpoints.keep(update, done, book.workdir) if trace else []
        rows = [row for row in [*update.rows, *kept] if row["key"] not in known]
        journal.append(book, [row | columns for row in rows])
        journal.save_state(book, update.cell.name, update.state)
        names.append(update.cell.name)
        told += len(done)
        probes = sum(row["kind"] == "probe" for row in rows)
        note = progress.note(update.rows) if trace else ""
        bar.update(lanes=lanes + told, cells=index, new_probes=probes, note=note)
        launch.asked.check()
    for name in dict.fromkeys(names):
        journal.drop_state(book, name)


def _run_jobs(launch: Launch, plan: planning.Plan) -> None:
    """Runs the jobs that have lanes left; rows are durable before the next are read."""
    book, bar = launch.book, launch.bar
    done, begun = finished(book.workdir), time.perf_counter()
    small = [job for job in plan.jobs if not isinstance(job, spans.SpanningJob)]
    going = {job: count for job in small if (count := len(job.left(done)))}
    sharing = collections.Counter(map(jobs.program_of, going))
    lanes = sum(lane.digest() in done for lane in planning.lanes(plan))
    index = len(plan.cells) + len(small) - len(going)
    bar.update(lanes=lanes, cells=index, new_probes=0)
    launch.presence.claim(())
    with contextlib.closing(jobs.run(list(going), launch.devices, done)) as told:
        for job, rows in told:
            wall = {"wall_seconds": round(time.perf_counter() - begun, 3)}
            journal.append(book, [{**launch.columns, **wall, **row} for row in rows])
            if not rows:
                digests = [lane.digest() for lane in job.left(done)]
                launch.presence.claim(digests, more=True)
            over = [row for row in rows if row["kind"] in (*jobs.ENDS, failures.KIND)]
            lanes += len(jobs.ended(over))
            going[job] -= len(over)
            if over and not going[job]:
                index += 1
                _release(sharing, job)
            probes = len(rows) - len(over)
            bar.update(lanes=lanes, cells=index, new_probes=probes, note=job.title)
            launch.asked.check()


def _release(sharing: collections.Counter[str], job: jobs.Job) -> None:
    """Gives memory back once the last of the jobs that share a program is over.

    Not while there is little to give: jobs that go on would compile theirs again.
    """
    program = jobs.program_of(job)
    sharing[program] -= 1
    if not sharing[program] and setup.resident_bytes() > KEPT_BYTES:
        setup.release()
