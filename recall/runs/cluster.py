"""A plan run by many machines, through a Dask scheduler that deals its units.

A unit that raises is recorded by its worker. One whose worker dies is tried on others;
if it kills those as well, the driver records it as failed.
"""

import contextlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from recall.runs import launching, progress, setup, shards, signals, workers
from recall.store import files, journal, provenance
from recall.sweeps import failures
from recall.sweeps.batch import Plan

CONNECT_SECONDS = 10.0
ALLOWED_DEATHS = 3  # of workers, before the unit that they ran is blamed
SETTINGS = {
    "distributed.scheduler.worker-ttl": None,  # a long compilation looks dead
    "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS:.0f}s",
}


class ClusterError(ValueError):
    """One line: a thing that cannot be reached or imported, and the remedy."""


class LostError(Exception):
    """The scheduler is gone; the same command goes on."""


class Driver(NamedTuple):
    """The process that hands out units.

    Attributes:
        dask: the package `distributed`.
        client: a connection to the scheduler.
        plan: the whole plan.
        book: records units that killed their workers.
        columns: the source of such rows.
    """

    dask: Any
    client: Any
    plan: Plan
    book: journal.Journal
    columns: Mapping[str, Any]


def run(
    config: Any,
    plan: Plan,
    workdir: Path,
    scheduler: str | None,
    console: Console,
    *,
    grace: float = 0.0,
    compile_cache: bool = True,
) -> None:
    """Runs what is left of a plan on the workers of a scheduler.

    Args:
        config: the config of the plan.
        plan: the whole plan.
        workdir: a folder that all workers see under this name.
        scheduler: its address; None for a scheduler here, with a worker for each core.
        console: shows progress.
        grace: seconds that the driver may take to end after a SIGTERM; 0 for any.
        compile_cache: whether workers keep compiled programs on disk.

    Raises:
        ClusterError: if there is no such scheduler, or Dask is not installed.
        LostError: if the scheduler went away.
        signals.Stopped: after a signal; rows that workers wrote stay.
        StoreError: if a worker could not write.
    """
    dask = _import()
    launching.print_skipped(plan, console)
    book = journal.open_journal(workdir, config.to_dict())
    columns = {"experiment": config.experiment, **provenance.source(), "device": None}
    task = {
        "config": journal.read_config(workdir),
        "workdir": str(workdir.resolve()),
        "compile_cache": compile_cache,
        "pinned": scheduler is None,
    }
    done = launching.finished(workdir)
    with signals.caught(grace) as stop, _client(dask, scheduler) as client:
        driver = Driver(dask, client, plan, book, columns)
        units = shards.units(plan, _num_workers(client))
        left = [unit for unit in units if _left(plan, unit, done)]
        bar = progress.Progress(console, len(units), len(plan.lanes), "units")
        bar.lanes, bar.batches = len(done), len(units) - len(left)
        with bar.showing():
            _hand_out(driver, task, left, bar, stop)
            launching.show_end(bar, plan, workdir)


def _hand_out(
    driver: Driver,
    task: Mapping[str, Any],
    units: Sequence[range],
    bar: progress.Progress,
    stop: signals.StopRequest,
) -> None:
    """Submits units, and looks after them until none is left."""
    name = journal.digest(task)
    going = {
        driver.client.submit(
            workers.run_unit,
            task,
            [unit.start, unit.stop],
            # Dask knows tasks by their keys: another run's must not answer for ours.
            key=f"recall-{name}-{unit.start}-{unit.stop}",
            priority=-order,  # the longest first
            pure=False,
        ): unit
        for order, unit in enumerate(units)
    }
    try:
        while going:
            stop.check()
            for future in _over(driver.dask, going):
                counts = outcome(driver, future, going.pop(future))
                bar.lanes += counts["ended"]
                bar.probes += counts["probes"]
                bar.batches += 1
                bar.show(f"workers {_num_workers(driver.client)}")
    finally:
        with contextlib.suppress(Exception):  # a scheduler that is gone
            driver.client.cancel(list(going))


def _over(dask: Any, going: Collection[Any]) -> list[Any]:
    """Waits half a second at most; returns the futures that are over."""
    with contextlib.suppress(dask.TimeoutError, TimeoutError, dask.CancelledError):
        dask.wait(list(going), timeout=0.5, return_when="FIRST_COMPLETED")
    return [future for future in going if future.status != "pending"]


def outcome(driver: Driver, future: Any, unit: range) -> Mapping[str, int]:
    """Returns counts of a unit; records as failed one that kills its workers.

    Raises:
        LostError: if the scheduler is gone.
        ClusterError: if workers cannot run units at all.
        StoreError: if a worker could not write.
    """
    if future.status == "finished":
        return future.result()
    if future.status in ("cancelled", "lost"):
        raise LostError("The scheduler is gone; the same command goes on from here.")
    error = future.exception()
    if isinstance(error, files.StoreError):
        raise error
    if not isinstance(error, driver.dask.KilledWorker):
        raise ClusterError(f"A worker cannot run this: {failures.reason(error)}")
    left = _left(driver.plan, unit, launching.finished(driver.book.workdir))
    reason = f"it killed {ALLOWED_DEATHS + 1} workers, one after the other"
    program = shards.part(driver.plan, unit).batches[0].about().program
    rows = failures.rows_of(left, program, reason)
    journal.append(driver.book, [row | dict(driver.columns) for row in rows])
    return {"ended": 0, "probes": 0}


def _left(plan: Plan, unit: range, done: Collection[str]) -> list[Any]:
    """Returns the lanes of a unit that are not over."""
    lanes = plan.lanes[unit.start : unit.stop]
    return [lane for lane in lanes if lane.digest() not in done]


def _import() -> Any:
    """Imports Dask, or says how to install it."""
    try:
        import distributed
    except ImportError as error:
        raise ClusterError(
            "Expected the package `distributed` for --launcher=dask; install it by "
            "`pip install 'recall[cluster]'`, or `RECALL_EXTRAS=cluster scripts/run.sh`"
            " in a checkout."
        ) from error
    return distributed


@contextlib.contextmanager
def _client(distributed: Any, scheduler: str | None) -> Iterator[Any]:
    """Connects to a scheduler, or to a local one with a worker for each core."""
    from dask import config

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        stack.enter_context(config.set(SETTINGS))
        address: Any = scheduler
        if scheduler is None:
            address = stack.enter_context(local_cluster(distributed))
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            raise ClusterError(
                f"Expected a Dask scheduler at scheduler={scheduler}; none answered "
                f"within {CONNECT_SECONDS:.0f} s ({failures.reason(error)})."
            ) from error
        yield stack.enter_context(client)


def local_cluster(distributed: Any) -> Any:
    """Starts a scheduler here, and a worker process of one thread for each core."""
    return distributed.LocalCluster(
        n_workers=setup.num_cores(),
        threads_per_worker=1,
        memory_limit=0,  # Dask would kill what it believes to be too large
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )


def _num_workers(client: Any) -> int:
    return len(client.scheduler_info(n_workers=-1)["workers"])
