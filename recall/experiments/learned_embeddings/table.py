"""Tables of learned embeddings: widths and their growth, what survives, geometry."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.learned_embeddings import summary
from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("run", "probe", "trace")
PARTS = ("inputs", "weights", "outputs")
CHANGES = ("reset", "shuffle", "redraw", "retrain others")

_KIND = ("memory", "learned", "outputs")
_WIDTHS = (
    *(*_KIND, "smallest d at N", "facts\na weight", "facts a\ntrained number"),
    *("d ~ N^g\n(error)", "d = a + b ln N\n(error)", "seeds"),
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns smallest widths, what survives changed parts, and geometry."""
    kept = list(rows)
    return [
        Table(
            "Smallest widths that store all facts (medians over seeds)",
            _WIDTHS,
            widths_lines(kept),
            num_labels=4,
        ),
        Table(
            "Facts recalled once one part is changed (medians over seeds)",
            (*_KIND, "part", *CHANGES),
            survival_lines(kept),
            num_labels=4,
        ),
        Table(
            "Geometry, first to last",
            (", ".join(_KIND), "side", "measures"),
            geometry_lines(kept),
            num_labels=3,
        ),
    ]


def widths_lines(rows: Iterable[Row]) -> list[list[str]]:
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


def survival_lines(rows: Iterable[Row]) -> list[list[str]]:
    """A line for each memory, mode, kind of outputs and part."""
    found = summary.survival(rows)
    kinds = dict.fromkeys(key[:3] for key in found)
    return [
        [*_kind(kind), part, *(_share(found.get((*kind, part, c))) for c in CHANGES)]
        for kind in kinds
        for part in PARTS
        if (*kind, part, CHANGES[0]) in found
    ]


def geometry_lines(rows: Iterable[Row]) -> list[list[str]]:
    """Returns overlaps and effective ranks before and after training, if learned."""
    found = summary.geometry(rows)
    names = ("rms_overlap", "max_overlap", "participation")
    lines = []
    for kind in dict.fromkeys(key[:3] for key in found):
        for side in ("inputs", "outputs"):
            if kind[1] in (side, "both"):
                told = [_change(n, found[(*kind, f"{side}_{n}")]) for n in names]
                lines.append([", ".join(_kind(kind)), side, ", ".join(told)])
    return lines


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
