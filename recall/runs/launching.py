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

# What programs, and all else, may hold. Batches that go on would compile theirs again:
# the quick linear sweep took 12.7 s when memory was given back each time, now 8.2 s.
KEPT_BYTES = 2**30


class Launch(NamedTuple):
    """One process at work on a run.

    Attributes:
        journal: where it keeps rows and state.
        devices: the devices that it computes on.
        columns: the experiment, code and device of its rows.
        bar: the progress that a person sees.
        stop: the signal that asked it to stop, if one did.
        heartbeat: the file that names the lanes it works on.
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
        config: the config of the plan.
        plan: the batches to run: all of the config, or a part.
        workdir: the folder of rows and state, for all parts.
        devices: the devices to compute on.
        console: shows progress.
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
        signals.caught(grace) as stop,
        contextlib.closing(heartbeat.Heartbeat(book)) as beats,
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
    on_disk: set[str] = set()  # keys of rows
    restore = functools.partial(state.load, launch.journal.workdir)
    read = functools.partial(_read, launch, plan, on_disk)
    for spans, group in itertools.groupby(plan.batches, lambda batch: batch.spans):
        batches, devices, look = list(group), launch.devices, read
        if spans:
            processes.wait("batches that span")
            devices = processes.everywhere(devices)
            lanes = [lane.digest() for batch in batches for lane in batch.lanes]
            # The same lanes for all: a process that saw more done would skip a program
            # in which the others then wait for it.
            look = functools.partial(set, processes.agreed(lanes, read()))
        steps = pool.run(batches, devices, look, restore)
        with contextlib.closing(steps):
            keep(launch, batches, steps, on_disk)


def _read(launch: Launch, plan: Plan, on_disk: set[str]) -> set[str]:
    """Reads what all processes have written; returns the lanes that are over."""
    rows = journal.read_rows(launch.journal.workdir)
    on_disk.update(row["key"] for row in rows)
    done = ended(rows)
    launch.bar.lanes = plan.count(done)
    return done


def keep(
    launch: Launch,
    batches: Sequence[Batch],
    steps: Iterable[tuple[int, Step]],
    on_disk: Collection[str],
) -> None:
    """Keeps what steps of batches bring, counts it, and looks whether to stop.

    Args:
        launch: keeps rows and states, and shows progress.
        batches: the batches at work: all of them span all processes, or none does.
        steps: positions of batches, and their steps.
        on_disk: keys of rows that are kept: a restored state yields them all again.
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
        same = dict(launch.columns) | columns | dict(step.columns)
        rows = [
            row | same | row  # settings come first, and a row may time itself
            for row in step.rows
            if row["key"] not in on_disk or row["kind"] == failures.KIND
        ]
        if not shared or processes.is_first():
            _save(launch.journal, step, rows)
        going[about.program] -= step.last
        over = step.last and not going[about.program]
        if over and not 0 < setup.resident_bytes() < KEPT_BYTES:
            setup.release()
        _show(launch.bar, about, step, rows)
        processes.check(launch.stop, together=shared)


def _save(book: journal.Journal, step: Step, rows: Sequence[Row]) -> None:
    # The state last: it counts rows as written that a kill before it would lose.
    checkpoints.keep(step.models, book.workdir)
    journal.append(book, rows)
    if step.state is not None:
        state.save(book.workdir, step.name, step.state)
    elif step.name:
        state.drop(book.workdir, step.name)


def _show(
    bar: progress.Progress, about: About, step: Step, rows: Sequence[Row]
) -> None:
    """Adds a step to the counts of a person's progress, and shows them."""
    bar.lanes += len(ended(rows))
    bar.batches += step.last
    bar.probes += sum(row["kind"] == "probe" for row in rows)
    note = progress.note(step.rows)
    bar.show(f"{about.title}: {note}" if note else about.title)
