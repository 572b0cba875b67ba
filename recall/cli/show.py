"""Ends of a command: shows a run, its page, its failures, or asks a model it left.

Imports wait until they are needed: a page needs no JAX, and rows no matplotlib.
"""

from pathlib import Path
from typing import Any

from rich.console import Console

from recall import experiments
from recall.store import csv_files, state
from recall.sweeps import failures
from recall.sweeps.batch import Plan, ended

KINDS = {
    "capacity": "capacities.csv",
    "run": "runs.csv",
    "probe": "probes.csv",
    "trace": "trace.csv",
    "model": "models.csv",
    failures.KIND: "failed.csv",
}
_PART = """\
This part is done: {} of its {} lanes have ended. Of all lanes, {} of {} are still to be
run by other parts; the last part to end, or the same command without --shard, writes
tables and the figure."""


def conclude(config: Any, plan: Plan, part: Plan, workdir: Path, console: Any) -> int:
    """Shows a run that is whole, or says what it lacks.

    Args:
        config: the config of the plan.
        plan: all lanes of the run.
        part: the lanes of this launch.
        workdir: the run's folder.
        console: prints the end.

    Returns:
        The exit code: 1 if a lane of this part failed.
    """
    from recall.runs import launching

    rows = launching.rows_of(workdir)
    failed = [row for row in rows if row["kind"] == failures.KIND]
    done, missed = ended(rows), {row["search"] for row in failed}
    lanes, mine = ({lane.digest() for lane in some.lanes} for some in (plan, part))
    if lanes <= done:
        state.drop_all(workdir)  # of parts, and of batches killed as they ended
    if left := lanes - done - missed:
        console.print(_PART.format(len(mine & done), len(mine), len(left), len(lanes)))
    else:
        show(config, rows, workdir, console)
    named = [row for row in failed if row["search"] in mine]
    for line in failures.lines(named):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    return int(bool(named))


def show(config: Any, rows: list[dict], workdir: Path, console: Console) -> None:
    """Writes rows as tables, draws the figure, and prints the experiment's tables."""
    from recall.pages import terminal

    by_kind = {kind: [r for r in rows if r["kind"] == kind] for kind in KINDS}
    for kind, name in KINDS.items():
        if by_kind[kind]:
            csv_files.write(workdir / name, by_kind[kind])
        else:  # such as failed.csv, once all has been mended
            (workdir / name).unlink(missing_ok=True)
    sound = [row for row in rows if row["kind"] != failures.KIND]
    # The figure last: --status knows by it that nothing is left to do.
    drawn = _draw(config, sound, workdir, whole=len(sound) == len(rows))
    terminal.print_report(sound, console)
    files = ", ".join(str(workdir / KINDS[kind]) for kind in KINDS if by_kind[kind])
    for line in (f"rows    {files}", f"figure  {drawn}"):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _draw(config: Any, rows: list[dict], workdir: Path, *, whole: bool) -> str:
    """Draws the figure and returns its paths, or why lanes that failed prevent it."""
    from recall import plotting

    try:
        plotting.save(experiments.draw(config.experiment, rows), workdir / "figure")
    except (ValueError, LookupError) as error:
        if whole:
            raise
        return f"none: too few lanes have ended ({error})"
    return f"{workdir / 'figure.png'}, {workdir / 'figure.svg'}"


def print_status(workdir: Path, console: Console) -> None:
    """Prints the counts of a run, and the processes at work on it.

    Raises:
        ValueError: if the folder holds no run.
    """
    from recall.runs import status

    now = status.read(workdir)
    for line in status.lines(now):
        console.print(line, highlight=False)
    console.print(status.table(now).rich())


def claims() -> None:
    """Prints every claim with its verdict and the numbers that decide it.

    Raises:
        ValueError: if there are no committed results.
    """
    from recall.pages import claims as report_claims
    from recall.runs import sources

    tables, console = sources.tables(), Console()
    if not console.is_terminal:  # a file has no width; six columns of words need some
        console.width = 150
    console.print(report_claims.table(tables).rich())
    console.print(report_claims.counts(tables))


def diagnose(workdir: str | None, *, compile_cache: bool) -> None:
    """Prints the signatures of failures that a run, or every committed result, shows.

    Raises:
        ValueError: if there are no rows to look at.
    """
    from recall.runs import sources

    looked_at = sources.of(workdir)  # before JAX: a typo is answered at once
    from recall.diagnosis import run
    from recall.runs import setup

    setup.configure(compile_cache=compile_cache)
    run.report(looked_at)


def ask(prompt: str, workdir: Path, seed: int, console: Console) -> None:
    """Prints the answers of a saved model, and the tokens that it attends to.

    Raises:
        ValueError: if there is no such model, subject or relation.
    """
    from recall.cli import ask as asking
    from recall.runs import checkpoints

    model = checkpoints.load(checkpoints.path_of(workdir, seed))
    sizes, table = model.problem.world.live, asking.names_of(model)
    if table is None or asking.PROMPT.fullmatch(prompt.strip()):
        subject, relation = asking.parse(prompt, sizes)
    else:
        subject, relation = asking.parse_names(prompt, table)
    reply = asking.ask(model, subject, relation)
    verdict = f"recalled in {reply.recalled:.0%} of {asking.CONTEXTS} noise contexts"
    if reply.truth is None:
        verdict = "the table has no answer"
    question = f"s{subject} r{relation}"
    if table is not None:
        question = f"{table.relations[relation]} of {table.subjects[subject]}"
    console.print(f"{question}: {verdict}", highlight=False)
    console.print(asking.answer_table(reply, int(sizes.answers), table).rich())
    console.print(asking.attention_table(reply).rich())


def devices_to_use(count: int) -> list[Any]:
    """Returns the first `count` local devices, all of them for 0.

    Raises:
        ValueError: if there are fewer.
    """
    import jax

    local = jax.local_devices()
    if not 0 <= count <= len(local):
        raise ValueError(f"Expected 0 <= devices <= {len(local)}; got devices={count}.")
    return local[: count or None]
