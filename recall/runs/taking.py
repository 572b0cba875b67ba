"""Rows of a finished run, taken to the committed tables."""

from pathlib import Path

from recall import experiments
from recall.runs import sources
from recall.stats import capacity_table
from recall.store import csv_files
from recall.store.row import Row

PROBE_COLUMNS = (  # settings stand in the row of the search
    *("search", "probe", "n", "accuracy", "stored", "steps", "ended"),
    *("warm", "learning_rate", "verdict", "margin", "infeasibility"),
)


def take(workdir: Path, folder: Path) -> None:
    """Copies the rows of a run to `folder`, and of probes the columns of PROBE_COLUMNS.

    Raises:
        SourceError: if there is no run, or it has no rows.
    """
    (source,) = sources.of_run(workdir)
    rows = kept(source.experiment, source.rows)
    csv_files.write(folder / f"{source.experiment}.csv", rows)
    if any(row["kind"] == "capacity" for row in rows):
        probes = sources.of_kind(source.rows, "probe")
        columns = [name for name in PROBE_COLUMNS if any(name in row for row in probes)]
        short = [{name: row.get(name) for name in columns} for row in probes]
        csv_files.write(folder / f"{source.experiment}_probes.csv", short, columns)


def kept(experiment: str, rows: list[Row]) -> list[Row]:
    """Returns the rows that an experiment commits.

    The module of its table has a tuple KEPT of kinds, or a function `kept`.
    """
    table = experiments.part(experiment, "table") or capacity_table
    select = getattr(table, "kept", None)
    return select(rows) if select else [r for r in rows if r["kind"] in table.KEPT]
