"""From a plan to rows, a table and a figure: run, resume, show, ask."""

import contextlib
import functools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from rich.console import Console

from recall import ask as asking
from recall import (
    cells,
    figures,
    interrupt,
    jobs,
    journal,
    models,
    planning,
    progress,
    provenance,
    reports,
    running,
    setup,
)
from recall.figures import style
from recall.recall_searches import RecallSearch

KINDS = {
    "capacity": "capacities.csv",
    "run": "runs.csv",
    "probe": "probes.csv",
    "trace": "trace.csv",
    "model": "models.csv",
}


def run(
    config: Any,
    plan: planning.Plan,
    workdir: Path,
    devices: Sequence[Any],
    console: Console,
) -> list[dict]:
    """Runs what is left of a config's cells and returns all rows of its workdir.

    Raises:
        interrupt.Stopped: after everything computed was saved.
    """
    for reason in plan.skipped:
        console.print(f"Skipped: {reason}", markup=False, highlight=False)
    book = journal.open_journal(workdir, config.to_dict())
    of_jobs = [lane.digest() for job in plan.jobs for lane in job.lanes]
    lanes = sum(len(cell.searches) for cell in plan.cells) + len(of_jobs)
    bar = progress.Progress(console, len(plan.cells) + len(plan.jobs), lanes)
    with interrupt.listening() as asked, bar.showing():
        for index, cell in enumerate(plan.cells):
            finished = _finished(workdir)
            before = [
                s.digest() in finished for c in plan.cells[:index] for s in c.searches
            ]
            left = [s for s in cell.searches if s.digest() not in finished]
            bar.update(lanes=sum(before), cells=index, new_probes=0)
            if left:
                _run_cell(cell, config, book, devices, bar, asked, trace=plan.trace)
                setup.release()
        _run_jobs(plan, config, book, devices, bar, asked)
        bar.update(lanes=lanes, cells=bar.num_cells, new_probes=0)
    journal.drop_states(book)  # those of cells that were killed as they ended
    return journal.read_rows(workdir)


def show(config: Any, rows: list[dict], workdir: Path, console: Console) -> None:
    """Writes rows as tables, draws the figure, and prints what they say."""
    by_kind = {kind: [r for r in rows if r["kind"] == kind] for kind in KINDS}
    kept = {kind: name for kind, name in KINDS.items() if by_kind[kind]}
    for kind, name in kept.items():
        journal.write_csv(workdir / name, by_kind[kind])
    style.save(figures.FIGURES[config.experiment](rows), workdir / "figure")
    reports.print_report(rows, console)
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
    sizes, table = model.problem.world.live, asking.names_of(model)
    if table is None or asking.PROMPT.fullmatch(prompt.strip()):
        subject, relation = asking.parse(prompt, sizes)
    else:
        subject, relation = asking.parse_names(prompt, table)
    reply = asking.ask(model, subject, relation)
    share = f"recalled in {reply.recalled:.0%} of {asking.CONTEXTS} noise contexts"
    if reply.truth is None:
        share = "the table has no answer"
    what = f"s{subject} r{relation}"
    if table is not None:
        what = f"{table.relations[relation]} of {table.subjects[subject]}"
    console.print(f"{what}: {share}", highlight=False)
    console.print(asking.answer_table(reply, int(sizes.answers), table))
    console.print(asking.attention_table(reply))


def workdir_of(given: str | None, config: Any) -> Path:
    """Where rows and figures go: runs/<experiment>[-<preset>] unless it is said."""
    if given or config is None:
        return Path(given or "runs/recall_train")
    preset = f"-{config.preset}" if config.get("preset") else ""
    return Path(f"runs/{config.experiment}{preset}")


def _finished(workdir: Path) -> set[str]:
    """Searches and lanes of jobs that have ended, in whichever process."""
    rows = journal.read_rows(workdir)
    return {row["search"] for row in rows if row["kind"] in jobs.ENDS}


def _run_jobs(
    plan: planning.Plan,
    config: Any,
    book: journal.Journal,
    devices: Sequence[Any],
    bar: progress.Progress,
    asked: interrupt.Asked,
) -> None:
    """Runs the jobs that have lanes left; rows are durable before the next are read."""
    done, begun = _finished(book.workdir), time.perf_counter()
    going = {job: count for job in plan.jobs if (count := len(job.left(done)))}
    searched = sum(len(cell.searches) for cell in plan.cells)
    lanes = searched + sum(len(job.lanes) for job in plan.jobs) - sum(going.values())
    index = len(plan.cells) + len(plan.jobs) - len(going)
    columns = _source_columns(config, devices)
    bar.update(lanes=lanes, cells=index, new_probes=0)
    with contextlib.closing(jobs.run(list(going), devices, done)) as told:
        for job, rows in told:
            wall = {"wall_seconds": round(time.perf_counter() - begun, 3)}
            journal.append(book, [columns | wall | row for row in rows])
            ended = [row for row in rows if row["kind"] in jobs.ENDS]
            lanes += len(ended)
            going[job] -= len(ended)
            index += not going[job] and bool(ended)
            probes = len(rows) - len(ended)
            bar.update(lanes=lanes, cells=index, new_probes=probes, note=job.title)
            asked.check()


def _source_columns(config: Any, devices: Sequence[Any]) -> dict[str, Any]:
    """Columns that say which experiment, code and device a row comes from."""
    return {
        "experiment": config.experiment,
        **provenance.source(),
        "device": provenance.device(devices),
    }


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
        columns = _source_columns(config, devices) | {
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


def devices_to_use(count: int) -> list[Any]:
    """The first `count` local devices, all of them for 0.

    Raises:
        ValueError: if there are fewer.
    """
    local = jax.local_devices()
    if not 0 <= count <= len(local):
        raise ValueError(f"Expected 0 <= devices <= {len(local)}; got devices={count}.")
    return local[: count or None]
