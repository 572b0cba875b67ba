"""Draws the figures of the committed rows, and writes what they say.

python scripts/make_results.py            rewrite results/*.png, results/README.md and
                                          the claims in README.md
python scripts/make_results.py --check    fail if these texts are not what rows say,
                                          and name their first lines that differ
python scripts/make_results.py --take runs/linear_capacity-cpu
                                          first copy a run's rows to results/
"""

import argparse
import functools
import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import scaling_figure, scaling_table
from recall import experiments, plotting
from recall.cli import arguments
from recall.experiments.atlas import table as report_atlas
from recall.experiments.constructions import summary as built
from recall.experiments.constructions import table as report_constructions
from recall.experiments.embedding_geometry import table as report_geometry
from recall.experiments.large_memory import table as report_large
from recall.experiments.learned_embeddings import table as report_learned
from recall.experiments.learning_stages import summary as stage_summary
from recall.experiments.learning_stages import table as report_stages
from recall.experiments.memory_weights import table as report_weights
from recall.experiments.real_facts import table as report_facts
from recall.experiments.scaling_law import table as report_scaling_law
from recall.experiments.storage_location import summary as storage_summary
from recall.experiments.storage_location import table as report_storage
from recall.experiments.transformer_capacity import summary as tradeoffs
from recall.experiments.transformer_capacity import table as report_recall
from recall.pages import claims
from recall.runs import sources
from recall.stats import points as rows
from recall.store import journal

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
NUMBERS = """# What the committed rows say

Written by `python scripts/make_results.py` from the tables beside it; every figure here
is drawn from them. C is the constant in x = C N ln N (x = C N where 32 outputs are
shared), x = d² for linear memories, rank x d for low rank, m d for MLPs; medians over
seeds, 95 % intervals by a bootstrap over seeds; the slope is that of ln N against ln x.
"""
PROBE_COLUMNS = (
    *("search", "probe", "n", "accuracy", "stored", "steps", "ended"),
    *("warm", "learning_rate", "verdict", "margin", "infeasibility"),
)
# What the figure of an experiment is drawn from, where it is not capacities.
DRAWN = {
    "atlas": ("capacity", "run"),
    "embedding_geometry": ("capacity", "run"),
    "real_embeddings": ("capacity", "run"),
    "tradeoff": ("probe",),
    "real_facts": ("run", "probe", "trace", "picture", "model"),
    "recall_train": ("trace",),
    "constructions": ("run", "probe"),
    "large_memory": ("run",),
    "learned_embeddings": ("run", "probe", "trace"),
    "memory_weights": ("run", "probe"),
    "sequential_learning": ("run", "trace", "picture"),
    "scaling_law": ("run", "point"),
    "stage_ratio": ("run",),
    "stage_optimizer": ("run",),
    "storage_location": ("run", "model", "probe"),
}


def take(workdir: Path) -> None:
    """Copies the rows of a finished run; of probes, what their search does not say.

    Raises:
        SourceError: if there is no run, or it has no rows.
    """
    (source,) = sources.of_run(workdir)
    found, name = source.rows, source.experiment
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


def geometry_lines(found: Iterable[rows.Row]) -> list[str]:
    """Capacities of every memory by geometry, and fitted laws where there are many."""
    found = list(found)
    tables = [(report_geometry.COLUMNS, report_geometry.lines(found))]
    tables.append((report_geometry.LAW_COLUMNS, report_geometry.law_lines(found)))
    lines = []
    for columns, cells in tables:
        if cells:
            lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
            lines += [*(f"| {' | '.join(line)} |" for line in cells), ""]
    return lines[:-1]


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


def large_lines(found: Iterable[rows.Row]) -> list[str]:
    """Large memories: what they recall, and what a step costs each device."""
    lines = [f"| {' | '.join(report_large.COLUMNS)} |"]
    lines.append("|---" * len(report_large.COLUMNS) + "|")
    return lines + [f"| {' | '.join(line)} |" for line in report_large.lines(found)]


def scaling_lines(found: Iterable[rows.Row]) -> list[str]:
    """Exponents of every way, and whether all points keep to the bound."""
    lines = [report_scaling_law.describe(found), ""]
    lines.append(f"| {' | '.join(report_scaling_law.COLUMNS)} |")
    lines.append("|---" * len(report_scaling_law.COLUMNS) + "|")
    return lines + [
        f"| {' | '.join(line)} |" for line in report_scaling_law.lines(found)
    ]


def fact_lines(found: Iterable[rows.Row]) -> list[str]:
    """Smallest memories of named facts, and how these are learned."""
    kept = list(found)
    lines = [" ".join(report_facts.describe(kept)), ""]
    lines += [f"| {' | '.join(report_facts.COLUMNS)} |"]
    lines.append("|---" * len(report_facts.COLUMNS) + "|")
    return lines + [f"| {' | '.join(line)} |" for line in report_facts.lines(kept)]


def learned_lines(found: Iterable[rows.Row]) -> list[str]:
    """Smallest widths, what survives changed parts, and geometry."""
    lines: list[str] = []
    for columns, body in (
        (report_learned.WIDTHS, report_learned.widths_lines(found)),
        (report_learned.SURVIVAL, report_learned.survival_lines(found)),
    ):
        lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [*(f"| {' | '.join(line)} |" for line in body), ""]
    return [*lines, " ".join(report_learned.geometry_lines(found))]


