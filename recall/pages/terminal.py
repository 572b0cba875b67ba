"""Rows in a terminal: the tables of each experiment, and their sources."""

import collections
from collections.abc import Iterable, Sequence

from rich.console import Console

from recall import experiments
from recall.stats import capacity_table, table
from recall.stats import points as rows_lib


def tables(experiment: str, rows: Sequence[rows_lib.Row]) -> list[table.Table]:
    """Returns the tables that an experiment's folder makes, or its capacities."""
    return (experiments.part(experiment, "table") or capacity_table).tables(rows)


def print_report(rows: Iterable[rows_lib.Row], console: Console | None = None) -> None:
    """Prints the tables of each experiment and where its rows come from."""
    console = console or Console()
    if not console.is_terminal:  # a file has no width: rich would cut tables at 80
        console.width = max(console.width, table.WIDTH)
    by_experiment: dict[str, list[rows_lib.Row]] = collections.defaultdict(list)
    for row in rows:
        by_experiment[row["experiment"]].append(row)
    for experiment, group in sorted(by_experiment.items()):
        ended = [row for row in group if row["kind"] in ("capacity", "run")]
        if not ended:
            console.print(f"{experiment}: no finished searches.")
            continue
        console.print(f"\n{experiment}: {_heading(ended)}", highlight=False)
        for made in tables(experiment, group):
            console.print(made.rich())


def _heading(ended: Sequence[rows_lib.Row]) -> str:
    """Returns the settings that all rows share, and their sources."""
    points = rows_lib.capacities(ended)
    shared = []
    for field in rows_lib.QUALIFIERS:
        values = {getattr(point, field) for point in points} - {None}
        if len(values) == 1:
            shared.append(f"{field.replace('_', ' ')} {values.pop()}")
    commits = sorted({str(row.get("git_commit"))[:7] for row in ended})
    dirty = " (dirty)" if any(row.get("git_dirty") for row in ended) else ""
    devices = sorted({str(row.get("device")) for row in ended})
    probes = sum(row.get("num_probes") or 0 for row in ended)
    nouns = f"searches, {probes:,} probes" if points else "runs"
    return (
        f"{', '.join(shared)}\n{len(ended)} {nouns}; {', '.join(devices)}; commit "
        f"{', '.join(commits)}{dirty}"
    )
