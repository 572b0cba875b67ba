"""Several processes as one run (--distributed): their parts of a plan, and waiting.

Lanes need no communication: each process runs its shard on its own devices. Batches
that span are one program over the devices of all processes, which make the same calls
in step; where they decide by what they read, the first process speaks for all.
"""

import os
from collections.abc import Collection, Sequence
from typing import Any

import jax
import numpy as np
from jax._src import distributed as _state  # the barrier has no public door
from jax.experimental import multihost_utils

from recall.runs import shards, signals
from recall.sweeps.batch import Plan

WEEK = 7 * 24 * 3600 * 1000  # milliseconds


def join(coordinator: str | None, processes: int | None, index: int | None) -> None:
    """Meets the other processes; reads off the environment what is None.

    Args:
        coordinator: host:port of the first process (or JAX_COORDINATOR_ADDRESS).
        processes: the number of processes (or JAX_NUM_PROCESSES).
        index: the place of this one among them (or JAX_PROCESS_ID).

    Raises:
        ValueError: if these do not name a run, or nobody answers.
    """
    coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    processes = _number(processes, "JAX_NUM_PROCESSES", 1)
    index = _number(index, "JAX_PROCESS_ID", 0)
    flags = {"coordinator": coordinator, "num_processes": processes}
    got = [
        f"no --{flag}" if value is None else f"--{flag}={value}"
        for flag, value in (flags | {"process_id": index}).items()
    ]
    expected = (
        "Expected --coordinator=host:port, --num_processes=n and --process_id=i with "
        f"0 <= i < n, or a scheduler that tells them; got {', '.join(got)}"
    )
    # All three may be missing: on SLURM and TPUs JAX asks the scheduler.
    named = coordinator is None or ":" in coordinator
    counted = processes is None or index is None or 0 <= index < processes
    if not (named and counted):
        raise ValueError(f"{expected}.")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(coordinator, processes, index)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{expected}: {str(error).splitlines()[0]}") from error


def _number(flag: int | None, variable: str, least: int) -> int | None:
    """Returns the value of a flag, or else of an environment variable.

    Raises:
        ValueError: if the environment says no such number.
    """
    text = os.environ.get(variable)
    if flag is not None or text is None:
        return flag
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"Expected {variable}=n with n >= {least}; got {text!r}.")
    return int(text)


def share(plan: Plan) -> Plan:
    """Returns the part of this process: its lanes, and every batch that spans all."""
    single = [batch for batch in plan.batches if not batch.spans]
    spanning = [batch for batch in plan.batches if batch.spans]
    shard = shards.Shard(jax.process_index(), jax.process_count())
    part = shards.share(plan._replace(batches=single), shard)
    return part._replace(batches=[*part.batches, *spanning])


def fitting(plan: Plan, devices: Sequence[Any]) -> Plan:
    """Leaves out batches that span more devices than there are, with the reason.

    Raises:
        ValueError: if nothing is left to run.
    """
    count, alone = len(everywhere(devices)), jax.process_count() == 1
    kept, skipped = [], list(plan.skipped)
    for batch in plan.batches:
        wanted = int(batch.devices) if batch.spans else 0
        # No process may idle while others compute: of several, a batch takes them all.
        if wanted in (0, count) or (alone and wanted < count):
            kept.append(batch)
        else:
            has = f"{batch.about().program}: there are {count} devices"
            skipped.append(has if alone else f"{has}, and processes need all")
    if not kept:
        reasons = "; ".join(skipped)
        raise ValueError(f"Expected batches for {count} devices; got {reasons}")
    return plan._replace(batches=kept, skipped=tuple(dict.fromkeys(skipped)))


def everywhere(devices: Sequence[Any]) -> Sequence[Any]:
    """Returns the devices of all processes, or `devices` where there is one process."""
    return jax.devices() if jax.process_count() > 1 else devices


def is_first() -> bool:
    """Tells whether this process speaks for all."""
    return jax.process_index() == 0


def wait(name: str) -> None:
    """Waits until all processes are here, under a name that no other call has."""
    if jax.process_count() > 1:  # over gloo a collective would give up after 30 s
        client: Any = _state.global_state.client
        client.wait_at_barrier(name, WEEK)


def speaks_last() -> bool:
    """Waits for all processes at the end of a run; tells if this one concludes it."""
    wait("end")
    return is_first()


def first_process_says(flag: bool) -> bool:
    """Broadcasts a flag from the first process to all processes."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.broadcast_one_to_all(np.int32(flag)))


def agreed(lanes: Sequence[str], done: Collection[str]) -> set[str]:
    """Returns the lanes that are over according to the first process."""
    return {lane for lane in lanes if first_process_says(lane in done)}


def check(stop: signals.StopRequest, *, together: bool) -> None:
    """Stops after a signal; `together`: all processes at the same place.

    Raises:
        signals.Stopped: if a signal came to this process, or to one of them all.
    """
    if together and jax.process_count() > 1:
        numbers = multihost_utils.process_allgather(np.int32(stop.number or 0))
        stop.number = int(numbers.max()) or None
    stop.check()
