"""Runs a plan: batch by batch, keeping rows and state, in any number of processes."""

import contextlib
import functools
import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from recall.runs import checkpoints, heartbeat, processes, progress, setup, signals
from recall.store import journal, provenance
from recall.sweeps import failures, pool
from recall.sweeps.batch import ENDS, ONE, Batch, Plan, Step, ended

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
        journal.JournalError: if nothing can be kept.
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
    done = finished(workdir)
    lanes = sum(lane.digest() in done for lane in plan.lanes)
    bar.update(lanes=lanes, cells=bar.num_cells, new_probes=0)


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
        journal.JournalError: if nothing can be kept.
    """
    kinds = itertools.groupby(plan.batches, lambda b: (b.devices == ONE, b.spans))
    for (_, spans), group in kinds:
        _Work(launch, plan, list(group), shared=spans).run()


class _Work:
    """Batches of one kind at work: keeps what their steps bring, and counts it.

    Attributes:
        shared: whether the batches span all processes, which then make the same calls
            in step, and of which the first keeps the rows.
    """

    def __init__(
        self, launch: Launch, plan: Plan, batches: Sequence[Batch], *, shared: bool
    ) -> None:
        """Counts what other launches have done, in the order of the plan."""
        self.launch, self.shared = launch, shared
        if shared:
            processes.wait("shared batches")
        self.known = {row["key"] for row in journal.read_rows(self._workdir)}
        done = finished(self._workdir)
        self.lanes = sum(lane.digest() in done for lane in plan.lanes)
        self.batches = [b for b in batches if self._agreed(bool(b.left(done)))]
        self.left = [len(batch.left(done)) for batch in self.batches]
        self.abouts = [batch.about() for batch in self.batches]
        self.starts = [0.0] * len(self.batches)
        self.over = plan.batches.index(batches[-1]) + 1 - len(self.batches)
        self._show(0, "")

    @property
    def _workdir(self) -> Path:
        return self.launch.journal.workdir

    def _agreed(self, flag: bool) -> bool:
        """Returns the flag, or that of the first process where all must agree."""
        return processes.first_process_says(flag) if self.shared else flag

    def run(self) -> None:
        """Runs the batches to their ends, or until somebody asks to stop."""
        devices = self.launch.devices
        if self.shared:
            devices = processes.everywhere(devices)
        finished_now = functools.partial(finished, self._workdir)
        restore = functools.partial(journal.load_state, self.launch.journal)
        self.launch.heartbeat.claim(())
        steps = pool.run(self.batches, devices, finished_now, restore)
        with contextlib.closing(steps):
            for index, step in steps:
                self._take(index, step)
                if self.shared:
                    processes.check(self.launch.stop)
                else:
                    self.launch.stop.check()

    def _take(self, index: int, step: Step) -> None:
        """Keeps the rows of a step, then its state: rows are durable before it."""
        batch, about = self.batches[index], self.abouts[index]
        if not self.starts[index]:
            self.starts[index] = time.perf_counter()
            lanes = [lane.digest() for lane in batch.lanes]
            self.launch.heartbeat.claim(lanes, more=batch.devices == ONE)
        rows = self._keep(index, step)
        over = [row for row in rows if row["kind"] in (*ENDS, failures.KIND)]
        self.lanes += len(ended(over))
        self.left[index] -= len(over)
        if over and self.left[index] <= 0:
            self.over += 1
            self._release(about.program)
        probes = sum(row["kind"] == "probe" for row in rows)
        note = progress.note(step.rows)
        self._show(probes, ": ".join([about.title, *([note] if note else [])]))

    def _keep(self, index: int, step: Step) -> list[dict[str, Any]]:
        """Appends new rows to the journal, saves or drops the state; returns the rows.

        After a restart a state tells again all it knows: what the journal has is left
        out.
        """
        book, kept = self.launch.journal, list(step.rows)
        if step.models is not None and step.state is not None:
            done = [row for row in step.rows if row["kind"] == "capacity"]
            kept += checkpoints.keep(step.models, step.state, done, self._workdir)
        seconds = time.perf_counter() - self.starts[index]
        columns = {"wall_seconds": round(seconds, 3), **step.columns}
        rows = [
            {**self.launch.columns, **columns, **row}
            for row in kept
            if row["key"] not in self.known or row["kind"] == failures.KIND
        ]
        if self.shared and not processes.is_first():
            return rows
        journal.append(book, rows)
        if step.state is not None:
            journal.save_state(book, step.name, step.state)
        elif step.name:
            journal.drop_state(book, step.name)
        return rows

    def _release(self, program: str) -> None:
        """Gives memory back once the last of the batches of a program is over.

        Not while there is little to give: batches that go on would compile theirs
        again. The quick linear sweep took 12.7 s with it and 8.2 s without.
        """
        pairs = zip(self.abouts, self.left, strict=True)
        if any(about.program == program and left > 0 for about, left in pairs):
            return
        if not 0 < setup.resident_bytes() < KEPT_BYTES:
            setup.release()

    def _show(self, probes: int, note: str) -> None:
        bar = self.launch.bar
        bar.update(lanes=self.lanes, cells=self.over, new_probes=probes, note=note)
