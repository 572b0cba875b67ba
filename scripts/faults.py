"""Breaks runs in every way that machines do, and checks that nothing is lost.

    python scripts/faults.py [--repeats=10] [--only=sigterm,disk_full]

Each fault strikes a small sweep somewhere in the middle; then the same command is
launched again until it ends. Rows that had been acknowledged have to be there, once,
and the tables have to be those of an undisturbed run. Rows go to results/faults.csv.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from recall.stats.table import Table  # noqa: E402
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
            counts = trial.verdict(expected)
        except fault_trials.Stuck as stuck:
            counts = {"repeats": 1, "launches": trial.launches}
            print(stuck, file=sys.stderr, flush=True)
        finally:
            trial.end()
        for column, count in counts.items():
            total[column] += count
        print(f"{name} {repeat + 1}/{repeats}: {counts}", flush=True)
        yield {"fault": name, **total, "how": how, **provenance.source()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--only", help="some of: " + ", ".join(fault_kinds.FAULTS))
    parser.add_argument("--table", type=Path, default=ROOT / "results" / "faults.csv")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else list(fault_kinds.FAULTS)
    for name in names:
        if name not in fault_kinds.FAULTS:
            parser.error(f"Expected faults of {list(fault_kinds.FAULTS)}; got {name}.")
    if args.repeats < 1:
        parser.error(f"Expected repeats >= 1; got {args.repeats}.")
    kept = csv_files.read(args.table) if args.table.exists() else []
    rows = {row["fault"]: row for row in kept}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        undisturbed = fault_trials.Trial(Path(folder) / "undisturbed", random.Random(0))
        undisturbed.again()
        expected = fault_trials.results(fault_trials.tables_of(undisturbed.workdir))
        for name in names:
            for row in measure(name, args.repeats, expected, Path(folder)):
                rows[name] = row
                csv_files.write(args.table, list(rows.values()))
    cells = [[str(rows[name][column]) for column in COLUMNS] for name in names]
    Console(width=100).print(Table("Faults", COLUMNS, cells).rich())
    ended = [rows[name] for name in names]
    lost = any(row["lost"] + row["duplicates"] for row in ended)
    return int(lost or any(row["equal"] != row["repeats"] for row in ended))


if __name__ == "__main__":
    sys.exit(main())
