"""Tables of experiments on one-layer transformers: a grid, a training run."""

from collections.abc import Iterable

from rich import box
from rich.table import Table

from recall.experiments.transformer_capacity import summary
from recall.stats import capacity_table, points


def grid_table(rows: Iterable[points.Row]) -> Table:
    """Best accuracy for each number of heads and hidden units, and the line between."""
    cells = summary.grid(rows)
    found = summary.line(cells)
    table = Table(
        title=f"Best accuracy at {cells.facts:,} facts (medians over seeds)",
        caption=describe(found),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
        collapse_padding=True,
    )
    table.add_column("H \\ m", justify="right")
    for m in cells.m:
        table.add_column(str(m), justify="right")
    for heads, accuracies in zip(cells.heads, cells.accuracy, strict=True):
        table.add_row(str(heads), *[f"{a:.3f}" for a in accuracies])
    return table


def describe(found: summary.Line) -> str:
    """A fitted line in words."""
    if found.least_attention is None:
        return f"No cell reaches {found.level:.0%}."
    least = f"{found.level:.0%} needs attention of at least {found.least_attention:,}"
    if found.attention.size < 3:
        return f"{least}; too few crossings for a line."
    return (
        f"{least}; line through {found.attention.size} crossings: MLP = "
        f"{found.intercept:.0f} {found.slope:+.2f} attention (weights of one matrix)."
    )


def train_table(rows: Iterable[points.Row]) -> Table:
    """What training came to, a line per seed."""
    table = Table(title="Trained transformers", box=box.SIMPLE_HEAD)
    columns = ("seed", "facts", "parameters", "steps", "loss", "accuracy", "worst")
    for column in columns:
        table.add_column(column, justify="right")
    models = {r["seed"]: r for r in rows if r["kind"] == "model"}
    for seed, row in sorted(models.items()):
        counts = [f"{row[name]:,}" for name in ("n", "parameters", "steps")]
        loss = "diverged" if row["loss"] is None else f"{row['loss']:.4f}"
        accuracies = [f"{row[name]:.4f}" for name in ("accuracy", "worst_accuracy")]
        table.add_row(str(seed), *counts, loss, *accuracies)
    table.caption = (
        "accuracy: over all facts and several noise contexts; worst: facts recalled in "
        "every one of them."
    )
    return table


def tables(rows: Iterable[points.Row]) -> list[Table]:
    """Returns the tables of the experiment that the rows come from."""
    found = list(rows)
    if any(row["experiment"] == "recall_capacity" for row in found):
        return capacity_table.tables(found)
    trained = any(row["experiment"] == "recall_train" for row in found)
    return [train_table(found) if trained else grid_table(found)]
