"""Tables of learned embeddings: widths and their growth, what survives, geometry."""

from collections.abc import Iterable

import numpy as np
from rich import box
from rich.table import Table

from recall.experiments.learned_embeddings import summary
from recall.stats import points as rows_lib

PARTS = ("inputs", "weights", "outputs")
CHANGES = ("reset", "shuffle", "redraw", "retrain others")
WIDTHS = (
    *("memory", "learned", "outputs", "smallest d at N", "facts a weight"),
    *("facts a trained number", "d ~ N^g (error)", "d = a + b ln N (error)", "seeds"),
)
SURVIVAL = ("memory", "learned", "outputs", "part", *CHANGES)


def widths_table(rows: Iterable[rows_lib.Row]) -> Table:
    """Smallest widths that store all facts, and how they grow."""
    title = "Smallest widths that store all facts (medians over seeds)"
    return _table(title, WIDTHS, widths_lines(rows))


def survival_table(rows: Iterable[rows_lib.Row]) -> Table:
    """Facts that are recalled once a part is changed."""
    title = "Facts recalled once one part is changed (medians over seeds)"
    return _table(title, SURVIVAL, survival_lines(rows))


def widths_lines(rows: Iterable[rows_lib.Row]) -> list[list[str]]:
    """A line for each memory, mode and kind of outputs."""
    lines = []
    for found in summary.widths(rows):
        fit = summary.growth(found)
        each = zip(found.facts, found.d, strict=True)
        lines.append(
            [
                *_kind(found.kind),
                ", ".join(f"{n:.0f}: {d:g}" for n, d in each),
                _ends(found.per_weight),
                _ends(found.per_parameter),
                f"{fit.power:.2f} ({fit.power_error:.0%})" if _known(fit) else "-",
                f"{fit.rate:.2f} ({fit.rate_error:.0%})" if _known(fit) else "-",
                str(found.seeds),
            ]
        )
    return lines


def survival_lines(rows: Iterable[rows_lib.Row]) -> list[list[str]]:
    """A line for each memory, mode, kind of outputs and part."""
    found = summary.survival(rows)
    kinds = dict.fromkeys(key[:3] for key in found)
    return [
        [*_kind(kind), part, *(_share(found.get((*kind, part, c))) for c in CHANGES)]
        for kind in kinds
        for part in PARTS
        if (*kind, part, CHANGES[0]) in found
    ]


def geometry_lines(rows: Iterable[rows_lib.Row]) -> list[str]:
    """Overlaps and effective ranks before and after training, of what is learned."""
    found = summary.geometry(rows)
    lines = []
    for kind in dict.fromkeys(key[:3] for key in found):
        for side in ("inputs", "outputs"):
            if kind[1] in (side, "both"):
                told = [
                    _change(name, found[(*kind, f"{side}_{name}")])
                    for name in ("rms_overlap", "max_overlap", "participation")
                ]
                who = ", ".join(_kind(kind))
                lines.append(f"{who}: {side}: {', '.join(told)}.")
    return lines


def geometry_table(rows: Iterable[rows_lib.Row]) -> Table:
    """How orthogonal embeddings are before and after training."""
    lines = [line.split(": ", 1) for line in geometry_lines(rows)]
    return _table("Geometry, first to last", ("memory, learned, outputs", ""), lines)


def _table(title: str, columns: Iterable[str], lines: list[list[str]]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for name in columns:
        table.add_column(name)
    for line in lines:
        table.add_row(*line)
    return table


def _kind(kind: summary.Kind) -> list[str]:
    memory, mode, outputs = kind
    return [memory, mode, "as many as facts" if outputs is None else str(outputs)]


def _change(name: str, points: list[tuple[int, float]]) -> str:
    """First and last of a measure."""
    return f"{name.replace('_', ' ')} {points[0][1]:.3g} to {points[-1][1]:.3g}"


def _known(fit: summary.Growth) -> bool:
    return bool(np.isfinite(fit.power))


def _ends(values: np.ndarray) -> str:
    return f"{values[0]:.2f} to {values[-1]:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def tables(rows: Iterable[rows_lib.Row]) -> list[Table]:
    """Returns the tables that a run shows."""
    found = list(rows)
    return [widths_table(found), survival_table(found), geometry_table(found)]
