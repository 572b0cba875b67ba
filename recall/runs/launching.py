"""Runs a plan: batch by batch, keeping rows and state, in any number of processes."""

import collections
import contextlib
import functools
import itertools
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from recall.runs import checkpoints, heartbeat, processes, progress, setup, signals
from recall.store import journal, provenance, state
from recall.sweeps import failures, pool
from recall.sweeps.batch import ONE, About, Batch, Plan, Row, Step, ended

KEPT_BYTES = 2**30  # that programs, and all else, may hold


class Launch(NamedTuple):
    """One process at work on a run.

    Attributes:
        journal: where it keeps rows and state.
        devices: what it computes on.
        columns: which experiment, code and device its rows come from.
        bar: the progress that a person sees.
        stop: whether somebody asked it to stop.
        heartbeat: where it says that it is alive, and at work on what.
    """

    journal: journal.Journal
    devices: Sequence[Any]
    columns: Mapping[str, Any]
    bar: progress.Progress
    stop: signals.StopRequest
    heartbeat: heartbeat.Heartbeat


def run(
    config: Any,
    plan: Plan,
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
        StoreError: if nothing can be kept.
    """
    print_skipped(plan, console)
    book = journal.open_journal(workdir, config.to_dict())
    columns = source_columns(config.experiment, devices)
    bar = progress.Progress(console, len(plan.batches), len(plan.lanes))
    with (
        signals.listening(grace) as stop,
        heartbeat.beating(book) as beats,
        bar.showing(),
    ):
        work(Launch(book, devices, columns, bar, stop, beats), plan)
        show_end(bar, plan, workdir)
    return rows_of(workdir)


def print_skipped(plan: Plan, console: Console) -> None:
    """Prints what a config names but cannot be, with reasons."""
    for reason in plan.skipped:
        console.print(f"Skipped: {reason}", markup=False, highlight=False)


def show_end(bar: progress.Progress, plan: Plan, workdir: Path) -> None:
    """Shows how many lanes are over, now that nothing more will be run."""
    bar.batches, bar.lanes = bar.num_batches, plan.count(finished(workdir))
    bar.show()


def rows_of(workdir: Path) -> list[dict]:
    """Returns all rows of a workdir, but for failures of lanes that ended since."""
    return failures.standing(journal.read_rows(workdir))


def finished(workdir: Path) -> set[str]:
    """Returns the digests of lanes that are over, in whichever process."""
    return ended(journal.read_rows(workdir))


def source_columns(experiment: str, devices: Sequence[Any]) -> dict[str, Any]:
    """Returns columns that name the experiment, code and device of a row."""
    device = {"device": provenance.device(devices)}
    return {"experiment": experiment, **provenance.source(), **device}


def work(launch: Launch, plan: Plan) -> None:
    """Runs what is left of a plan; what raises is recorded, and the rest goes on.

    Raises:
        signals.Stopped: after everything computed was saved.
        StoreError: if nothing can be kept.
    """
    known: set[str] = set()  # keys of rows that are on disk
    restore = functools.partial(state.load, launch.journal.workdir)
    read = functools.partial(_read, launch, plan, known)
    for spans, group in itertools.groupby(plan.batches, lambda batch: batch.spans):
        batches, devices, look = list(group), launch.devices, read
        if spans:
            processes.wait("batches that span")
            devices = processes.everywhere(devices)
            lanes = [lane.digest() for batch in batches for lane in batch.lanes]
            # None looks again by itself: it might see more than others, who then wait.
            look = functools.partial(set, processes.agreed(lanes, read()))
        steps = pool.run(batches, devices, look, restore)
        with contextlib.closing(steps):
            keep(launch, batches, steps, known)


def _read(launch: Launch, plan: Plan, known: set[str]) -> set[str]:
    """Reads what all processes have written; returns the lanes that are over."""
    rows = journal.read_rows(launch.journal.workdir)
    known.update(row["key"] for row in rows)
    done = ended(rows)
    launch.bar.lanes = plan.count(done)
    return done


def keep(
    launch: Launch,
    batches: Sequence[Batch],
    steps: Iterable[tuple[int, Step]],
    known: Collection[str],
) -> None:
    """Keeps what steps of batches bring, counts it, and looks whether to stop.

    Args:
        launch: where rows and states go, and who is told.
        batches: which are at work: all of them span all processes, or none does.
        steps: positions of batches, and their steps.
        known: keys of rows that are on disk: a state that was restored tells them all.
    """
    shared, abouts = batches[0].spans, [batch.about() for batch in batches]
    going = collections.Counter(about.program for about in abouts)
    starts: dict[int, float] = {}
    for index, step in steps:
        batch, about = batches[index], abouts[index]
        if index not in starts:
            starts[index] = time.perf_counter()
            lanes = [lane.digest() for lane in batch.lanes]
            launch.heartbeat.claim(lanes, more=batch.devices == ONE)
        columns = {"wall_seconds": round(time.perf_counter() - starts[index], 3)}
        rows = _new(step, dict(launch.columns) | columns, known)
        if not shared or processes.is_first():
            _save(launch.journal, step, rows)
        going[about.program] -= step.last
        if step.last and not going[about.program]:
            _release()
        _show(launch.bar, about, step, rows)
        processes.check(launch.stop, together=shared)


def _new(step: Step, columns: Row, known: Collection[str]) -> list[Row]:
    """Returns the rows of a step that are not on disk, settings first."""
    same = columns | dict(step.columns)
    new = [r for r in step.rows if r["key"] not in known or r["kind"] == failures.KIND]
    return [row | same | row for row in new]  # a row may time itself


def _save(book: journal.Journal, step: Step, rows: Sequence[Row]) -> None:
    """Writes models and rows, and then the state: it counts them as written."""
    checkpoints.keep(step.models, book.workdir)
    journal.append(book, rows)
    if step.state is not None:
        state.save(book.workdir, step.name, step.state)
    elif step.name:
        state.drop(book.workdir, step.name)


def _release() -> None:
    """Gives memory back, now that no batch of some program is left.

    Not while there is little to give: batches that go on would compile theirs again.
    The quick linear sweep took 12.7 s with it and 8.2 s without.
    """
    if not 0 < setup.resident_bytes() < KEPT_BYTES:
        setup.release()


def _show(
    bar: progress.Progress, about: About, step: Step, rows: Sequence[Row]
) -> None:
    """Counts what a step brought, and shows it."""
    bar.lanes += len(ended(rows))
    bar.batches += step.last
    bar.probes += sum(row["kind"] == "probe" for row in rows)
    note = progress.note(step.rows)
    bar.show(f"{about.title}: {note}" if note else about.title)
