"""Draws the figures of the committed rows, and writes what they say.

python scripts/make_results.py            rewrite results/*.png, results/README.md, and
                                          the tables in README.md and docs/scaling.md
python scripts/make_results.py --check    fail if these texts are not what rows say,
                                          and name their first lines that differ
python scripts/make_results.py --take runs/linear_capacity-cpu
                                          first copy a run's rows to results/
"""

import argparse
import itertools
import sys
from pathlib import Path

from benchmarks import scaling_figure, scaling_table
from recall import experiments, plotting
from recall.cli import arguments
from recall.pages import claims, commands, terminal
from recall.runs import sources, taking
from recall.stats.table import Table
from recall.store import csv_files, files
from recall.store.row import Row

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
NUMBERS = """# What the committed rows say

Written by `python scripts/make_results.py` from the tables beside it; every figure here
is drawn from them. C is the constant in x = C N ln N (x = C N where 32 outputs are
shared), x = d² for linear memories, rank x d for low rank, m d for MLPs; medians over
seeds, 95 % intervals by a bootstrap over seeds; the slope is that of ln N against ln x.
"""
BENCHMARK = "scaling"  # times of steps: rows and a figure, but no experiment
FAULTS = ("fault", "how", "repeats", "acknowledged", "lost", "duplicates", "equal")


def tables(name: str, rows: list[Row]) -> list[Table]:
    """Returns the tables of an experiment, or of the benchmark."""
    is_benchmark = name == BENCHMARK
    return scaling_table.tables(rows) if is_benchmark else terminal.tables(name, rows)


def draw(path: Path) -> None:
    """Saves the figure of committed rows beside them."""
    rows = csv_files.read(path)
    beside = getattr(experiments.part(path.stem, "figure"), "BESIDE", None)
    if beside:
        rows += csv_files.read(RESULTS / f"{beside}.csv")
    is_benchmark, name = path.stem == BENCHMARK, path.stem
    figure = (
        scaling_figure.scaling(rows) if is_benchmark else experiments.draw(name, rows)
    )
    plotting.save(figure, path.with_suffix(""))


def drawn() -> list[Path]:
    """Returns the committed tables that have a figure, by name."""
    return sorted([*sources.paths(RESULTS), RESULTS / f"{BENCHMARK}.csv"])


def heading(rows: list[Row]) -> str:
    """Returns how many rows there are, and the devices that they were measured on."""
    devices = ", ".join(sorted({str(row["device"]) for row in rows}))
    return f"{len(rows):,} rows on {devices}"


def numbers() -> str:
    """Returns a section of tables for every committed table of rows."""
    parts = [NUMBERS.strip()]
    for path in drawn():
        rows = csv_files.read(path)
        parts += [f"## {path.stem}"]
        parts += [f"`{path.name}`: {heading(rows)}; [figure]({path.stem}.png)."]
        parts += [table.markdown() for table in tables(path.stem, rows)]
    return "\n\n".join(parts) + "\n"


def verdicts() -> str:
    """Returns every claim with its verdict and what it was measured by."""
    rows = sources.tables()
    table = claims.table(rows)._replace(title="", caption="")
    return f"{claims.counts(rows)}\n\n{table.markdown()}"


def costs() -> str:
    """Returns the tables of what runs cost: of large memories and of single steps."""
    parts = []
    for name in ("large_memory", BENCHMARK):
        rows = csv_files.read(RESULTS / f"{name}.csv")
        parts += [f"**`results/{name}.csv`**, {heading(rows)}:"]
        parts += [table._replace(title="").markdown() for table in tables(name, rows)]
    return "\n\n".join(parts)


def faults() -> str:
    """Returns how often each fault was made, and what was lost by it."""
    rows = csv_files.read(RESULTS / "faults.csv")
    lines = [[str(row[column]) for column in FAULTS] for row in rows]
    return Table("", FAULTS, lines).markdown()


def filled(path: Path, **regions: str) -> str:
    """Returns a document with the text between the marks of each region replaced."""
    text = path.read_text()
    for name, written in regions.items():
        begin = f"<!-- {name}: scripts/make_results.py -->"
        end = f"<!-- end of {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{written}\n\n{end}{rest.split(end)[1]}"
    return text


def texts() -> dict[Path, str]:
    """Returns the written files, as the rows have them."""
    readme, scaling = ROOT / "README.md", ROOT / "docs" / "scaling.md"
    listed = commands.table().markdown()
    return {
        readme: filled(readme, commands=listed, claims=verdicts()),
        scaling: filled(scaling, faults=faults(), numbers=costs()),
        RESULTS / "README.md": numbers(),
    }


def difference(path: Path, text: str) -> str | None:
    """Returns the first line in which a file is not what the rows say, or None."""
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
    args = parser.parse_args()
    if args.take is not None:
        try:
            taking.take(args.take, RESULTS)
        except (files.StoreError, sources.SourceError) as error:
            arguments.refuse(error)
    if args.check:
        check()
    for path in drawn():
        draw(path)
    for path, text in texts().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
