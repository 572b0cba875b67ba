"""What memories of Zipf facts add up to: curves of loss, their exponents, the bound."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from recall.stats import fits
from recall.store.row import Row
from recall.theory import bounds

KINDS = ("none", "after", "within")  # of rounding
BEST = "best"  # of all numbers of bits, at each size
_GROUP = ("alpha", "memory", "way", "rounding", "bits")


class Curve(NamedTuple):
    """Losses of one way to a memory, over sizes.

    Attributes:
        alpha: p(x) ~ x^-alpha.
        memory: "linear" or "mlp".
        way: how it is made.
        rounding: one of KINDS, or BEST.
        bits: of a weight, or None where they differ.
        facts: N.
        outputs: M.
        parameters: `[sizes]` rising.
        total_bits: `[sizes]`.
        losses: for each size those of its seeds, in nats.
    """

    alpha: float
    memory: str
    way: str
    rounding: str
    bits: int | None
    facts: int
    outputs: int
    parameters: np.ndarray
    total_bits: np.ndarray
    losses: tuple[tuple[float, ...], ...]

    @property
    def medians(self) -> np.ndarray:
        """`[sizes]` over seeds."""
        return np.array([np.median(some) for some in self.losses])

    @property
    def odds(self) -> np.ndarray:
        """p(x), falling."""
        return bounds.zipf(self.facts, self.alpha)

    @property
    def bound(self) -> np.ndarray:
        """`[sizes]` what its bits allow."""
        return bounds.cross_entropy(self.odds, self.outputs, self.total_bits)


class Exponents(NamedTuple):
    """How a curve falls.

    Attributes:
        loss: ln loss against ln bits; against ln parameters where bits are none.
        bound: the bound's own, at the same bits; nan where it is zero.
        knowledge: ln of the fewest bits that such losses take, against the same: one,
            whatever N is, where bits are put to as much use at all sizes.
        share: fewest bits that such losses take / bits that are there, of medians at
            the smallest and at the largest size; below one, by the bound.
    """

    loss: fits.Estimate
    bound: float
    knowledge: fits.Estimate
    share: tuple[float, float]


def points(rows: Iterable[Row]) -> list[Row]:
    """Rows of losses; the first of each key."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["kind"] == "point":
            found.setdefault(row["key"], row)
    return list(found.values())


def below(rows: Iterable[Row]) -> list[Row]:
    """Points that lose less than their bits allow: there can be none.

    The bound is one of the mean over fact tables; a single table may be luckier by
    rounding alone.
    """
    return [
        row
        for row in points(rows)
        if row["finite"] and row["loss"] < row["bound"] * (1 - 1e-4)
    ]


def curves(rows: Iterable[Row]) -> list[Curve]:
    """Gathers finite points over sizes and seeds."""
    groups: dict[tuple, dict[tuple[int, int], list[float]]] = {}
    tables: dict[tuple, tuple[int, int]] = {}
    for row in points(rows):
        if row["finite"]:
            group = tuple(row[name] for name in _GROUP)
            size = row["parameters"], row["total_bits"]
            groups.setdefault(group, {}).setdefault(size, []).append(row["loss"])
            tables[group] = row["facts"], row["outputs"]
    return [
        _curve(group, tables[group], groups[group])
        for group in sorted(groups, key=_order)
    ]


def best_bits(some: Sequence[Curve]) -> list[Curve]:
    """Of rounded curves of one way, at each size the one with the largest share."""
    groups: dict[tuple, list[Curve]] = {}
    for curve in some:
        if curve.rounding != "none":
            groups.setdefault(curve[:3], []).append(curve)
    return [_best(members) for members in groups.values()]


def exponents(curve: Curve) -> Exponents:
    """Fits the slopes of a curve; intervals resample the seeds of each size."""
    x = curve.parameters if curve.rounding == "none" else curve.total_bits
    least = lambda losses: _fewest(losses, curve)  # noqa: E731
    shares = least(curve.medians) / curve.total_bits
    flat = curve.rounding == "none" or (curve.bound <= 0).any()
    return Exponents(
        loss=fits.bootstrap(curve.losses, lambda losses: fits.slope(x, losses)),
        bound=math.nan if flat else float(fits.slope(x, curve.bound)),
        knowledge=fits.bootstrap(
            curve.losses, lambda losses: fits.slope(x, least(losses))
        ),
        share=(float(shares[0]), float(shares[-1])),
    )


def _order(group: tuple) -> tuple:
    return (*group[:3], KINDS.index(group[3]), group[4])


def _curve(group: tuple, table: tuple[int, int], sizes: Mapping[Any, Any]) -> Curve:
    each = sorted(sizes)
    alpha, memory, way, rounding, bits = group
    return Curve(
        alpha,
        memory,
        way,
        rounding,
        bits,
        *table,
        parameters=np.array([size[0] for size in each], float),
        total_bits=np.array([size[1] for size in each], float),
        losses=tuple(tuple(sizes[size]) for size in each),
    )


def _best(members: Sequence[Curve]) -> Curve:
    """Picks the best member at each size."""
    chosen: dict[float, tuple[float, Curve, int]] = {}
    for curve in members:
        shares = _fewest(curve.medians, curve) / curve.total_bits
        for index, size in enumerate(curve.parameters):
            if size not in chosen or shares[index] > chosen[size][0]:
                chosen[size] = float(shares[index]), curve, index
    picked = [chosen[size][1:] for size in sorted(chosen)]
    return members[0]._replace(
        rounding=BEST,
        bits=None,
        parameters=np.array([curve.parameters[i] for curve, i in picked]),
        total_bits=np.array([curve.total_bits[i] for curve, i in picked]),
        losses=tuple(curve.losses[i] for curve, i in picked),
    )


def _fewest(losses: np.ndarray, curve: Curve) -> np.ndarray:
    """Fewest bits that losses take."""
    return bounds.fewest_bits(losses, curve.odds, curve.outputs)
