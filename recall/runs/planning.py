"""From a config to what it asks for: searches by program, jobs, and a table of them."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import ml_collections
import numpy as np
from rich.table import Table

from recall import experiments
from recall.data import fact_files, names
from recall.experiments.real_facts import lanes as fact_lanes
from recall.sweeps import cells, fields, jobs, running
from recall.sweeps import search as searches


class Plan(NamedTuple):
    """What a config asks for.

    Attributes:
        cells: searches, by the program that they share, the cheapest first.
        jobs: what else is measured.
        skipped: what the config names but cannot be, with reasons.
        trace: whether every check is a row, and every model is kept.
    """

    cells: list[cells.Cell]
    jobs: list[jobs.Job]
    skipped: tuple[str, ...]
    trace: bool


def config_of(document: Mapping[str, Any]) -> Any:
    """A config as its file makes it, from what JSON keeps of it."""
    return ml_collections.ConfigDict({k: _tuples(v) for k, v in document.items()})


def _tuples(value: Any) -> Any:
    """Makes tuples of lists, which JSON knows only."""
    if isinstance(value, dict):
        return {name: _tuples(child) for name, child in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def plan_of(config: Any) -> Plan:
    """Reads a config and plans its sweep.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    name = config.get("experiment")
    experiment = experiments.plan(name)
    if isinstance(config.get("table"), str):
        with config.ignore_type():
            config.table = _read_table(config.table)
    if isinstance(config.get("facts"), ml_collections.ConfigDict):
        config = _with_facts(config)
    try:
        chosen = experiment.settings(config)
    except AttributeError as error:  # a ConfigDict without a field wraps a KeyError
        if not (error.args and isinstance(error.args[0], KeyError)):
            raise
        field = error.args[0].args[0].splitlines()[0]
        raise ValueError(f"Expected a config of {name}; it has no {field}.") from error
    planned = experiment.plan(chosen)
    return Plan(
        cells=cells.group([s for s in planned if isinstance(s, searches.Search)]),
        jobs=[job for job in planned if isinstance(job, jobs.Job)],
        skipped=getattr(chosen, "skipped", ()),
        trace=getattr(experiment, "TRACE", False),
    )


def rows_of(config: Any, devices: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Runs what a config asks for, here and now: its rows, and nothing on disk.

    For notebooks and small runs; `launching.run` keeps rows, and goes on after a stop.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    plan, same = plan_of(config), {"experiment": config.experiment}
    for cell in plan.cells:
        for update in running.run(cell, devices, trace=plan.trace):
            yield from (row | same for row in update.rows)
    with contextlib.closing(jobs.run(plan.jobs, devices, ())) as told:
        for _, rows in told:
            yield from (row | same for row in rows)


def lanes(plan: Plan) -> list[Any]:
    """All searches and lanes in order: cells first, then jobs."""
    searched = [search for cell in plan.cells for search in cell.searches]
    return searched + [lane for job in plan.jobs for lane in job.lanes]


def _with_facts(config: Any) -> Any:
    """A copy that holds the facts it names, and embeddings of their names.

    Raises:
        ValueError: if they cannot be read.
    """
    read, given = config.copy_and_resolve_references(), config.facts
    read.unlock()
    fields.pick("facts.on_conflict", given.on_conflict, fact_files.CONFLICTS)
    fields.pick("facts.several", given.several, fact_files.SEVERAL)
    fields.integer("facts.limit", given.limit, 0)
    found = fact_files.read(
        given.source,
        tuple(given.relations),
        on_conflict=given.on_conflict,
        several=given.several,
        limit=given.limit,
    )
    cases = [case for case in config.cases if isinstance(case, dict)]
    read.facts.update(table=found.table, notes=found.notes)
    wanted = given.model and any(
        case.get("embedding") in fact_lanes.NAMED for case in cases
    )
    read.facts.vectors = names.of(found.table, given.model) if wanted else None
    return read


def _read_table(path: str) -> tuple[tuple[float, ...], ...]:
    """Reads a table of facts: a line per subject, a number per relation.

    Raises:
        ValueError: if there is no such file, or it holds other things than numbers.
    """
    if not path:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an empty file
            rows = np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError, UserWarning) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"Expected table={path!r} to be a file of comma-separated integers, a line "
            f"for each subject; got {reason}"
        ) from error
    return tuple(tuple(row) for row in rows.tolist())


def plan_table(plan: Plan, devices: Sequence[Any]) -> Table:
    """What would run: a line per cell, that is, per compiled program."""
    skipped = [f"Skipped: {reason}" for reason in plan.skipped]
    caption = "\n".join(["Estimates; nothing was run.", *skipped])
    table = Table(title="Plan", caption=caption, caption_justify="left")
    for column in ("cell", "shape", "lanes", "parameters"):
        side = "left" if column in ("cell", "shape") else "right"
        table.add_column(column, justify=side)
    table.add_column("MiB", justify="right")
    table.add_column("seconds", justify="right")
    lines = [_cell_line(cell, devices) for cell in plan.cells]
    lines += _merged([_job_line(job, devices) for job in plan.jobs])
    for line in lines:
        ends = dict.fromkeys((min(line.parameters), max(line.parameters)))
        parameters = " to ".join(f"{count:,}" for count in ends)
        what = line.title, line.shape, str(line.lanes), parameters
        table.add_row(*what, f"{line.mebibytes:.0f}", f"{line.seconds:.0f}")
    totals = [f"{len(lines)} programs", "", str(sum(line.lanes for line in lines)), ""]
    most = max((line.mebibytes for line in lines), default=0.0)
    seconds = sum(line.seconds for line in lines)
    table.add_row(*totals, f"{most:.0f}", f"{seconds:.0f}", style="bold")
    return table


class _Line(NamedTuple):
    """What a plan says of one program."""

    title: str
    shape: str
    lanes: int
    parameters: Sequence[int]
    mebibytes: float
    seconds: float


def program_of(cell: cells.Cell) -> str:
    """What a cell's program is, for a person."""
    return f"{cell.searches[0].title}, {_shape(cell)}"


def _shape(cell: cells.Cell) -> str:
    return " ".join(f"{name}={size}" for name, size in cell.shape._asdict().items())


def _cell_line(cell: cells.Cell, devices: Sequence[Any]) -> _Line:
    return _Line(
        title=cell.searches[0].title,
        shape=_shape(cell),
        lanes=len(cell.searches),
        parameters=[search.num_parameters for search in cell.searches],
        mebibytes=cells.memory_bytes(cell, len(devices)) / 2**20,
        seconds=cells.core_seconds(cell) / len(devices)
        + cell.searches[0].compile_seconds,
    )


def _merged(lines: Sequence[_Line]) -> list[_Line]:
    """One line for all jobs that share a title and a shape, and so a program."""
    kinds: dict[tuple[str, str], list[_Line]] = {}
    for line in lines:
        kinds.setdefault((line.title, line.shape), []).append(line)
    return [
        some[0]._replace(
            lanes=sum(line.lanes for line in some),
            parameters=[count for line in some for count in line.parameters],
            seconds=sum(line.seconds for line in some),
        )
        for some in kinds.values()
    ]


def _job_line(job: jobs.Job, devices: Sequence[Any]) -> _Line:
    return _Line(
        title=job.title,
        shape=job.shape,
        lanes=len(job.lanes),
        parameters=job.parameters,
        mebibytes=job.memory_bytes / 2**20,
        seconds=(job.core_seconds + job.compile_seconds) / len(devices),
    )
