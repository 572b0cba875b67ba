"""Numbers over a grid of attention and MLP, from rows on where facts are held."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from recall.stats import fits
from recall.store.row import Row

SAME = ("d", "head_dim", "size", "answers", "activation", "embedding", "num_steps")
HOLDERS = ("attention", "mlp", "both", "neither")
LEVEL = 0.9  # of the facts; below it, where they are held says little


class Grid(NamedTuple):
    """Numbers over heads and hidden units.

    Attributes:
        heads: `[A]` rising.
        m: `[B]` hidden units, rising.
        attention: `[A]` weights 4 H d_h d.
        mlp: `[B]` weights 2 m d.
        facts: in the world.
        answers: D of each relation.
        values: by name, `[A, B, seeds]`, nan where there is no such row. Names are
            "training.column" of models and "training.ablation.column" of probes.
    """

    heads: np.ndarray
    m: np.ndarray
    attention: np.ndarray
    mlp: np.ndarray
    facts: int
    answers: int
    values: Mapping[str, np.ndarray]

    @property
    def share(self) -> np.ndarray:
        """`[A, B]` the MLP's part of all weights."""
        mlp = np.broadcast_to(self.mlp[None, :], (len(self.heads), len(self.m)))
        return mlp / (mlp + self.attention[:, None])

    def seeds_of(self, name: str) -> np.ndarray:
        """`[A, B, seeds]` of a name; nan where it was not asked for."""
        return self.values.get(name, np.full_like(self.values["free.accuracy"], np.nan))

    @property
    def able(self) -> np.ndarray:
        """`[A, B]` whether the median model recalls LEVEL of the facts."""
        return np.asarray(self.median("free.accuracy") >= LEVEL)

    def median(self, name: str) -> np.ndarray:
        """`[A, B]` over seeds; nan where there is none."""
        values = self.seeds_of(name)
        known = np.asarray(np.isfinite(values).any(axis=2))
        filled = np.where(known[:, :, None], values, 0.0)
        return np.where(known, np.nanmedian(filled, axis=2), np.nan)


class Trend(NamedTuple):
    """The change of a number with the MLP's part of the weights, over able cells.

    Attributes:
        cells: how many.
        low: median over the third of the cells with the least of it.
        high: median over the third with the most.
        rank_correlation: Spearman's; nan with fewer than 3 cells.
    """

    cells: int
    low: float
    high: float
    rank_correlation: float


def grid(rows: Iterable[Row]) -> Grid:
    """Gathers rows of models and probes.

    Raises:
        ValueError: if there are none, or they differ in more than heads, units and
            seed.
    """
    rows = [row for row in rows if row["kind"] in ("model", "probe")]
    kinds = {tuple(row[name] for name in SAME) for row in rows}
    if len(kinds) != 1:
        raise ValueError(
            f"Expected rows of storage of one {', '.join(SAME)}; got "
            f"{sorted(kinds, key=str)}."
        )
    names = ("heads", "m", "seed")
    axes = [sorted({row[name] for row in rows}) for name in names]
    values: dict[str, np.ndarray] = {}
    for row in rows:
        at = tuple(
            axis.index(row[name]) for axis, name in zip(axes, names, strict=True)
        )
        for name, value in _numbers(row):
            empty = np.full([len(axis) for axis in axes], np.nan)
            values.setdefault(name, empty)[at] = np.nan if value is None else value
    one, (heads, m) = rows[0], map(np.array, axes[:2])
    return Grid(
        heads=heads,
        m=m,
        attention=4 * one["d"] * one["head_dim"] * heads,
        mlp=2 * one["d"] * m,
        facts=one["n"],
        answers=one["answers"],
        values=values,
    )


def trend(cells: Grid, name: str) -> Trend:
    """Returns the trend of a number's median as the MLP has more of the weights."""
    value = cells.median(name)
    able = cells.able & np.isfinite(value)
    order = np.argsort(cells.share[able], kind="stable")
    share, value = cells.share[able][order], value[able][order]
    third = -(-len(value) // 3)
    correlation = fits.rank_correlation(share, value)
    ends = (value[:third], value[len(value) - third :])
    low, high = (float(np.median(end)) if third else np.nan for end in ends)
    return Trend(len(value), low, high, correlation)


def by_units(cells: Grid, name: str) -> list[tuple[int, float, float, float]]:
    """Returns (m, median, least, most) of a number over heads that are able."""
    lines, medians = [], cells.median(name)
    for column, m in enumerate(cells.m):
        able = medians[cells.able[:, column], column]
        able = able[np.isfinite(able)]
        if able.size:
            lines.append((int(m), float(np.median(able)), able.min(), able.max()))
    return lines


def over_cells(cells: Grid, name: str) -> tuple[float, float, float]:
    """Returns median, least and most of the able cells' medians; nan without any."""
    value = cells.median(name)[cells.able]
    value = value[np.isfinite(value)]
    if not value.size:
        return np.nan, np.nan, np.nan
    return float(np.median(value)), float(value.min()), float(value.max())


def ablations(cells: Grid, training: str = "free") -> list[str]:
    """Returns the names of the ablations and swaps that rows of a training have."""
    names = [name.split(".") for name in cells.values]
    return [n[1] for n in names if n[0] == training and n[-1] == "kept"]


def _numbers(row: Row) -> list[tuple[str, Any]]:
    """Lists the numbers of a row, under names with its training and ablation."""
    if row["kind"] == "probe":
        prefix = f"{row['training']}.{row['ablation']}"
        columns = ["accuracy", "relation_accuracy", "kept", "other_accuracy"]
    else:
        prefix = row["training"]
        starts = ("held_", "attention_", "mlp_", "head_", "sum_")
        skip = ("head_dim", "attention_parameters", "mlp_parameters")
        columns = [c for c in row if c.startswith(starts) and c not in skip]
        columns += ["accuracy", "conservation"]
    return [(f"{prefix}.{column}", row.get(column)) for column in columns]
