"""Tables of stage times: by setting and by seed, beside theory."""

from collections.abc import Iterable, Sequence

import numpy as np
from rich import box
from rich.table import Table

from recall.experiments.learning_stages import summary

Setting = summary.Setting


def times_table(rows: Iterable[summary.Row]) -> Table:
    """Stage times of every setting, medians over seeds, with predictions."""
    found = summary.settings(rows)
    table = Table(
        title="When relations and facts are learned (steps)",
        caption=describe(found),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0),
        collapse_padding=True,
    )
    columns = ("S R D", "noise", "model", "trained by", "scale", "seeds", "relation")
    for column in (*columns, "theory", "facts", "theory", "plateau", "distance"):
        table.add_column(column, justify="right", no_wrap=column != "model")
    for setting in found:
        table.add_row(*cells(setting))
    return table


def describe(found: Sequence[Setting]) -> str:
    """How far predictions are off, in words."""
    off = summary.deviations(found)
    known = np.isfinite(off).all(axis=1)
    said = (
        "plateau: part of the time to the facts with the loss within .1 of H(a | r); "
        "distance: least distance to p(a | r). "
    )
    if not known.any():
        return said + "Theory says nothing about these settings."
    parts = [
        f"{name} {low:+.1%} to {high:+.1%}"
        for name, low, high in zip(
            ("relation", "facts"), off[known].min(0), off[known].max(0), strict=True
        )
    ]
    return said + f"Off theory over {known.sum()} settings: {', '.join(parts)}."


def cells(setting: Setting) -> list[str]:
    """A line of the table."""
    row = setting.row
    lost = f" !{setting.diverged}" if setting.diverged else ""
    model = "transformer" if row["model"] == "transformer" else row["attention"]
    return [
        f"{row['subjects']} {row['relations']} {row['answers']}",
        str(row["noise"]),
        f"{model} {row['embedding']}",
        f"{row['optimizer']} {row['learning_rate']:.3g}",
        f"{row['init_scale']:g}",
        f"{setting.seeds}{lost}",
        _steps(setting.relation.median),
        _steps(setting.expected[0]),
        _steps(setting.facts.median),
        _steps(setting.expected[1]),
        f"{setting.share.median:.0%}",
        f"{setting.distance.median:.3f}",
    ]


def _steps(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "-"


def tables(rows: Iterable[summary.Row]) -> list[Table]:
    """Returns the tables that a run shows."""
    found = list(rows)
    return [times_table(found)]
