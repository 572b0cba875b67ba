"""Draws the figures of the committed rows and writes their numbers into the README.

python scripts/make_results.py            rewrite results/*.png and the README
python scripts/make_results.py --check    fail if the README is not what rows say
python scripts/make_results.py --take runs/linear_capacity-cpu
                                          first copy a run's rows to results/
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from recall import figures, journal, rows
from recall.figures import style

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
BEGIN, END = "<!-- numbers: scripts/make_results.py -->", "<!-- end of numbers -->"
PROBE_COLUMNS = (
    *("search", "probe", "n", "accuracy", "stored", "steps", "ended"),
    "warm",
)


def take(workdir: Path) -> None:
    """Copies the rows of a finished run; of probes, what their search does not say."""
    found = journal.read_rows(workdir)
    capacities = [row for row in found if row["kind"] == "capacity"]
    probes = [row for row in found if row["kind"] == "probe"]
    stem = RESULTS / capacities[0]["experiment"]
    journal.write_csv(stem.with_suffix(".csv"), capacities)
    short = [{name: row[name] for name in PROBE_COLUMNS} for row in probes]
    journal.write_csv(Path(f"{stem}_probes.csv"), short, PROBE_COLUMNS)


def interval(value: float, low: float, high: float) -> str:
    return f"{value:.3g} [{low:.3g}, {high:.3g}]"


def size(point: rows.Point) -> str:
    return str(point.d) if point.m is None else f"{point.d}x{point.m}"


def law_lines(found: Iterable[rows.Row]) -> list[str]:
    """A line per memory and threshold: its medians, and the constant fitted to them."""
    lines = [
        "| memory | recalled | size: median facts | C [95 %] | slope [95 %] |",
        "|---|---|---|---|---|",
    ]
    points = rows.capacities(found)
    for family in rows.families(points):
        medians = ", ".join(f"{size(point)}: {point.median:g}" for point in family)
        fit = rows.fit_law(family)
        constant = interval(fit.constant, fit.constant_low, fit.constant_high)
        slope = interval(fit.slope, fit.slope_low, fit.slope_high)
        name, recalled = rows.label(family[0], points), f"{family[0].threshold:.0%}"
        lines.append(f"| {name} | {recalled} | {medians} | {constant} | {slope} |")
    return lines


def section() -> str:
    """The README's numbers: for each experiment its laws, from its rows."""
    parts = []
    for path in sorted(RESULTS.glob("*.csv")):
        if path.stem in figures.FIGURES:
            found = journal.read_csv(path)
            parts += [f"**`results/{path.name}`**, {len(found)} searches on ", ""]
            parts[-2] += ", ".join(sorted({str(row["device"]) for row in found}))
            parts[-2] += ":"
            parts += [*law_lines(found), ""]
    return "\n".join([BEGIN, "", *parts, END])


def readme() -> str:
    """The README with its numbers as the rows have them."""
    text = (ROOT / "README.md").read_text()
    before, rest = text.split(BEGIN)
    return before + section() + rest.split(END)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--take", type=Path)
    chosen = parser.parse_args()
    if chosen.take is not None:
        take(chosen.take)
    if chosen.check:
        sys.exit(readme() != (ROOT / "README.md").read_text())
    for path in RESULTS.glob("*.csv"):
        if path.stem in figures.FIGURES:
            drawn = figures.FIGURES[path.stem](journal.read_csv(path))
            style.save(drawn, path.with_suffix(""))
    (ROOT / "README.md").write_text(readme())


if __name__ == "__main__":
    main()
