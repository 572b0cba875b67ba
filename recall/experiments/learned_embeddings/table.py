"""Tables of learned embeddings: widths and their growth, what survives, geometry."""

import itertools
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
    widths = "Smallest widths that store all facts (medians over seeds)"
    survival = "Facts recalled once one part is changed (medians over seeds)"
    sides = (", ".join(_KIND), "side", "measures")
    parts = (*_KIND, "part", *CHANGES)
    return [
        Table(widths, _WIDTHS, widths_lines(kept), num_labels=4),
        Table(survival, parts, survival_lines(kept), num_labels=4),
        Table("Geometry, first to last", sides, geometry_lines(kept), num_labels=3),
    ]


def widths_lines(rows: Iterable[Row]) -> list[list[str]]:
    """Returns a line for each memory, mode and kind of outputs."""
    lines = []
    for some in summary.widths(rows):
        fit = summary.growth(some)
        each = zip(some.facts, some.d, strict=True)
        fits = (fit.power, fit.power_error), (fit.rate, fit.rate_error)
        lines += [[*_kind(some.kind), ", ".join(f"{n:.0f}: {d:g}" for n, d in each)]]
        lines[-1] += [_ends(some.per_weight), _ends(some.per_parameter)]
        lines[-1] += [f"{x:.2f} ({e:.0%})" if np.isfinite(x) else "-" for x, e in fits]
        lines[-1] += [str(some.seeds)]
    return lines


def survival_lines(rows: Iterable[Row]) -> list[list[str]]:
    """Returns a line for each memory, mode, kind of outputs and part."""
    medians = summary.survival(rows)
    lines = []
    for kind, part in itertools.product(dict.fromkeys(k[:3] for k in medians), PARTS):
        known = [medians.get((*kind, part, change)) for change in CHANGES]
        if known[0] is not None:
            cells = ["-" if value is None else f"{value:.2f}" for value in known]
            lines.append([*_kind(kind), part, *cells])
    return lines


def geometry_lines(rows: Iterable[Row]) -> list[list[str]]:
    """Returns overlaps and effective ranks before and after training, if learned."""
    traces = summary.geometry(rows)
    names = ("rms_overlap", "max_overlap", "participation")
    lines = []
    for kind in dict.fromkeys(key[:3] for key in traces):
        for side in ("inputs", "outputs"):
            if kind[1] in (side, "both"):
                cells = [_change(n, traces[(*kind, f"{side}_{n}")]) for n in names]
                lines.append([", ".join(_kind(kind)), side, ", ".join(cells)])
    return lines


def _kind(kind: summary.Kind) -> list[str]:
    memory, mode, outputs = kind
    return [memory, mode, "as many as facts" if outputs is None else str(outputs)]


def _change(name: str, points: list[tuple[int, float]]) -> str:
    return f"{name.replace('_', ' ')} {points[0][1]:.3g} to {points[-1][1]:.3g}"


def _ends(values: np.ndarray) -> str:
    return f"{values[0]:.2f} to {values[-1]:.2f}"
