"""A plan run by many machines, through a Dask scheduler that hands out its units.

Workers share the workdir. Each plans the config again, runs the lanes that it is told
as a local launch would, appends to a journal file of its own, and tells the driver how
much it did: rows never travel. What kills a worker is tried on others, and then counts
as failed; what raises is recorded where it was raised.
"""

import contextlib
import functools
import json
import logging
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from rich.console import Console

from recall import (
    failures,
    interrupt,
    jobs,
    journal,
    launching,
    planning,
    presence,
    progress,
    setup,
    shards,
)

CONNECT_SECONDS = 10.0
ALLOWED_DEATHS = 3  # of workers, before their unit is blamed
SETTINGS = {
    "distributed.scheduler.worker-ttl": None,  # a long compilation looks dead
    "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS:.0f}s",
}


class ClusterError(ValueError):
    """One line: what cannot be reached or imported, and what to do about it."""


class LostError(Exception):
    """The scheduler is gone; the same command goes on."""


def run(
    config: Any,
    plan: planning.Plan,
    workdir: Path,
    scheduler: str | None,
    console: Console,
    *,
    grace: float = 0.0,
    compile_cache: bool = True,
) -> None:
    """Runs what is left of a plan on the workers of a scheduler.

    Args:
        config: where the plan comes from.
        plan: all that it asks for.
        workdir: a folder that all workers see under this name.
        scheduler: its address; None for workers of our own, one a core.
        console: where progress is shown.
        grace: seconds that the driver may take to end after a SIGTERM; 0 for any.
        compile_cache: whether workers keep compiled programs on disk.

    Raises:
        ClusterError: if there is no such scheduler, or Dask is not installed.
        LostError: if the scheduler went away.
        interrupt.Stopped: if somebody asked; what workers told stays.
        journal.JournalError: if somebody could not write.
    """
    distributed = _import()
    launching.skipped(plan, console)
    book = journal.open_journal(workdir, config.to_dict())
    task = {
        "config": journal.read_config(workdir),
        "workdir": str(workdir.resolve()),
        "compile_cache": compile_cache,
        "pinned": scheduler is None,
    }
    done = launching.finished(workdir)
    with interrupt.listening(grace) as asked, _client(scheduler) as client:
        units = shards.units(plan, _num_workers(client))
        left = [unit for unit in units if _left(plan, unit, done)]
        bar = progress.Progress(console, len(units), len(planning.lanes(plan)), "units")
        bar.update(lanes=len(done), cells=len(units) - len(left), new_probes=0)
        with bar.showing():
            _hand_out(distributed, client, task, plan, left, book, asked, bar)
            launching.tell_end(bar, plan, workdir)


def _hand_out(
    distributed: Any,
    client: Any,
    task: Mapping[str, Any],
    plan: planning.Plan,
    units: Sequence[range],
    book: journal.Journal,
    asked: interrupt.Asked,
    bar: progress.Progress,
) -> None:
    """Has units run, and looks after them until none is left."""
    name = journal.digest(task)
    going = {
        client.submit(
            run_unit,
            task,
            [unit.start, unit.stop],
            key=f"recall-{name}-{unit.start}-{unit.stop}",
            priority=-order,
            pure=False,
        ): unit
        for order, unit in enumerate(units)
    }
    try:
        while going:
            asked.check()
            for future in _over(distributed, going):
                told = _outcome(distributed, future, plan, going.pop(future), book)
                bar.update(
                    lanes=bar.lanes + told["ended"],
                    cells=bar.cells + 1,
                    new_probes=told["probes"],
                    note=f"{_num_workers(client)} workers",
                )
    finally:
        with contextlib.suppress(Exception):  # a scheduler that is gone
            client.cancel(list(going))


def _over(distributed: Any, going: Mapping[Any, range]) -> list[Any]:
    """The futures that are over, after a moment of waiting."""
    with contextlib.suppress(distributed.TimeoutError, TimeoutError):
        distributed.wait(list(going), timeout=0.5, return_when="FIRST_COMPLETED")
    return [future for future in going if future.status != "pending"]


