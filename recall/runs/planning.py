"""From a config to the batches that it asks for, and a table of them."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from recall import experiments
from recall.stats.table import Table
from recall.sweeps import pool
from recall.sweeps.batch import ONE, About, Batch, Plan


def config_of(document: Mapping[str, Any]) -> Any:
    """Makes a config from what JSON keeps of it."""
    return ml_collections.ConfigDict({k: _tuples(v) for k, v in document.items()})


def _tuples(value: Any) -> Any:
    """Makes tuples of lists, since JSON knows no tuples and configs no lists."""
    if isinstance(value, dict):
        return {name: _tuples(child) for name, child in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def plan_of(config: Any) -> Plan:
    """Reads a config and plans its batches.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    name = config.get("experiment")
    module = experiments.plan(name)
    try:
        return module.plan_of(config)
    except AttributeError as error:  # a ConfigDict without a field wraps a KeyError
        if not (error.args and isinstance(error.args[0], KeyError)):
            raise
        field = error.args[0].args[0].splitlines()[0]
        raise ValueError(f"Expected a config of {name}; it has no {field}.") from error


def rows_of(config: Any, devices: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Runs what a config asks for, here and now, and yields its rows.

    For notebooks and small runs: `launching.run` keeps rows, and resumes after a stop.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    batches, same = plan_of(config).batches, {"experiment": config.experiment}
    with contextlib.closing(pool.run(batches, devices)) as steps:
        for _, step in steps:
            yield from (row | same for row in step.rows)


def plan_table(plan: Plan, devices: Sequence[Any]) -> Table:
    """Returns a line for each compiled program that would run, and their sum."""
    skipped = [f"Skipped: {reason}" for reason in plan.skipped]
    rows, held, spent = [], [0.0], 0.0
    for about, lanes, seconds in _merged(plan.batches, len(devices)):
        ends = dict.fromkeys((min(about.parameters), max(about.parameters)))
        parameters = " to ".join(f"{count:,}" for count in ends)
        held.append((about.memory_bytes + len(devices) * about.device_bytes) / 2**20)
        spent += seconds
        counts = str(lanes), parameters, f"{held[-1]:.0f}", f"{seconds:.0f}"
        rows.append([about.title, about.shape, *counts])
    # Programs run one after the other: memory is the largest, not the sum.
    sums = str(len(plan.lanes)), "", f"{max(held):.0f}", f"{spent:.0f}"
    return Table(
        title="Plan",
        columns=("program", "shape", "lanes", "parameters", "MiB", "seconds"),
        rows=[*rows, [f"{len(rows)} programs", "", *sums]],
        caption="\n".join(["Estimates; nothing was run.", *skipped]),
        num_labels=2,
    )


def _merged(batches: Sequence[Batch], devices: int) -> list[tuple[About, int, float]]:
    """Returns a line for the batches of each program: labels, lanes, seconds."""
    lines: dict[str, tuple[About, int, float]] = {}
    for batch in batches:
        about, lanes = batch.about(), len(batch.lanes)
        seconds = seconds_of(about, devices, single=batch.devices == ONE)
        if about.program in lines:
            first, before, spent = lines[about.program]
            parameters = [*first.parameters, *about.parameters]
            about = first._replace(parameters=parameters)
            lanes, seconds = before + lanes, spent + seconds
        lines[about.program] = about, lanes, seconds
    return list(lines.values())


def seconds_of(about: About, devices: int, *, single: bool) -> float:
    """Estimates the seconds of a batch on so many devices, compiling included."""
    if single:  # such batches compile side by side, any other once for all devices
        return (about.core_seconds + about.compile_seconds) / devices
    return about.core_seconds / devices + about.compile_seconds
