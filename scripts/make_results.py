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
from recall.reports import atlas as report_atlas
from recall.reports import constructions as report_constructions
from recall.reports import recall as report_recall
from recall.reports import stages as report_stages
from recall.reports import storage as report_storage
from recall.reports import weights as report_weights
from recall.studies import built, stage_summary, storage_summary, tradeoffs

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
BEGIN, END = "<!-- numbers: scripts/make_results.py -->", "<!-- end of numbers -->"
PROBE_COLUMNS = (
    *("search", "probe", "n", "accuracy", "stored", "steps", "ended"),
    *("warm", "learning_rate", "verdict", "margin", "infeasibility"),
)
# What the figure of an experiment is drawn from, where it is not capacities.
DRAWN = {
    "atlas": ("capacity", "run"),
    "tradeoff": ("probe",),
    "recall_train": ("trace",),
    "constructions": ("run", "probe"),
    "memory_weights": ("run", "probe"),
    "sequential_learning": ("run", "trace", "picture"),
    "stage_ratio": ("run",),
    "stage_optimizer": ("run",),
    "storage_location": ("run", "model", "probe"),
}
# Whose rows are drawn along, for comparison.
BESIDE = {"constructions": "recall_capacity"}


def take(workdir: Path) -> None:
    """Copies the rows of a finished run; of probes, what their search does not say."""
    found = journal.read_rows(workdir)
    name = found[0]["experiment"]
    kept = [row for row in found if row["kind"] in DRAWN.get(name, ("capacity",))]
    if name == "sequential_learning":  # curves and pictures of one seed
        first = min(row["seed"] for row in kept)
        kept = [row for row in kept if row["kind"] == "run" or row["seed"] == first]
    if name == "storage_location":  # ablations of one training
        kept = [r for r in kept if r["kind"] != "probe" or r["training"] == "free"]
    journal.write_csv(RESULTS / f"{name}.csv", kept)
    if any(row["kind"] == "capacity" for row in kept):
        probes = [row for row in found if row["kind"] == "probe"]
        said = {column for row in probes for column in row}
        columns = [column for column in PROBE_COLUMNS if column in said]
        short = [{column: row.get(column) for column in columns} for row in probes]
        journal.write_csv(RESULTS / f"{name}_probes.csv", short, columns)


def interval(value: float, low: float, high: float) -> str:
    return f"{value:.3g} [{low:.3g}, {high:.3g}]"


def size(point: rows.Point) -> str:
    if point.heads is not None:
        return f"{point.d}/{point.heads}x{point.head_dim}/{point.m}"
    return str(point.d) if point.m is None else f"{point.d}x{point.m}"