def _outcome(
    distributed: Any,
    future: Any,
    plan: planning.Plan,
    unit: range,
    book: journal.Journal,
) -> Mapping[str, int]:
    """What a unit came to; records it as failed if it kills its workers."""
    if future.status == "finished":
        return future.result()
    if future.status in ("cancelled", "lost"):
        raise LostError("The scheduler is gone; the same command goes on from here.")
    error = future.exception()
    if isinstance(error, journal.JournalError):
        raise error
    if not isinstance(error, distributed.KilledWorker):
        raise ClusterError(f"A worker cannot run this: {failures.reason(error)}")
    part = shards.part(plan, unit)
    left = _left(plan, unit, launching.finished(book.workdir))
    program = [planning.program_of(cell) for cell in part.cells]
    program += [jobs.program_of(job) for job in part.jobs]
    reason = f"it killed {ALLOWED_DEATHS + 1} workers, one after the other"
    journal.append(book, failures.rows_of(left, program[0], reason))
    return {"ended": 0, "probes": 0}


def _left(plan: planning.Plan, unit: range, done: Collection[str]) -> list[Any]:
    """The lanes of a unit that have not ended."""
    lanes = planning.lanes(plan)[unit.start : unit.stop]
    return [lane for lane in lanes if lane.digest() not in done]


def _import() -> Any:
    """Dask, if it is there."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ClusterError(
            "Expected the package `distributed` for --launcher=dask; install it by "
            "`pip install 'recall[cluster]'`, or `RECALL_EXTRAS=cluster scripts/run.sh`"
            " in a checkout."
        ) from error
    return distributed


@contextlib.contextmanager
def _client(scheduler: str | None) -> Iterator[Any]:
    """Connects to a scheduler, or to one of our own with a worker for each core."""
    import dask
    import distributed

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        address: Any = scheduler
        if scheduler is None:
            address = stack.enter_context(_local_cluster(distributed))
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(
                f"Expected a Dask scheduler at scheduler={scheduler}; none answered "
                f"within {CONNECT_SECONDS:.0f} s ({failures.reason(error)})."
            ) from error
        yield stack.enter_context(client)


def _local_cluster(distributed: Any) -> Any:
    """A scheduler in this process, and a worker process of one thread for each core."""
    return distributed.LocalCluster(
        n_workers=setup.num_cores(),
        threads_per_worker=1,
        memory_limit=0,  # Dask would kill what it believes to be too large
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )


def _num_workers(client: Any) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])


# What runs on workers


def run_unit(task: Mapping[str, Any], unit: Sequence[int]) -> dict[str, int]:
    """Runs some lanes of a plan on a worker; their rows go to the shared workdir.

    Args:
        task: config, workdir and how JAX is set up, as plain data.
        unit: the first lane, and the one after the last.

    Returns:
        How many lanes ended, and how many probes it took.

    Raises:
        journal.JournalError: if the workdir cannot be written.
    """
    plan, launch = _desk(json.dumps(task, sort_keys=True))
    mine = {lane.digest() for lane in planning.lanes(plan)[slice(*unit)]}
    before = len(mine & launching.finished(launch.book.workdir))
    probes = launch.bar.probes
    launching.work(launch, shards.part(plan, range(*unit)))
    launch.presence.claim(())
    ended = len(mine & launching.finished(launch.book.workdir))
    return {"ended": ended - before, "probes": launch.bar.probes - probes}


@functools.cache
def _desk(task: str) -> tuple[planning.Plan, launching.Launch]:
    """What a worker keeps from one unit to the next: the plan, a journal, devices."""
    told = json.loads(task)
    if told["pinned"]:
        _pin()
    setup.configure(compile_cache=told["compile_cache"], cpu_devices=1)
    config = planning.config_of(told["config"])
    plan = planning.plan_of(config)
    book = journal.open_journal(told["workdir"], config.to_dict())
    devices = jax.local_devices()
    shown = presence.Presence(book)
    beat = (shown, threading.Event())  # until the process ends
    threading.Thread(target=presence.beat, args=beat, daemon=True).start()
    nobody = Console(file=open(os.devnull, "w"))  # noqa: SIM115 (open until the end)
    return plan, launching.Launch(
        book=book,
        devices=devices,
        columns=launching.source_columns(config.experiment, devices),
        bar=progress.Progress(nobody, 0, 0),
        asked=interrupt.Asked(),
        presence=shown,
    )


def _pin() -> None:
    """Keeps this worker's programs on a core of their own, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        import distributed

        cores = sorted(os.sched_getaffinity(0))
        mine = int(distributed.get_worker().name) % len(cores)
        os.sched_setaffinity(0, {cores[mine]})
