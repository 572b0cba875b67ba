"""What memories of Zipf facts add up to: curves of loss, their exponents, the bound."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from recall.store.row import Row
from recall.theory import bounds

KINDS = ("none", "after", "within")  # of rounding
BEST = "best"  # of all numbers of bits, at each size
_RESAMPLES = 2000
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


class Slope(NamedTuple):
    """A log-log slope and its 95 % interval over seeds.

    Attributes:
        value: of the medians; nan with fewer than two sizes.
        low: nan if a size has one seed.
        high: likewise.
    """

    value: float
    low: float
    high: float


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

    loss: Slope
    bound: float
    knowledge: Slope
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
    samples = _resample(curve.losses)
    x = curve.parameters if curve.rounding == "none" else curve.total_bits
    bound = curve.bound
    least = lambda losses: _fewest(losses, curve)  # noqa: E731
    known = None if samples is None else least(samples)
    shares = least(curve.medians) / curve.total_bits
    flat = curve.rounding == "none" or (bound <= 0).any()
    return Exponents(
        loss=_slope(x, curve.medians, samples),
        bound=math.nan if flat else float(_slopes(x, bound)),
        knowledge=_slope(x, least(curve.medians), known),
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


def _resample(losses: Sequence[Sequence[float]]) -> np.ndarray | None:
    """`[resamples, sizes]` medians of seeds drawn anew; None if a size has but one."""
    if min(map(len, losses)) < 2:
        return None
    generator = np.random.default_rng(0)
    draws = [
        np.median(generator.choice(some, (_RESAMPLES, len(some))), axis=-1)
        for some in losses
    ]
    return np.stack(draws, axis=-1)


def _slope(x: np.ndarray, y: np.ndarray, samples: np.ndarray | None) -> Slope:
    if len(x) < 2:
        return Slope(math.nan, math.nan, math.nan)
    value = float(_slopes(x, y))
    if samples is None:
        return Slope(value, math.nan, math.nan)
    low, high = np.percentile(_slopes(x, samples), [2.5, 97.5])
    return Slope(value, float(low), float(high))


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares slopes of ln y `[..., sizes]` against ln x; nan with one size."""
    t = np.log(x) - np.log(x).mean()
    spread = t @ t if np.any(t) else np.nan
    return np.asarray(np.log(y) @ t / spread)
