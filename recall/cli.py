"""From a config to rows, a table and a figure: plan, run, resume, show."""

import functools
import math
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from recall import ask as asking
from recall import (
    cells,
    experiments,
    figures,
    interrupt,
    journal,
    models,
    progress,
    provenance,
    report,
    running,
    setup,
)
from recall.figures import style
from recall.recall_searches import RecallSearch

KINDS = {
    "capacity": "capacities.csv",
    "probe": "probes.csv",
    "trace": "trace.csv",
    "model": "models.csv",
}


class Plan(NamedTuple):
    """What a config asks for.

    Attributes:
        cells: the programs to run, the cheapest first.
        skipped: what the config names but cannot be, with reasons.
        trace: whether every check is a row, and every model is kept.
    """

    cells: list[cells.Cell]
    skipped: tuple[str, ...]
    trace: bool


def plan_of(config: Any) -> Plan:
    """Reads a config and plans its sweep.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    name = config.get("experiment")
    if name not in experiments.EXPERIMENTS:
        allowed = sorted(experiments.EXPERIMENTS)
        raise ValueError(f"Expected experiment in {allowed}; got {name!r}.")
    experiment = experiments.EXPERIMENTS[name]
    if isinstance(config.get("table"), str):
        with config.ignore_type():
            config.table = _read_table(config.table)
    try:
        chosen = experiment.settings(config)
    except AttributeError as error:  # a ConfigDict without a field wraps a KeyError
        if not (error.args and isinstance(error.args[0], KeyError)):
            raise
        field = error.args[0].args[0].splitlines()[0]
        raise ValueError(f"Expected a config of {name}; it has no {field}.") from error
    return Plan(
        cells=cells.group(experiment.plan(chosen)),
        skipped=getattr(chosen, "skipped", ()),
        trace=getattr(experiment, "TRACE", False),
    )


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
    planned = plan.cells
    skipped = [f"Skipped: {reason}" for reason in plan.skipped]
    caption = "\n".join(["Estimates; nothing was run.", *skipped])
    table = Table(title="Plan", caption=caption, caption_justify="left")
    for column in ("cell", "shape", "lanes", "parameters"):
        side = "left" if column in ("cell", "shape") else "right"
        table.add_column(column, justify=side)
    table.add_column("MiB", justify="right")
    table.add_column("seconds", justify="right")
    for cell in planned:
        table.add_row(*_plan_cells(cell, devices))
    lanes = sum(len(cell.searches) for cell in planned)
    most = max(cells.memory_bytes(cell, len(devices)) for cell in planned)
    seconds = sum(_seconds(cell, devices) for cell in planned)
    totals = [f"{len(planned)} programs", "", str(lanes), ""]
    table.add_row(*totals, f"{most / 2**20:.0f}", f"{seconds:.0f}", style="bold")
    return table


def run(
    config: Any,
    plan: Plan,
    workdir: Path,
    devices: Sequence[Any],
    console: Console,
) -> list[dict]:
    """Runs what is left of a config's cells and returns all rows of its workdir.

    Raises:
        interrupt.Stopped: after everything computed was saved.
    """
    planned = plan.cells
    for reason in plan.skipped:
        console.print(f"Skipped: {reason}", markup=False, highlight=False)
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
                _run_cell(cell, config, book, devices, bar, asked, trace=plan.trace)
                setup.release()
        bar.update(lanes=lanes, cells=len(planned), new_probes=0)
    journal.drop_states(book)  # those of cells that were killed as they ended
    return journal.read_rows(workdir)


def show(config: Any, rows: list[dict], workdir: Path, console: Console) -> None:
    """Writes rows as tables, draws the figure, and prints what they say."""
    by_kind = {kind: [r for r in rows if r["kind"] == kind] for kind in KINDS}
    kept = {kind: name for kind, name in KINDS.items() if by_kind[kind]}
    for kind, name in kept.items():
        journal.write_csv(workdir / name, by_kind[kind])
    style.save(figures.FIGURES[config.experiment](rows), workdir / "figure")
    report.print_report(rows, console)
    files = (
        f"rows    {', '.join(str(workdir / name) for name in kept.values())}\n"
        f"figure  {workdir / 'figure.png'}, {workdir / 'figure.svg'}"
    )
    console.print(files, soft_wrap=True, markup=False, highlight=False)


def ask(prompt: str, workdir: Path, seed: int, console: Console) -> None:
    """Prints what a saved model answers, and what it attends to.

    Raises:
        ValueError: if there is no such model, subject or relation.
    """
    model = models.load(models.path_of(workdir, seed))
    sizes = model.problem.world.live
    subject, relation = asking.parse(prompt, sizes)
    reply = asking.ask(model, subject, relation)
    share = f"recalled in {reply.recalled:.0%} of {asking.CONTEXTS} noise contexts"
    console.print(f"s{subject} r{relation}: {share}", highlight=False)
    console.print(asking.answer_table(reply, int(sizes.answers)))
    console.print(asking.attention_table(reply))


def workdir_of(given: str | None, config: Any) -> Path:
    """Where rows and figures go: runs/<experiment>[-<preset>] unless it is said."""
    if given or config is None:
        return Path(given or "runs/recall_train")
    preset = f"-{config.preset}" if config.get("preset") else ""
    return Path(f"runs/{config.experiment}{preset}")


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
    *,
    trace: bool,
) -> None:
    """Runs one cell; rows are durable before the state that counts them as reported."""
    lanes, index, begun = bar.lanes, bar.cells, time.perf_counter()
    names = []
    told = 0
    restore = functools.partial(journal.load_state, book)
    for update in running.run(cell, devices, restore, trace=trace):
        columns = {
            "experiment": config.experiment,
            **provenance.source(),
            "device": provenance.device(devices),
            "wall_seconds": round(time.perf_counter() - begun, 3),
            "compile_seconds": round(update.compile_seconds, 3),
        }
        done = [row for row in update.rows if row["kind"] == "capacity"]
        kept = _keep_models(update, done, book.workdir) if trace else []
        journal.append(book, [row | columns for row in [*update.rows, *kept]])
        journal.save_state(book, update.cell.name, update.state)
        names.append(update.cell.name)
        told += len(done)
        probes = sum(row["kind"] == "probe" for row in update.rows)
        note = _note(update.rows) if trace else ""
        bar.update(lanes=lanes + told, cells=index, new_probes=probes, note=note)
        asked.check()
    for name in dict.fromkeys(names):
        journal.drop_state(book, name)


def _keep_models(
    update: running.Update, done: Sequence[dict], workdir: Path
) -> list[dict]:
    """Saves the models of searches that have ended, and says how good they are."""
    ended, rows = {row["search"] for row in done}, []
    for index, search in enumerate(update.cell.searches):
        if search.digest() in ended and isinstance(search, RecallSearch):
            params = running.params_of(update.cell, update.state, index)
            model = models.Model(search, search.problem(update.cell.shape), params)
            models.save(models.path_of(workdir, search.seed), model)
            rows.append(search.columns() | models.quality(model))
            loss = float(update.state[".fit.loss"][index])
            rows[-1] |= {
                "kind": "model",
                "key": f"{search.digest()}:model",
                "steps": int(update.state[".fit.steps"][index]),
                "loss": loss if math.isfinite(loss) else None,
                "finite": math.isfinite(loss),
            }
    return rows


def _note(rows: Sequence[dict]) -> str:
    """The latest loss and accuracy of a traced run."""
    traces = [row for row in rows if row["kind"] == "trace"]
    losses = [row["loss"] for row in traces if row["loss"] is not None]
    if not losses:
        return "diverged" if traces else ""
    accuracy = sum(row["accuracy"] for row in traces) / len(traces)
    return (
        f"step {traces[-1]['steps']}, loss {sum(losses) / len(losses):.4f}, "
        f"accuracy {accuracy:.4f}"
    )


def _seconds(cell: cells.Cell, devices: Sequence[Any]) -> float:
    work = cells.core_seconds(cell) / len(devices)
    return work + cell.searches[0].compile_seconds


def _plan_cells(cell: cells.Cell, devices: Sequence[Any]) -> list[str]:
    parameters = sorted({s.num_parameters for s in cell.searches})
    ends = dict.fromkeys((parameters[0], parameters[-1]))
    return [
        cell.searches[0].title,
        " ".join(f"{name}={size}" for name, size in cell.shape._asdict().items()),
        str(len(cell.searches)),
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
