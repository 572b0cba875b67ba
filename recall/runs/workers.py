"""Work of one worker of a cluster: a unit of a plan, as a local launch runs it.

A worker gets plain data only. It plans the config again, appends to a journal file of
its own in the shared workdir, and returns counts to its driver: rows never travel.
"""

import functools
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from rich.console import Console

from recall.runs import heartbeat, launching, planning, progress, setup, shards, signals
from recall.store import journal
from recall.sweeps.batch import Plan


def run_unit(task: Mapping[str, Any], unit: Sequence[int]) -> dict[str, int]:
    """Runs some lanes of a plan; what raises is recorded as failed.

    Args:
        task: `config`, `workdir`, `compile_cache`, and `pinned`: to a core each.
        unit: the first lane, and the one after the last.

    Returns:
        Counts: lanes that `ended`, and `probes` that were made.

    Raises:
        StoreError: if the workdir cannot be written.
    """
    plan, launch = _prepared(json.dumps(task, sort_keys=True))
    mine = {lane.digest() for lane in plan.lanes[slice(*unit)]}
    before = len(mine & launching.finished(launch.journal.workdir))
    probes = launch.bar.probes
    launching.work(launch, shards.part(plan, range(*unit)))
    launch.heartbeat.claim(())
    ended = len(mine & launching.finished(launch.journal.workdir))
    return {"ended": ended - before, "probes": launch.bar.probes - probes}


@functools.cache  # importing JAX and planning take seconds, many units less
def _prepared(task: str) -> tuple[Plan, launching.Launch]:
    """Prepares the plan, a journal and devices, which a worker keeps between units."""
    settings = json.loads(task)
    if settings["pinned"]:
        _pin()
    setup.configure(compile_cache=settings["compile_cache"], cpu_devices=1)
    config = planning.config_of(settings["config"])
    plan = planning.plan_of(config)
    book = journal.open_journal(settings["workdir"], config.to_dict())
    devices = jax.local_devices()
    bar = progress.Progress(Console(), 0, 0)
    bar.shown = math.inf  # it only counts
    return plan, launching.Launch(
        journal=book,
        devices=devices,
        columns=launching.source_columns(config.experiment, devices),
        bar=bar,
        stop=signals.StopRequest(),  # the driver cancels what has not begun
        heartbeat=heartbeat.Heartbeat(book),
    )


def _pin() -> None:
    """Keeps this worker on a core of its own, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        import distributed

        cores = sorted(os.sched_getaffinity(0))
        mine = int(distributed.get_worker().name) % len(cores)
        os.sched_setaffinity(0, {cores[mine]})
