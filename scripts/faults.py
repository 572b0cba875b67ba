"""Breaks runs in every way that machines do, and checks that nothing is lost.

    python scripts/faults.py [--repeats=10] [--only=sigterm,disk_full]

Each fault strikes a small sweep somewhere in the middle; then the same command is
launched again until it ends. What had been acknowledged has to be there, once, and the
tables have to be those of an undisturbed run. Rows go to results/faults.csv.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from recall.store import csv_files, provenance  # noqa: E402
from scripts import fault_kinds, fault_trials  # noqa: E402

COLUMNS = ("fault", "repeats", "struck", "acknowledged", "lost", "duplicates", "equal")


def measure(
    name: str, repeats: int, expected: dict[str, Any], folder: Path
) -> Iterator[dict[str, Any]]:
    """Repeats a fault; yields a row of the sums so far."""
    total: dict[str, int] = dict.fromkeys((*COLUMNS[1:], "launches"), 0)
    strike, how = fault_kinds.FAULTS[name]
    for repeat in range(repeats):
        workdir = folder / f"{name}-{repeat}"
        trial = fault_trials.Trial(workdir, random.Random(f"{name} {repeat}"))
        try:
            strike(trial)
            found = trial.verdict(expected)
        except fault_trials.Stuck as stuck:
            found = {"repeats": 1, "launches": trial.launches}
            print(stuck, file=sys.stderr, flush=True)
        finally:
            trial.end()
        for column, count in found.items():
            total[column] += count
        print(f"{name} {repeat + 1}/{repeats}: {found}", flush=True)
        yield {"fault": name, **total, "how": how, **provenance.source()}


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, title="Faults", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "fault" else "right")
    for row in rows:
        table.add_row(*(str(row[column]) for column in COLUMNS))
    Console(width=100).print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--only", help="some of: " + ", ".join(fault_kinds.FAULTS))
    parser.add_argument("--table", type=Path, default=ROOT / "results" / "faults.csv")
    chosen = parser.parse_args()
    names = chosen.only.split(",") if chosen.only else list(fault_kinds.FAULTS)
    for name in names:
        if name not in fault_kinds.FAULTS:
            parser.error(f"Expected faults of {list(fault_kinds.FAULTS)}; got {name}.")
    if chosen.repeats < 1:
        parser.error(f"Expected repeats >= 1; got {chosen.repeats}.")
    kept = csv_files.read(chosen.table) if chosen.table.exists() else []
    rows = {row["fault"]: row for row in kept}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        expected = fault_trials.undisturbed(Path(folder) / "undisturbed")
        for name in names:
            for row in measure(name, chosen.repeats, expected, Path(folder)):
                rows[name] = row
                csv_files.write(chosen.table, list(rows.values()))
    show([rows[name] for name in names])
    bad = [n for n in names if rows[n]["lost"] or rows[n]["duplicates"]]
    bad += [n for n in names if rows[n]["equal"] != rows[n]["repeats"]]
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
