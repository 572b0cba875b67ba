"""Compares the rows of scripts/reproduce.sh with those that are committed.

python scripts/compare.py quick             what deviates; exit code 1 if anything does
python scripts/compare.py quick --record    make these rows the committed reference
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from recall.stats import comparison
from recall.stats.table import Table
from recall.store import csv_files, files, journal

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
COLUMNS = ("run", "values", "compared", "missing", "deviate")


def reference(preset: str, name: str) -> list[comparison.Value]:
    """Returns the committed values: quick runs have a table, others their rows."""
    try:
        if preset != "quick":
            return comparison.values(csv_files.read(RESULTS / f"{name}.csv"))
        rows = csv_files.read(RESULTS / "reference" / f"{name}.csv")
        return [comparison.Value(**row) for row in rows]
    except files.StoreError:
        return []  # not committed yet


def record(runs: Path) -> None:
    """Writes the values of all runs as the committed reference."""
    for workdir in sorted(runs.iterdir()):
        values = comparison.values(journal.read_rows(workdir))
        if values:  # none where packages were missing
            path = RESULTS / "reference" / f"{workdir.name}.csv"
            rows = [value._asdict() for value in values]
            csv_files.write(path, rows, comparison.Value._fields)


def compare(preset: str, runs: Path, console: Console) -> int:
    """Prints a line for each run and one for each deviation; returns how many."""
    rows, lines = [], []
    for workdir in sorted(runs.iterdir()):
        values = comparison.values(journal.read_rows(workdir))
        known = {value.name: value for value in reference(preset, workdir.name)}
        deviations = comparison.deviations(values, known)
        common = sum(value.name in known for value in values)
        counts = len(values), common, len(known) - common, len(deviations)
        rows.append([workdir.name, *map(str, counts)])
        lines += [
            f"{workdir.name}: {value.name}: {value.median:g}, "
            f"not in [{expected.low:g}, {expected.high:g}]"
            for value, expected in deviations
        ]
    console.print(Table(f"Against {preset}", COLUMNS, rows).rich())
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return len(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", choices=("quick", "cpu", "paper"))
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    runs = ROOT / "runs" / f"reproduce-{args.preset}"
    if not runs.is_dir():
        parser.error(f"no {runs}; run scripts/reproduce.sh {args.preset} first")
    if args.record:
        if args.preset != "quick":
            parser.error("others are committed by scripts/make_results.py --take")
        record(runs)
    sys.exit(compare(args.preset, runs, Console(width=100)) > 0)


if __name__ == "__main__":
    main()
