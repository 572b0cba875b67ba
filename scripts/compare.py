"""Compares the rows of scripts/reproduce.sh with those that are committed.

python scripts/compare.py quick             what deviates; exit code 1 if anything does
python scripts/compare.py quick --record    make these rows the committed reference
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from recall.stats import comparison
from recall.store import csv_files, files, journal

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"


def reference(preset: str, name: str) -> list[comparison.Value]:
    """What was found before: quick runs have a table, others the committed rows."""
    if preset == "quick":
        table = csv_files.read(RESULTS / "reference" / f"{name}.csv")
        return [comparison.Value(**row) for row in table]
    return comparison.values(csv_files.read(RESULTS / f"{name}.csv"))


def record(runs: Path) -> None:
    for workdir in sorted(runs.iterdir()):
        found = comparison.values(journal.read_rows(workdir))
        rows = [value._asdict() for value in found]
        path = RESULTS / "reference" / f"{workdir.name}.csv"
        if rows:  # none where packages were missing
            csv_files.write(path, rows, comparison.Value._fields)


def compare(preset: str, runs: Path, console: Console) -> int:
    """Prints a line for each run and one for each deviation; returns how many."""
    columns = "run", "values", "compared", "missing", "deviate"
    table = Table(*columns, title=f"Against {preset}")
    told = []
    for workdir in sorted(runs.iterdir()):
        found = comparison.values(journal.read_rows(workdir))
        try:
            known = {v.name: v for v in reference(preset, workdir.name)}
        except files.StoreError:
            known = {}  # not committed yet
        off = comparison.deviations(found, known)
        common = sum(value.name in known for value in found)
        counts = len(found), common, len(known) - common, len(off)
        table.add_row(workdir.name, *map(str, counts))
        told += [
            f"{workdir.name}: {value.name}: {value.median:g}, "
            f"not in [{there.low:g}, {there.high:g}]"
            for value, there in off
        ]
    console.print(table)
    for line in told:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return len(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", choices=("quick", "cpu", "paper"))
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    runs = ROOT / "runs" / f"reproduce-{chosen.preset}"
    if not runs.is_dir():
        parser.error(f"no {runs}; run scripts/reproduce.sh {chosen.preset} first")
    if chosen.record:
        if chosen.preset != "quick":
            parser.error("others are committed by scripts/make_results.py --take")
        record(runs)
    sys.exit(compare(chosen.preset, runs, Console(width=100)) > 0)


if __name__ == "__main__":
    main()