LINES = {
    "atlas": atlas_lines,
    "embedding_geometry": geometry_lines,
    "real_embeddings": geometry_lines,
    "constructions": construction_lines,
    "large_memory": large_lines,
    "learned_embeddings": learned_lines,
    "memory_weights": weights_lines,
    "real_facts": fact_lines,
    "recall_train": trace_lines,
    "scaling": scaling_table.headline,
    "scaling_law": scaling_lines,
    "sequential_learning": stage_lines,
    "stage_optimizer": stage_lines,
    "stage_ratio": deviation_lines,
    "storage_location": storage_lines,
    "tradeoff": grid_lines,
}
FIGURES: dict[str, Callable] = {
    name: functools.partial(experiments.draw, name) for name in experiments.plans()
}
FIGURES["scaling"] = scaling_figure.scaling  # of a benchmark, which is no experiment
WHAT = {
    "atlas": "rows",
    "embedding_geometry": "rows",
    "real_embeddings": "rows",
    "constructions": "rows",
    "large_memory": "runs",
    "learned_embeddings": "rows",
    "memory_weights": "rows",
    "real_facts": "rows",
    "recall_train": "checks",
    "scaling": "rows",
    "scaling_law": "rows",
    "sequential_learning": "rows",
    "stage_optimizer": "runs",
    "stage_ratio": "runs",
    "storage_location": "rows",
    "tradeoff": "runs",
}


def numbers() -> str:
    """For each experiment its laws, from its rows."""
    parts = [NUMBERS]
    for path in sorted(RESULTS.glob("*.csv")):
        if path.stem in FIGURES:
            found = journal.read_csv(path)
            what = WHAT.get(path.stem)
            devices = ", ".join(sorted({str(row["device"]) for row in found}))
            title = f"`{path.name}`: {len(found):,} {what or 'searches'} on {devices}"
            parts += [f"## {path.stem}", "", f"{title}; [figure]({path.stem}.png).", ""]
            parts += [*LINES.get(path.stem, law_lines)(found), ""]
    return "\n".join(parts)


def claims_section() -> str:
    """Every claim with its verdict and what it was measured by."""
    tables = sources.tables()
    lines = [f"| {' | '.join(claims.COLUMNS)} |"]
    lines.append("|---" * len(claims.COLUMNS) + "|")
    for line in claims.lines(tables, "; "):
        lines.append(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"
        )
    return "\n".join([claims.counts(tables), "", *lines])


def scaling() -> str:
    """All numbers of what runs cost: of large memories and of single steps."""
    parts = []
    for name, lines in (
        ("large_memory", large_lines),
        ("scaling", scaling_table.lines),
    ):
        found = journal.read_csv(RESULTS / f"{name}.csv")
        device = ", ".join(sorted({str(row["device"]) for row in found}))
        parts += [f"**`results/{name}.csv`**, on {device}:", "", *lines(found), ""]
    return "\n".join(parts)


def faults() -> str:
    """How often each fault was made, and what was lost by it."""
    columns = "fault", "how", "repeats", "acknowledged", "lost", "duplicates", "equal"
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in journal.read_csv(RESULTS / "faults.csv"):
        lines.append(f"| {' | '.join(str(row[column]) for column in columns)} |")
    return "\n".join(lines)


def filled(text: str, what: str, written: str) -> str:
    """A document with what stands between its marks as the rows have it."""
    begin, end = f"<!-- {what}: scripts/make_results.py -->", f"<!-- end of {what} -->"
    before, rest = text.split(begin)
    return "".join([before, begin, "\n\n", written, "\n\n", end, rest.split(end)[1]])


def texts() -> dict[Path, str]:
    """The written files, as the rows have them."""
    readme, costs = ROOT / "README.md", ROOT / "docs" / "scaling.md"
    return {
        readme: filled(readme.read_text(), "claims", claims_section()),
        costs: filled(
            filled(costs.read_text(), "faults", faults()), "numbers", scaling()
        ),
        RESULTS / "README.md": numbers(),
    }


def difference(path: Path, text: str) -> str | None:
    """The first line in which a file is not what the rows say, if there is one."""
    lines = path.read_text().split("\n"), text.split("\n")
    pairs = itertools.zip_longest(*lines, fillvalue="")
    for number, (there, said) in enumerate(pairs, 1):
        if there != said:
            signs = enumerate(itertools.zip_longest(there, said))
            start = max(0, next(i for i, (a, b) in signs if a != b) - 20)
            shown = (repr(line[start : start + 60]) for line in (there, said))
            return f"{path}, line {number}: {'; rows say '.join(shown)}"
    return None


def check() -> None:
    """Exits, with code 1 after a line for each text that is not what the rows say."""
    stale = [line for written in texts().items() if (line := difference(*written))]
    for line in stale:
        print(line)
    sys.exit(int(bool(stale)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--take", type=Path)
    chosen = parser.parse_args()
    if chosen.take is not None:
        try:
            take(chosen.take)
        except (journal.JournalError, sources.SourceError) as error:
            arguments.refuse(error)
    if chosen.check:
        check()
    for path in RESULTS.glob("*.csv"):
        if path.stem in FIGURES:
            own = journal.read_csv(path)
            beside = getattr(experiments.part(path.stem, "figure"), "BESIDE", None)
            if beside:
                own += journal.read_csv(RESULTS / f"{beside}.csv")
            plotting.save(FIGURES[path.stem](own), path.with_suffix(""))
    for path, text in texts().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
