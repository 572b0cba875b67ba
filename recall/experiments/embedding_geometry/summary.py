"""Capacity against coherence: rank correlations, and laws fitted to geometries.

Rows of two kinds come together by embedding and seed: capacities of memories, and the
coherence of the embeddings that they were measured on (`lanes`).
"""

import collections
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from recall.stats import fits
from recall.stats import points as rows_lib
from recall.store.row import Row

RANDOM = "sphere"  # what others are compared with
LEAST = 6  # geometries to fit a law to: its coefficients, and two more
MEASURES = (
    *("max_overlap", "rms_overlap", "participation"),
    *("entropy_rank", "mean_share", "norm_spread"),
)


class Entry(NamedTuple):
    """One memory on one geometry, medians over seeds.

    Attributes:
        memory: its label.
        point: its capacity, over seeds.
        relative: capacity over that of random embeddings, at least half a fact.
        predicted: facts that theory gives an outer product of this width.
        overlap: rms overlap of inputs times that of outputs, times d: 1 for random.
        inputs: measures of the inputs, by name.
        outputs: measures of the outputs.
    """

    memory: str
    point: rows_lib.Point
    relative: float
    predicted: float
    overlap: float
    inputs: Mapping[str, float]
    outputs: Mapping[str, float]


class Law(NamedTuple):
    """ln N = a + b ln(overlap) + c (spread^2) + g (mean^2), of inputs and outputs.

    Attributes:
        memory: label of the memory.
        num: geometries.
        ranks: Spearman's rank correlation of capacity with each measure (the sum of
            inputs' and outputs'), and with the prediction.
        constant: e^a, facts at overlap 1 without spread and mean.
        overlap: b.
        spread: c, per sum of both squared spreads of norms.
        mean: g, per sum of both squared shares of the mean.
        error: of facts left out of the fit, a factor: exp of the rms of ln N less it.
        unfitted: the same of ln N less that of the prediction, nothing fitted.
        bias: median of measured over predicted.
    """

    memory: str
    num: int
    ranks: Mapping[str, float]
    constant: float
    overlap: float
    spread: float
    mean: float
    error: float
    unfitted: float
    bias: float


def entries(rows: Iterable[Row]) -> list[Entry]:
    """Returns every memory on every geometry that was measured at its width."""
    rows = list(rows)
    measured: dict[tuple, list[Row]] = collections.defaultdict(list)
    for row in rows:
        if row["kind"] == "run":
            measured[row["embedding"], row["d"]].append(row)
    named = [(name_of(point), point) for point in rows_lib.capacities(rows)]
    random = {name: p.median for name, p in named if p.embedding == RANDOM}
    return [
        _entry(name, point, random.get(name, np.nan), group)
        for name, point in named
        if (group := measured.get((point.embedding, point.d)))
    ]


def name_of(point: rows_lib.Point) -> str:
    """Names a memory and its width, not the embeddings."""
    name = rows_lib.label(point, [])
    if point.method == "separation":
        name = f"{name}, exact"
    return f"{name}, d = {point.d}"


def law(group: Sequence[Entry]) -> Law:
    """Fits one memory over its geometries.

    Raises:
        ValueError: if there are fewer geometries than coefficients and two more.
    """
    if len(group) < LEAST:
        raise ValueError(
            f"Expected at least {LEAST} geometries for a law; got {len(group)}."
        )
    y = np.log([max(e.point.median, 0.5) for e in group])  # ln 0 is no number
    X = np.array([_regressors(e) for e in group])
    coefficients = np.linalg.lstsq(X, y, rcond=None)[0]
    # Without a point, least squares errs there by residual / (1 - leverage).
    hat = np.diag(X @ np.linalg.pinv(X))
    left_out = (y - X @ coefficients) / np.maximum(1 - hat, 1e-9)
    ratio = y - np.log([e.predicted for e in group])
    return Law(
        memory=group[0].memory,
        num=len(group),
        ranks={
            name: fits.rank_correlation(y, values)
            for name, values in _columns(group).items()
        },
        constant=float(np.exp(coefficients[0])),
        overlap=float(coefficients[1]),
        spread=float(coefficients[2]),
        mean=float(coefficients[3]),
        error=_factor(left_out),
        unfitted=_factor(ratio),
        bias=float(np.exp(np.median(ratio))),
    )


def by_memory(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Groups entries by memory, the most coherent geometry last."""
    groups: dict[str, list[Entry]] = collections.defaultdict(list)
    for entry in sorted(entries, key=lambda e: e.overlap):
        groups[entry.memory].append(entry)
    return groups


def _entry(
    name: str, point: rows_lib.Point, random: float, rows: Sequence[Row]
) -> Entry:
    sides = [
        {
            key: float(np.median([row[f"{side}_{key}"] for row in rows]))
            for key in MEASURES
        }
        for side in ("inputs", "outputs")
    ]
    return Entry(
        memory=name,
        point=point,
        relative=max(point.median, 0.5) / random,
        predicted=float(np.median([row["predicted"] for row in rows])),
        overlap=sides[0]["rms_overlap"] * sides[1]["rms_overlap"] * point.d,
        inputs=sides[0],
        outputs=sides[1],
    )


def _regressors(entry: Entry) -> list[float]:
    both = entry.inputs, entry.outputs
    squares = [
        sum(s[name] ** 2 for s in both) for name in ("norm_spread", "mean_share")
    ]
    return [1.0, float(np.log(entry.overlap)), *squares]


def _columns(group: Sequence[Entry]) -> dict[str, list[float]]:
    columns = {"predicted": [e.predicted for e in group]}
    for name in MEASURES:
        columns[name] = [e.inputs[name] + e.outputs[name] for e in group]
    return columns


def _factor(nats: np.ndarray) -> float:
    """Returns the rms of differences of ln N, as a factor of N."""
    return float(np.exp(np.sqrt(np.mean(nats**2))))