def law_lines(found: Iterable[rows.Row]) -> list[str]:
    """A line per memory and threshold: its medians, and the constant fitted to them."""
    lines = [
        "| memory | recalled | size (d; d x m; d/H x d_h/m): median facts | C [95 %] | "
        "slope [95 %] |",
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


def grid_lines(found: Iterable[rows.Row]) -> list[str]:
    """The grid of attention and MLP as a table, and the line fitted to it."""
    cells = tradeoffs.grid(found)
    lines = [
        f"Best accuracy at {cells.facts:,} facts, heads down, hidden units across; "
        f"{report_recall.describe(tradeoffs.line(cells))}",
        "",
        "| H | " + " | ".join(map(str, cells.m)) + " |",
        "|---" * (len(cells.m) + 1) + "|",
    ]
    for heads, accuracies in zip(cells.heads, cells.accuracy, strict=True):
        shown = " | ".join(f"{accuracy:.3f}".lstrip("0") for accuracy in accuracies)
        lines.append(f"| {heads} | {shown} |")
    return lines


def trace_lines(found: Iterable[rows.Row]) -> list[str]:
    """Where each training run ended."""
    last: dict[int, rows.Row] = {}
    for row in found:
        last[row["seed"]] = row
    ends = [
        f"seed {seed}: {row['accuracy']:.4f} after {row['steps']:,} steps"
        for seed, row in sorted(last.items())
    ]
    row = last[min(last)]
    return [f"{row['n']:,} facts, {row['parameters']:,} parameters; {'; '.join(ends)}."]


def construction_lines(found: Iterable[rows.Row]) -> list[str]:
    """Smallest constructed transformers, by construction and world."""
    lines = [
        "| construction | S, R, D | claimed: size, seeds | smallest | m | weights | "
        "facts a weight (slim keys) | beta at the shortest, longest |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for summary in built.summaries(found):
        world, claim, seeds, size, m, weights, dense, slim, *beta = (
            report_constructions.cells(summary)
        )
        told = report_constructions.name(summary), world, f"{claim}, {seeds}", size
        told += m, weights, f"{dense} ({slim})", ", ".join(beta)
        lines.append(f"| {' | '.join(told)} |")
    return lines


def stage_lines(found: Iterable[rows.Row]) -> list[str]:
    """Stage times of every setting beside theory."""
    settings = stage_summary.settings(found)
    lines = [
        report_stages.describe(settings),
        "",
        "| S, R, D | noise | model, scale | trained by | relation (theory) | facts "
        "(theory) | plateau |",
        "|---|---|---|---|---|---|---|",
    ]
    for setting in settings:
        cells = report_stages.cells(setting)
        of = f"{cells[2]}, {cells[4]}"
        times = f"{cells[6]} ({cells[7]}) | {cells[8]} ({cells[9]})"
        lines.append(
            f"| {cells[0]} | {cells[1]} | {of} | {cells[3]} | {times} | {cells[10]} |"
        )
    return lines


def deviation_lines(found: Iterable[rows.Row]) -> list[str]:
    """How far all settings of a map are off theory."""
    return [report_stages.describe(stage_summary.settings(found))]


def atlas_lines(found: Iterable[rows.Row]) -> list[str]:
    """Bits for each parameter of every memory, the best first."""
    lines = [f"| {' | '.join(report_atlas.COLUMNS)} |"]
    lines.append("|---" * len(report_atlas.COLUMNS) + "|")
    return lines + [f"| {' | '.join(line)} |" for line in report_atlas.lines(found)]


def weights_lines(found: Iterable[rows.Row]) -> list[str]:
    """Fewest weights of each method and set of facts."""
    lines = ["| method | d | facts | width | weights [range] | plain MLP | F ln F / "]
    lines[0] += "weights | seeds |"
    lines.append("|---" * 8 + "|")
    return lines + [
        f"| {' | '.join(line)} |" for line in report_weights.weights_lines(found)
    ]


def storage_lines(found: Iterable[rows.Row]) -> list[str]:
    """What each ablation leaves of the facts, and who holds them."""
    cells = storage_summary.grid(found)
    lines = [report_storage.describe(cells), ""]
    lines.append(f"| {' | '.join(report_storage.COLUMNS)} |")
    lines.append("|---" * len(report_storage.COLUMNS) + "|")
    told = report_storage.ablation_lines(cells)
    return lines + [f"| {' | '.join(line)} |" for line in told]


LINES = {
    "atlas": atlas_lines,
    "constructions": construction_lines,
    "memory_weights": weights_lines,
    "recall_train": trace_lines,
    "sequential_learning": stage_lines,
    "stage_optimizer": stage_lines,
    "stage_ratio": deviation_lines,
    "storage_location": storage_lines,
    "tradeoff": grid_lines,
}
WHAT = {
    "atlas": "rows",
    "constructions": "rows",
    "memory_weights": "rows",
    "recall_train": "checks",
    "sequential_learning": "rows",
    "stage_optimizer": "runs",
    "stage_ratio": "runs",
    "storage_location": "rows",
    "tradeoff": "runs",
}


def section() -> str:
    """The README's numbers: for each experiment its laws, from its rows."""
    parts = []
    for path in sorted(RESULTS.glob("*.csv")):
        if path.stem in figures.FIGURES:
            found = journal.read_csv(path)
            what = WHAT.get(path.stem)
            devices = ", ".join(sorted({str(row["device"]) for row in found}))
            title = f"**`results/{path.name}`**, {len(found)} {what or 'searches'}"
            parts += [f"{title} on {devices}:", ""]
            parts += [*LINES.get(path.stem, law_lines)(found), ""]
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
            own = journal.read_csv(path)
            if path.stem in BESIDE:
                own += journal.read_csv(RESULTS / f"{BESIDE[path.stem]}.csv")
            drawn = figures.FIGURES[path.stem](own)
            style.save(drawn, path.with_suffix(""))
    (ROOT / "README.md").write_text(readme())


if __name__ == "__main__":
    main()
