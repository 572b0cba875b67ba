"""Tables of experiments on one-layer transformers: a grid, a training run."""

from collections.abc import Iterable

from recall.experiments.transformer_capacity import summary
from recall.stats import capacity_table
from recall.stats.table import Table
from recall.store.row import Row

_ENDS = ("seed", "facts", "parameters", "steps", "loss", "accuracy", "worst")
_CAPTION = (
    "accuracy: over all facts and several noise contexts; worst: facts recalled in "
    "every one of them."
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns the tables of the experiment that the rows come from."""
    found = list(rows)
    experiments = {row.get("experiment") for row in found}
    if "recall_capacity" in experiments:
        return capacity_table.tables(found)
    trained = "recall_train" in experiments
    return train_tables(found) if trained else [grid_table(found)]


def kept(rows: Iterable[Row]) -> list[Row]:
    """Returns capacities, cells of the grid, or the curves of training."""
    kinds = {"tradeoff": "probe", "recall_train": "trace"}
    return [r for r in rows if r["kind"] == kinds.get(r["experiment"], "capacity")]


def grid_table(rows: Iterable[Row]) -> Table:
    """Returns accuracies by heads and hidden units, and the line fitted to them."""
    cells = summary.grid(rows)
    lines = [
        [str(heads), *(f"{accuracy:.3f}" for accuracy in accuracies)]
        for heads, accuracies in zip(cells.heads, cells.accuracy, strict=True)
    ]
    return Table(
        f"Best accuracy at {cells.facts:,} facts (medians over seeds)",
        ("H \\ m", *map(str, cells.m)),
        lines,
        describe(summary.line(cells)),
        num_labels=0,
    )


def describe(found: summary.Line) -> str:
    """Returns a sentence about the line fitted to a grid of accuracies."""
    if found.least_attention is None:
        return f"No cell reaches {found.level:.0%}."
    least = f"{found.level:.0%} needs attention of at least {found.least_attention:,}"
    if found.attention.size < 3:
        return f"{least}; too few crossings for a line."
    return (
        f"{least}; line through {found.attention.size} crossings: MLP = "
        f"{found.intercept:.0f} {found.slope:+.2f} attention (weights of one matrix)."
    )


def train_tables(rows: Iterable[Row]) -> list[Table]:
    """Returns where training ended, a line per seed; nothing where none was trained.

    Committed rows have curves without models: their last checks stand for these.
    """
    last: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: row["kind"] == "model"):
        if row["kind"] in ("model", "trace"):
            last[row["seed"]] = row
    lines = [_end(row) for _, row in sorted(last.items())]
    title = "Trained transformers"
    return [Table(title, _ENDS, lines, _CAPTION, num_labels=0)] if lines else []


def _end(row: Row) -> list[str]:
    """Returns the cells of a seed."""
    counts = [f"{row[name]:,}" for name in ("n", "parameters", "steps")]
    loss = "diverged" if row["loss"] is None else f"{row['loss']:.4f}"
    worst = row.get("worst_accuracy")
    least = "-" if worst is None else f"{worst:.4f}"
    return [str(row["seed"]), *counts, loss, f"{row['accuracy']:.4f}", least]
