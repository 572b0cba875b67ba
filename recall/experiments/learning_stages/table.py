"""Tables of stage times: by setting and by seed, beside theory."""

from collections.abc import Iterable, Sequence

import numpy as np

from recall.experiments.learning_stages import summary
from recall.stats.table import Table
from recall.store.row import Row

Setting = summary.Setting

_COLUMNS = (
    *("model", "S R D", "noise", "trained by", "scale", "seeds", "relation"),
    *("theory", "facts", "theory", "plateau", "distance"),
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns stage times of every setting, medians over seeds, with predictions."""
    settings = summary.settings(rows)
    title, lines = "When relations and facts are learned (steps)", map(cells, settings)
    return [Table(title, _COLUMNS, list(lines), describe(settings))]


def kept(rows: Iterable[Row]) -> list[Row]:
    """Returns runs, and of their curves and pictures those of the first seed."""
    ended = [row for row in rows if row["kind"] in ("run", "trace", "picture")]
    if ended[0]["experiment"] == "sequential_learning":
        first = min(row["seed"] for row in ended)
        return [r for r in ended if r["kind"] == "run" or r["seed"] == first]
    return [row for row in ended if row["kind"] == "run"]


def describe(found: Sequence[Setting]) -> str:
    """Returns a caption that says how far theory is off, by stage."""
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
    """Returns the cells of a setting: stage times in steps, beside theory."""
    row = setting.row
    lost = f" !{setting.diverged}" if setting.diverged else ""
    model = "transformer" if row["model"] == "transformer" else row["attention"]
    return [
        f"{model} {row['embedding']}",
        f"{row['subjects']} {row['relations']} {row['answers']}",
        str(row["noise"]),
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
