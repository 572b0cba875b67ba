"""From a config to rows, a table and a figure: plan, run, resume, show."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from rich.console import Console
from rich.table import Table

from recall import (
    cells,
    experiments,
    figures,
    interrupt,
    journal,
    progress,
    provenance,
    report,
    running,
)
from recall.figures import style

KINDS = {"capacity": "capacities.csv", "probe": "probes.csv"}


def cells_of(config: Any) -> list[cells.Cell]:
    """Reads a config and lists the cells of its sweep, the cheapest first.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    name = config.get("experiment")
    if name not in experiments.EXPERIMENTS:
        allowed = sorted(experiments.EXPERIMENTS)
        raise ValueError(f"Expected experiment in {allowed}; got {name!r}.")
    experiment = experiments.EXPERIMENTS[name]
    try:
        chosen = experiment.settings(config)
    except AttributeError as error:  # a ConfigDict without a field wraps a KeyError
        if not (error.args and isinstance(error.args[0], KeyError)):
            raise
        field = error.args[0].args[0].splitlines()[0]
        raise ValueError(f"Expected a config of {name}; it has no {field}.") from error
    return cells.group(experiment.plan(chosen))


def plan_table(planned: Sequence[cells.Cell], devices: Sequence[Any]) -> Table:
    """What would run: a line per cell, that is, per compiled program."""
    table = Table(title="Plan", caption="Estimates; nothing was run.")
    for column in ("cell", "lanes", "facts <=", "outputs", "d", "m", "parameters"):
        table.add_column(column, justify="left" if column == "cell" else "right")
    table.add_column("MiB", justify="right")
    table.add_column("seconds", justify="right")
    for cell in planned:
        table.add_row(*_plan_cells(cell, devices))
    lanes = sum(len(cell.searches) for cell in planned)
    most = max(cells.memory_bytes(cell, len(devices)) for cell in planned)
    seconds = sum(_seconds(cell, devices) for cell in planned)
    totals = [f"{len(planned)} programs", str(lanes), "", "", "", "", ""]
    table.add_row(*totals, f"{most / 2**20:.0f}", f"{seconds:.0f}", style="bold")
    return table


def run(
    config: Any,
    planned: Sequence[cells.Cell],
    workdir: Path,
    devices: Sequence[Any],
    console: Console,
) -> list[dict]:
    """Runs what is left of a config's cells and returns all rows of its workdir.

    Raises:
        interrupt.Stopped: after everything computed was saved.
    """
    book = journal.open_journal(workdir, config.to_dict())
    lanes = sum(len(cell.searches) for cell in planned)
    bar = progress.Progress(console, len(planned), lanes)
    with interrupt.listening() as asked, bar.showing():
        for index, cell in enumerate(planned):
            finished = _finished(workdir)
            before = [
                s.digest() in finished for c in planned[:index] for s in c.searches
            ]
            left = [s for s in cell.searches if s.digest() not in finished]
            bar.update(lanes=sum(before), cells=index, new_probes=0)
            if left:
                _run_cell(cell, config, book, devices, bar, asked)
        bar.update(lanes=lanes, cells=len(planned), new_probes=0)
    journal.drop_states(book)  # those of cells that were killed as they ended
    return journal.read_rows(workdir)


def show(config: Any, rows: list[dict], workdir: Path, console: Console) -> None:
    """Writes rows as tables, draws the figure, and prints what they say."""
    by_kind = {kind: [r for r in rows if r["kind"] == kind] for kind in KINDS}
    for kind, name in KINDS.items():
        journal.write_csv(workdir / name, by_kind[kind])
    style.save(figures.FIGURES[config.experiment](rows), workdir / "figure")
    report.print_report(rows, console)
    files = (
        f"rows    {workdir / 'capacities.csv'}, {workdir / 'probes.csv'}\n"
        f"figure  {workdir / 'figure.png'}, {workdir / 'figure.svg'}"
    )
    console.print(files, soft_wrap=True, markup=False, highlight=False)


def _finished(workdir: Path) -> set[str]:
    """Searches whose capacity is in the journal, by whichever process."""
    rows = journal.read_rows(workdir)
    return {row["search"] for row in rows if row["kind"] == "capacity"}


def _run_cell(
    cell: cells.Cell,
    config: Any,
    book: journal.Journal,
    devices: Sequence[Any],
    bar: progress.Progress,
    asked: interrupt.Asked,
) -> None:
    """Runs one cell; rows are durable before the state that counts them as reported."""
    lanes, index, begun = bar.lanes, bar.cells, time.perf_counter()
    names = []
    told = 0
    for update in running.run(
        cell, devices, lambda name: journal.load_state(book, name)
    ):
        columns = {
            "experiment": config.experiment,
            **provenance.source(),
            "device": provenance.device(devices),
            "wall_seconds": round(time.perf_counter() - begun, 3),
            "compile_seconds": round(update.compile_seconds, 3),
        }
        journal.append(book, [row | columns for row in update.rows])
        journal.save_state(book, update.cell.name, update.state)
        names.append(update.cell.name)
        told += sum(row["kind"] == "capacity" for row in update.rows)
        probes = sum(row["kind"] == "probe" for row in update.rows)
        bar.update(lanes=lanes + told, cells=index, new_probes=probes)
        asked.check()
    for name in dict.fromkeys(names):
        journal.drop_state(book, name)


def _seconds(cell: cells.Cell, devices: Sequence[Any]) -> float:
    work = cells.core_seconds(cell) / len(devices)
    return work + cells.COMPILE_SECONDS


def _plan_cells(cell: cells.Cell, devices: Sequence[Any]) -> list[str]:
    search, shape = cell.searches[0], cell.shape
    what = " ".join(filter(None, (search.memory, search.activation)))
    parameters = sorted({s.num_parameters for s in cell.searches})
    ends = dict.fromkeys((parameters[0], parameters[-1]))
    numbers = [len(cell.searches), shape.n_max, shape.num_outputs, shape.d, shape.m]
    return [
        what,
        *[str(number) for number in numbers],
        " to ".join(f"{count:,}" for count in ends),
        f"{cells.memory_bytes(cell, len(devices)) / 2**20:.0f}",
        f"{_seconds(cell, devices):.0f}",
    ]


def devices_to_use(count: int) -> list[Any]:
    """The first `count` local devices, all of them for 0.

    Raises:
        ValueError: if there are fewer.
    """
    local = jax.local_devices()
    if not 0 <= count <= len(local):
        raise ValueError(f"Expected 0 <= devices <= {len(local)}; got devices={count}.")
    return local[: count or None]
