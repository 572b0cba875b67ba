"""Accuracies over a grid of attention and MLP, and the line between them.

Rows are probes of transformers that differ in heads and hidden units alone. Weights
are counted as the paper's figure does, those of one matrix: attention d d_h H, MLP d m.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from recall.store.row import Row

SAME = ("d", "head_dim", "n", "world", "activation", "recipe", "embedding")


class Grid(NamedTuple):
    """Best accuracies over a grid.

    Attributes:
        heads: `[A]` numbers of heads, rising.
        m: `[B]` hidden units, rising.
        attention: `[A]` weights d d_h H.
        mlp: `[B]` weights d m.
        accuracy: `[A, B]` median over seeds of the best accuracy of a run; nan where
            there is none.
        facts: in the world.
        seeds: `[A, B]` how many seeds there are.
    """

    heads: np.ndarray
    m: np.ndarray
    attention: np.ndarray
    mlp: np.ndarray
    accuracy: np.ndarray
    facts: int
    seeds: np.ndarray


class Line(NamedTuple):
    """MLP weights that suffice beside attention: mlp = intercept + slope * attention.

    Attributes:
        level: the accuracy that counts as enough.
        attention: `[k]` attention at which the level is crossed within the grid.
        mlp: `[k]` where, interpolated between neighbouring cells.
        intercept: of a least-squares line; nan with fewer than 3 crossings.
        slope: likewise.
        least_attention: the smallest attention of the grid with which some MLP
            reaches the level; None if none does.
    """

    level: float
    attention: np.ndarray
    mlp: np.ndarray
    intercept: float
    slope: float
    least_attention: int | None


def grid(rows: Iterable[Row]) -> Grid:
    """Gathers probes into a grid.

    Raises:
        ValueError: if there are none, or they differ in more than heads, m and seed.
    """
    probes = [r for r in rows if r["kind"] == "probe" and r["memory"] == "transformer"]
    kinds = {tuple(r[name] for name in SAME) for r in probes}
    if len(kinds) != 1:
        raise ValueError(
            f"Expected probes of transformers of one {', '.join(SAME)}; got "
            f"{sorted(kinds, key=str)}."
        )
    d, head_dim, facts = kinds.pop()[:3]
    heads = np.array(sorted({r["heads"] for r in probes}))
    m = np.array(sorted({r["m"] for r in probes}))
    best: dict[tuple, dict[int, float]] = {}
    for row in probes:
        seeds = best.setdefault((row["heads"], row["m"]), {})
        seeds[row["seed"]] = max(seeds.get(row["seed"], 0.0), row["best_accuracy"])
    accuracy = np.full((len(heads), len(m)), np.nan)
    count = np.zeros(accuracy.shape, int)
    for (h, units), seeds in best.items():
        at = np.searchsorted(heads, h), np.searchsorted(m, units)
        accuracy[at], count[at] = np.median(list(seeds.values())), len(seeds)
    return Grid(heads, m, d * head_dim * heads, d * m, accuracy, facts, count)


def line(cells: Grid, level: float = 0.99) -> Line:
    """Fits the border of the cells that reach a level."""
    crossings = [
        (attention, _crossing(cells.mlp, accuracy, level))
        for attention, accuracy in zip(cells.attention, cells.accuracy, strict=True)
    ]
    reached = [(a, x) for a, x in crossings if x is not None]
    # At the smallest MLP the crossing lies outside of the grid: a bound, no point.
    inside = [pair for pair in reached if pair[1] > cells.mlp[0]]
    attention, mlp = np.array(inside, float).reshape(-1, 2).T
    slope, intercept = np.nan, np.nan
    if len(inside) > 2:  # two points would always be on a line
        slope, intercept = np.polyfit(attention, mlp, 1)
    least = int(min(reached)[0]) if reached else None
    return Line(level, attention, mlp, float(intercept), float(slope), least)


def _crossing(mlp: np.ndarray, accuracy: np.ndarray, level: float) -> float | None:
    """Returns the MLP from which the level is held, or None if the largest is below.

    It is interpolated between the last cell below the level and the next.
    """
    below = np.flatnonzero(~(accuracy >= level))  # nan is below, too
    if not below.size:
        return float(mlp[0])
    last = below[-1]
    if last == len(mlp) - 1:
        return None
    low, high = accuracy[last], accuracy[last + 1]
    fraction = (level - low) / (high - low)
    return float(mlp[last] + fraction * (mlp[last + 1] - mlp[last]))
