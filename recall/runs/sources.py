"""Rows to be looked at: of one run, or the committed ones of every experiment."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recall import experiments
from recall.store import csv_files, journal
from recall.store.row import Row
from recall.sweeps import presets

RESULTS = Path(__file__).resolve().parents[2] / "results"
FIRST = "python -m recall.main --config=configs/recall_train.py:quick"


class SourceError(ValueError):
    """One line: rows that are missing or damaged, and the command that makes them."""


class Source(NamedTuple):
    """The rows of one experiment.

    Attributes:
        experiment: its name.
        rows: all of them, whatever their kinds, but for rows `beside`.
        beside: rows of another experiment that its figure draws for comparison.
        config: the settings of the run; of a preset where rows were committed.
        origin: the folder or file of the rows.
        workdir: the folder of the run, or of a run to come.
        committed: whether the rows are committed ones, without a workdir.
    """

    experiment: str
    rows: list[Row]
    beside: list[Row]
    config: Mapping[str, Any] | None
    origin: str
    workdir: str
    committed: bool


def of(workdir: str | None) -> list[Source]:
    """Returns the rows in a workdir, or all committed ones if it is None."""
    return of_results() if workdir is None else of_run(Path(workdir))


def of_run(workdir: Path) -> list[Source]:
    """Returns the rows in a workdir.

    Raises:
        SourceError: if it holds no run, or none of its searches has a row yet.
        StoreError: if a row or the config is damaged.
    """
    if not (workdir / "rows").is_dir():
        raise SourceError(
            f"Expected a workdir that holds a run; got {workdir}. First run {FIRST} "
            f"--workdir={workdir}"
        )
    rows = journal.read_rows(workdir)
    if not rows:
        raise SourceError(
            f"Expected rows in {workdir}; got none yet. Let its run reach a first row."
        )
    name, config = str(rows[0].get("experiment")), journal.read_config(workdir)
    return [Source(name, rows, [], config, str(workdir), str(workdir), False)]


def of_results(folder: Path = RESULTS) -> list[Source]:
    """Returns the committed rows of every experiment that has a figure, by name.

    Raises:
        SourceError: if there are none.
    """
    return [committed(path) for path in paths(folder)]


def tables(folder: Path = RESULTS) -> dict[str, list[Row]]:
    """Returns the committed rows by experiment, without the probes of searches.

    Raises:
        SourceError: if there are none, or a table is not whole.
    """
    return {path.stem: _table(path) for path in paths(folder)}


def paths(folder: Path = RESULTS) -> list[Path]:
    """Returns the paths of the committed tables that have a figure.

    Raises:
        SourceError: if there are none.
    """
    known = experiments.plans()  # beside them lie probes, and tables of benchmarks
    tables = [path for path in sorted(folder.glob("*.csv")) if path.stem in known]
    if not tables:
        raise SourceError(
            f"Expected committed rows in {folder}; got none. Name a run by --workdir, "
            f"after {FIRST} --workdir=runs/first"
        )
    return tables


def committed(path: Path) -> Source:
    """Returns the rows of a committed table, and of its table of probes."""
    name, rows = path.stem, _table(path)
    probes = path.with_name(f"{name}_probes.csv")
    if probes.exists():
        rows += [{"kind": "probe"} | row for row in csv_files.read(probes)]
    # Their settings stand in the rows of their searches.
    other = getattr(experiments.part(name, "figure"), "BESIDE", None)
    beside = _table(path.with_name(f"{other}.csv")) if other else []
    config = default_config(name, ("cpu", ""))
    return Source(
        name, rows, beside, config, f"results/{path.name}", f"runs/{name}", True
    )


def _table(path: Path) -> list[Row]:
    """Returns the rows of a committed table; SourceError if one is of no kind."""
    rows = csv_files.read(path)
    for number, row in enumerate(rows, 1):
        if not isinstance(row.get("kind"), str):
            raise SourceError(
                f"{path}, row {number}: kind={row.get('kind')!r}; expected a name in a "
                "column 'kind'. Restore this table."
            )
    return rows


def default_config(name: str, chosen: Sequence[str]) -> Mapping[str, Any] | None:
    """Returns the settings of the first preset that the config of that name knows."""
    try:
        module = presets.module(name)
    except ImportError:  # a row of another version may name any experiment
        return None
    for preset in chosen:
        try:
            return module.get_config(preset).to_dict()
        except ValueError:
            continue
    return None


def claim(name: str) -> str:
    """Returns the docstring of the config of that name, without the command."""
    try:
        text = presets.module(name).__doc__ or ""
    except ImportError:
        return ""
    parts = text.strip().split("\n\n")
    return "\n\n".join(part for part in parts if "recall.main" not in part)


def of_kind(rows: Iterable[Row], kind: str) -> list[Row]:
    """Returns the rows whose column `kind` has this value."""
    return [row for row in rows if row.get("kind") == kind]
