"""Runs the jobs that take all devices, of all processes, one after the other."""

import functools
import time
from collections.abc import Sequence
from typing import Any

from recall.runs import planning, processes, progress, signals
from recall.store import journal
from recall.sweeps import failures, jobs, spans


def run(launch: Any, plan: planning.Plan) -> None:
    """Runs what is left of the jobs that span devices, in order.

    Args:
        launch: a `launching.Launch`: where rows go, and who is told.
        plan: whose jobs they are, among others.

    Raises:
        signals.Stopped: in all processes, if one was asked to stop.
        journal.JournalError: if nothing can be kept.
    """
    some = [job for job in plan.jobs if isinstance(job, spans.SpanningJob)]
    if not some:
        return
    processes.wait("spanning")
    done = jobs.ended(journal.read_rows(launch.book.workdir))
    index = launch.bar.num_cells - len(some)
    for job in some:
        if processes.told_by_first(bool(job.left(done))):
            _try(launch, job, index)
        index += 1


def _try(launch: Any, job: spans.SpanningJob, index: int) -> None:
    """Runs one of them; the first process keeps its rows, or those of its failure."""
    book, begun, lanes = launch.book, time.perf_counter(), launch.bar.lanes
    restore = functools.partial(journal.load_state, book)

    def keep(rows: Sequence[jobs.Row]) -> None:
        wall = {"wall_seconds": round(time.perf_counter() - begun, 3)}
        if processes.is_first():
            journal.append(book, [{**launch.columns, **wall, **row} for row in rows])

    launch.presence.claim([lane.digest() for lane in job.lanes])
    try:
        for step in job.run_over(processes.everywhere(launch.devices), restore):
            keep(step.rows)
            if step.state is None:
                journal.drop_state(book, step.name)
            elif processes.is_first():
                journal.save_state(book, step.name, step.state)
            lanes += len(jobs.ended(step.rows))
            note = f"{job.title}: {progress.note(step.rows)}"
            launch.bar.update(lanes=lanes, cells=index, new_probes=0, note=note)
            processes.check(launch.asked)
    except (journal.JournalError, signals.Stopped):
        raise
    except Exception as error:
        keep(failures.rows_of(job.lanes, job.title, failures.reason(error)))
