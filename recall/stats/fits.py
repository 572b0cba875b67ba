"""Fits over seeds: bootstrap intervals, log-log slopes, rank correlations."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A statistic of medians over seeds, with its 95 % interval.

    Attributes:
        value: the statistic of the medians.
        low: lower end of the interval; nan where a point has one seed.
        high: upper end.
    """

    value: Any
    low: Any
    high: Any


def bootstrap(
    points: Sequence[Sequence[float | int]],
    statistic: Callable[[np.ndarray], Any],
    num_resamples: int = 2000,
) -> Estimate:
    """Estimates a statistic of medians by resampling the seeds within each point.

    Args:
        points: for each point the values of its seeds.
        statistic: maps medians `[..., points]` to numbers `[...]` or `[k, ...]`.
        num_resamples: draws that the percentiles are taken of.

    Returns:
        Floats, or lists of k floats.
    """
    generator = np.random.default_rng(0)  # the same draws for whoever asks again
    draws = np.empty((num_resamples, len(points)))
    for column, values in enumerate(points):
        drawn = generator.choice(values, (num_resamples, len(values)))
        draws[:, column] = np.median(drawn, axis=-1)
    low, high = np.percentile(statistic(draws), [2.5, 97.5], axis=-1)
    if min(map(len, points), default=0) < 2:
        low, high = low * np.nan, high * np.nan  # one seed has no scatter to show
    medians = np.array([np.median(values) for values in points])
    numbers = statistic(medians), low, high
    return Estimate(*(np.asarray(number).tolist() for number in numbers))


def slope(x: np.ndarray, y: np.ndarray) -> Any:
    """Fits the slopes `[...]` of ln y `[..., points]` against ln x by least squares.

    Slopes are nan where all x are one.
    """
    t = np.log(x) - np.log(x).mean()
    spread = t @ t
    return np.log(y) @ t / (spread if spread > 1e-12 else np.nan)


def rank_correlation(x: Any, y: Any) -> float:
    """Computes Spearman's correlation; nan of two or fewer, or of equal values."""
    from scipy import stats  # takes half a second

    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    correlation: Any = stats.spearmanr(x, y)
    return float(correlation.statistic)
