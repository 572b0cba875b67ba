"""Rates of a device from rows of measured steps, and predictions from them."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from recall.store.row import Row
from recall.theory import costs, laws

STEPS = 2048  # of the trained linear memory
WIDTHS = (256, 512, 1024, 2048, 4096)
ACCELERATORS = (1, 8, 256)


class Fitted(NamedTuple):
    """Rates of one CPU device, and how well they explain the steps they were fitted to.

    Attributes:
        machine: the rates.
        rows: the measured steps, of single lanes on single devices.
        seconds: `[rows]` that they take by these rates.
        error: median of |fitted / measured - 1|.
    """

    machine: costs.Machine
    rows: list[Row]
    seconds: np.ndarray
    error: float


class Prediction(NamedTuple):
    """A run that was not made: assumed rates of accelerators, closed counts of work.

    Attributes:
        what: the run, in words.
        devices: accelerators.
        seconds: at `costs.ATTAINED` of their peaks.
        limit: the part that takes longest.
        held: bytes on each device; None where lanes are far smaller than it.
        fits: whether a device holds as much.
    """

    what: str
    devices: int
    seconds: float
    limit: str
    held: float | None = None
    fits: bool = True


def fitted(rows: Iterable[Row]) -> Fitted:
    """Fits the rates of a CPU device to steps of single lanes."""
    single = [
        row
        for row in rows
        if row["kind"] == "lanes" and row["lanes"] == row["devices"] == 1
    ]
    works = [costs.Work(1, row["flops"], row["bytes"]) for row in single]
    measured = np.array([row["seconds"] for row in single])
    machine = costs.fit(works, list(measured))
    seconds = np.array([costs.seconds(work, machine) for work in works])
    error = float(np.median(np.abs(seconds / measured - 1)))
    return Fitted(machine=machine, rows=single, seconds=seconds, error=error)


def accelerator(devices: int) -> costs.Machine:
    """Returns one of so many H100s, at the assumed part of their peaks."""
    return costs.attained(costs.H100 if devices <= 8 else costs.H100_HOSTS)  # 8 a host


def grids(rows: Iterable[Row]) -> list[Prediction]:
    """Predicts the paper's grids, their lanes divided between accelerators."""
    runs = []
    for row in rows:
        if row["kind"] == "grid":
            for devices in ACCELERATORS:
                work, machine = _busiest(row, devices), accelerator(devices)
                runs.append(
                    Prediction(
                        what=row["experiment_of"],
                        devices=devices,
                        seconds=costs.seconds(work, machine),
                        limit=costs.limit(work, machine),
                    )
                )
    return runs


def large(widths: Sequence[int] = WIDTHS) -> list[Prediction]:
    """Predicts the trained linear memory at its capacity, spread over devices."""
    runs = []
    for d in widths:
        n = float(laws.facts_at(d**2, 1.3))
        for devices in ACCELERATORS:
            work, machine = costs.linear_run(d, STEPS, devices), accelerator(devices)
            held = costs.held(n, d, d**2, devices)
            runs.append(
                Prediction(
                    what=f"d = {d}, N = {n:,.0f}",
                    devices=devices,
                    seconds=costs.seconds(work, machine),
                    limit=costs.limit(work, machine),
                    held=held,
                    fits=held <= machine.memory,
                )
            )
    return runs


def _busiest(row: Row, devices: int) -> costs.Work:
    """Returns the work of the busiest device: lanes side by side, none divided."""
    cells = min(row["cells"], math.ceil(row["searches"] / devices))
    flops = max(row["flops"] / devices, row["longest_flops"])
    return costs.Work(
        steps=cells * row["longest_steps"],
        flops=flops,
        bytes=row["bytes"] * flops / row["flops"],
    )
