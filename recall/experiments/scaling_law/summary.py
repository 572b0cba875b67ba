"""Curves of loss of memories of Zipf facts over sizes, their exponents, the bound."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from recall.stats import fits
from recall.store.row import Row
from recall.theory import bounds

KINDS = ("none", "after", "within")  # of rounding: not at all, PTQ, QAT
BEST = "best"  # of all numbers of bits, at each size
_GROUP = ("alpha", "memory", "way", "rounding", "bits")


class Curve(NamedTuple):
    """Losses of one method over the sizes of a memory.

    Attributes:
        alpha: p(x) ~ x^-alpha.
        memory: "linear" or "mlp".
        method: how it is made.
        rounding: one of KINDS, or BEST.
        bits: of a weight, or None where they differ.
        facts: N.
        outputs: M.
        parameters: `[sizes]` rising.
        total_bits: `[sizes]`.
        losses: for each size the losses of its seeds, in nats.
    """

    alpha: float
    memory: str
    method: str
    rounding: str
    bits: int | None
    facts: int
    outputs: int
    parameters: np.ndarray
    total_bits: np.ndarray
    losses: tuple[tuple[float, ...], ...]

    @property
    def medians(self) -> np.ndarray:
        """`[sizes]` medians of the losses over seeds."""
        return np.array([np.median(seeds) for seeds in self.losses])

    @property
    def probs(self) -> np.ndarray:
        """`[N]` probabilities p(x), the largest first."""
        return bounds.zipf(self.facts, self.alpha)

    @property
    def bound(self) -> np.ndarray:
        """`[sizes]` least losses that the bits allow."""
        return bounds.cross_entropy(self.probs, self.outputs, self.total_bits)

    def fewest(self, losses: np.ndarray) -> np.ndarray:
        """Returns the fewest bits with which any learner reaches such losses."""
        return bounds.fewest_bits(losses, self.probs, self.outputs)

    @property
    def fractions(self) -> np.ndarray:
        """`[sizes]` fewest bits for the median losses over bits; at most 1."""
        return self.fewest(self.medians) / self.total_bits


class Exponents(NamedTuple):
    """Log-log slopes of a curve.

    Attributes:
        loss: ln loss against ln bits; against ln parameters of float32 weights.
        bound: the slope of the bound at the same bits; nan where it is zero.
        knowledge: ln of the fewest bits for such losses against the same: one,
            whatever N is, where bits are put to as much use at all sizes.
        fractions: of the bits that are put to use, at the smallest and largest size.
    """

    loss: fits.Estimate
    bound: float
    knowledge: fits.Estimate
    fractions: tuple[float, float]


def points(rows: Iterable[Row]) -> list[Row]:
    """Returns the rows of losses; the first of each key."""
    by_key: dict[str, Row] = {}
    for row in rows:
        if row["kind"] == "point":
            by_key.setdefault(row["key"], row)
    return list(by_key.values())


def below(rows: Iterable[Row]) -> list[Row]:
    """Returns points that lose less than their bits allow: there can be none."""
    # The bound is one of the mean over tables; a table may be luckier by rounding.
    return [
        row
        for row in points(rows)
        if row["finite"] and row["loss"] < row["bound"] * (1 - 1e-4)
    ]


def curves(rows: Iterable[Row]) -> list[Curve]:
    """Gathers finite points over sizes and seeds, in a fixed order."""
    groups: dict[tuple, dict[tuple[int, int], list[float]]] = {}
    for row in points(rows):
        if row["finite"]:
            group = (*(row[name] for name in _GROUP), row["facts"], row["outputs"])
            size = row["parameters"], row["total_bits"]
            groups.setdefault(group, {}).setdefault(size, []).append(row["loss"])
    return [
        _curve(group, [(*size, tuple(losses[size])) for size in sorted(losses)])
        for group, losses in sorted(groups.items(), key=_order)
    ]


def best_bits(some: Sequence[Curve]) -> list[Curve]:
    """Joins rounded curves of a method: at each size the one with most bits in use."""
    groups: dict[tuple, list[Curve]] = {}
    for curve in some:
        if curve.rounding != "none":
            groups.setdefault(curve[:3], []).append(curve)
    return [_best(members) for members in groups.values()]


def exponents(curve: Curve) -> Exponents:
    """Fits the slopes of a curve; intervals resample the seeds of each size."""
    x = curve.parameters if curve.rounding == "none" else curve.total_bits
    flat = curve.rounding == "none" or (curve.bound <= 0).any()  # ln 0 has no slope
    return Exponents(
        loss=fits.bootstrap(curve.losses, lambda losses: fits.slope(x, losses)),
        bound=math.nan if flat else float(fits.slope(x, curve.bound)),
        knowledge=fits.bootstrap(
            curve.losses, lambda losses: fits.slope(x, curve.fewest(losses))
        ),
        fractions=(float(curve.fractions[0]), float(curve.fractions[-1])),
    )


def _order(item: tuple[tuple, Any]) -> tuple:
    group, _ = item
    return (*group[:3], KINDS.index(group[3]), group[4])


def _curve(group: tuple, sizes: Sequence[tuple]) -> Curve:
    """Builds the curve of `(parameters, total bits, losses)` of each size."""
    parameters, total_bits, losses = zip(*sizes, strict=True)
    return Curve(
        *group,
        parameters=np.array(parameters, float),
        total_bits=np.array(total_bits, float),
        losses=losses,
    )


def _best(members: Sequence[Curve]) -> Curve:
    """Picks at each size the member that puts the largest fraction of bits to use."""
    best: dict[float, tuple] = {}
    for curve in members:
        sizes = zip(curve.parameters, curve.total_bits, curve.losses, strict=True)
        for size, fraction in zip(sizes, curve.fractions, strict=True):
            if size[0] not in best or fraction > best[size[0]][0]:
                best[size[0]] = fraction, size
    first = members[0]
    group = (*first[:3], BEST, None, first.facts, first.outputs)
    return _curve(group, [best[parameters][1] for parameters in sorted(best)])
