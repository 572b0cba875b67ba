"""Slopes by hand, intervals against a loop, ranks against a definition."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall.stats import fits

X = np.array([1.0, 10.0, 100.0])
SEEDS = ((3, 5, 4), (30, 80, 20, 50), (900, 700))


def test_a_slope_is_that_of_the_line_through_the_logarithms():
    # ln y = (0, 1, 5) ln 10 over ln x = (0, 1, 2) ln 10: (5 - 0) / 2.
    assert_allclose(fits.slope(X, np.array([1.0, 10.0, 1e5])), 2.5)
    both = np.stack([3 * X**2, X**-0.5])
    assert_allclose(fits.slope(X, both), [2.0, -0.5])


def test_equal_sizes_have_no_slope():
    assert math.isnan(fits.slope(np.array([7.0, 7.0]), np.array([1.0, 2.0])))
    assert math.isnan(fits.slope(np.array([7.0]), np.array([1.0])))


def test_an_interval_is_that_of_a_loop_over_the_same_draws():
    generator, columns = np.random.default_rng(0), []
    for values in SEEDS:
        table = generator.choice(values, (100, len(values)))
        columns.append([np.median(row) for row in table])
    slopes = [fits.slope(X, np.array(row)) for row in zip(*columns, strict=True)]
    found = fits.bootstrap(SEEDS, lambda medians: fits.slope(X, medians), 100)
    assert_allclose(found.value, fits.slope(X, np.array([4, 40, 800])))
    assert_allclose([found.low, found.high], np.percentile(slopes, [2.5, 97.5]))
    assert found.low < found.value < found.high


def test_several_statistics_have_an_interval_each():
    both = fits.bootstrap(SEEDS, lambda medians: np.stack(2 * [medians[..., 0]]))
    one = fits.bootstrap(SEEDS, lambda medians: medians[..., 0])
    assert_array_equal(np.stack(both), np.stack(2 * [np.array(one)], axis=-1))


def test_one_seed_has_no_interval():
    found = fits.bootstrap([(3, 5), (30,), (900, 1)], lambda medians: medians[..., 0])
    assert found.value == 4
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_rank_correlation_is_the_correlation_of_ranks_and_ties_share_theirs():
    x, y = [1.0, 20.0, 300.0, 300.0], [5, 7, 7, 100]
    ranks = np.corrcoef([1, 2, 3.5, 3.5], [1, 2.5, 2.5, 4])[0, 1]
    assert_allclose(fits.rank_correlation(x, y), ranks, rtol=1e-12)
    assert fits.rank_correlation([1, 2, 3], [9, 4, 1]) == pytest.approx(-1)


@pytest.mark.parametrize(("x", "y"), [((1, 2), (3, 4)), ((1, 1, 1), (1, 2, 3))])
def test_two_or_equal_values_have_no_rank_correlation(x, y):
    assert math.isnan(fits.rank_correlation(x, y))
    assert math.isnan(fits.rank_correlation(y, x))
