"""A grid of accuracies, and the line where attention and MLP suffice together."""

import itertools
import math

import numpy as np
import pytest
from capacity_rows import probe, transformer
from numpy.testing import assert_allclose, assert_array_equal

from recall.experiments.transformer_capacity import summary as tradeoffs

HEADS, UNITS = (2, 4, 6), (8, 16, 32)  # attention 512, 1024, 1536; MLP 256, 512, 1024


def rows(accuracies, heads=HEADS, units=UNITS, **fields):
    """One probe for each cell of a table, or one for each seed of a cell."""
    return [
        probe(accuracy, heads=h, m=m, seed=seed, **fields)
        for h, row in zip(heads, accuracies, strict=True)
        for m, cell in zip(units, row, strict=True)
        for seed, accuracy in enumerate(np.atleast_1d(cell).tolist())
    ]


def line(accuracies, level=0.99, **axes):
    return tradeoffs.line(tradeoffs.grid(rows(accuracies, **axes)), level)


# The grid


def test_a_grid_counts_weights_of_one_matrix():
    cells = tradeoffs.grid(rows([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]))
    assert_array_equal(cells.heads, HEADS)
    assert_array_equal(cells.m, UNITS)
    assert_array_equal(cells.attention, [32 * 8 * h for h in HEADS])
    assert_array_equal(cells.mlp, [32 * m for m in UNITS])
    expected = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
    assert_allclose(cells.accuracy, expected)
    assert cells.facts == 1024


def test_a_cell_is_the_median_over_its_seeds():
    cells = tradeoffs.grid(rows([[(0.1, 0.9, 0.8), (0.2, 0.4)]], (2,), (8, 16)))
    assert_allclose(cells.accuracy, [[0.8, 0.3]])
    assert_array_equal(cells.seeds, [[3, 2]])


def test_of_the_learning_rates_of_a_seed_the_best_counts():
    rates = (0.001, 0.01, 0.1)
    found = [
        probe(accuracy, seed=seed, learning_rate=rate)
        for seed, accuracies in enumerate([(0.2, 0.9, 0.5), (0.4, 0.3, 0.1)])
        for rate, accuracy in zip(rates, accuracies, strict=True)
    ]
    for some in (found, found[::-1]):
        cells = tradeoffs.grid(some)
        assert_allclose(cells.accuracy, [[(0.9 + 0.4) / 2]])
        assert_array_equal(cells.seeds, [[2]])


def test_the_best_check_of_a_probe_counts_and_not_its_last():
    cells = tradeoffs.grid([probe(0.9, accuracy=0.2)])
    assert_allclose(cells.accuracy, [[0.9]])


def test_a_cell_without_a_probe_is_missing():
    found = rows([[0.5, 0.6], [0.7, 0.8]], (2, 4), (8, 16))
    cells = tradeoffs.grid(found[:1] + found[2:])
    assert_allclose(cells.accuracy, [[0.5, np.nan], [0.7, 0.8]])
    assert_array_equal(cells.seeds, [[1, 0], [1, 1]])


def test_a_grid_does_not_depend_on_the_order_of_the_rows():
    found = rows([[0.1, 0.2], [0.3, 0.4]], (2, 10), (1, 16))
    for some in itertools.permutations(found):
        cells = tradeoffs.grid(some)
        assert_array_equal(cells.heads, (2, 10))
        assert_allclose(cells.accuracy, [[0.1, 0.2], [0.3, 0.4]])


def test_only_probes_of_transformers_are_read():
    found = [probe(0.5), probe(0.9, memory="mlp"), transformer(100), probe(0.6, seed=1)]
    cells = tradeoffs.grid(iter(found))
    assert_allclose(cells.accuracy, [[0.55]])


def test_attention_only_is_a_column_of_its_own():
    cells = tradeoffs.grid(rows([[0.1, 0.2]], (2,), (0, 8)))
    assert_array_equal(cells.mlp, [0, 256])


@pytest.mark.parametrize(
    "other", [{"d": 16}, {"head_dim": 4}, {"n": 900}, {"activation": "gelu"}]
)
def test_mixed_probes_are_refused(other):
    with pytest.raises(ValueError, match=r"^Expected probes of transformers of one d"):
        tradeoffs.grid([probe(0.5), probe(0.5, heads=4, **other)])


@pytest.mark.parametrize("found", [[], [transformer(100)], [probe(0.5, memory="mlp")]])
def test_no_probes_are_refused(found):
    with pytest.raises(ValueError, match=r"^Expected probes .*; got \[\]"):
        tradeoffs.grid(found)


# The line


def test_a_line_runs_through_the_interpolated_crossings():
    # At level .8: halfway in the first two gaps, a quarter into the second one.
    found = line([[0.2, 0.7, 0.9], [0.2, 0.75, 0.95], [0.7, 0.9, 1.0]], level=0.8)
    assert_array_equal(found.attention, [512, 1024, 1536])
    assert_allclose(found.mlp, [768, 640, 384])
    slope, intercept = np.polyfit([512, 1024, 1536], [768, 640, 384], 1)
    assert_allclose((found.slope, found.intercept), (slope, intercept))
    assert found.least_attention == 512
    assert found.level == 0.8


def test_a_line_that_is_there_is_found():
    """Accuracy falls short of the level by the distance to MLP = 2000 - attention."""
    heads, units = range(1, 8), range(4, 80, 4)
    table = [[0.99 + 1e-4 * (32 * m + 256 * h - 2000) for m in units] for h in heads]
    found = line(table, heads=heads, units=units)
    assert_allclose((found.slope, found.intercept), (-1.0, 2000.0))
    assert found.least_attention == 256


def test_a_level_that_is_reached_exactly_is_crossed_there():
    found = line([[0.2, 0.99, 1.0]], (0.99), heads=(2,))
    assert_allclose(found.mlp, [512])


def test_accuracies_that_fall_again_are_crossed_where_the_level_is_held_from():
    found = line(
        [[0.5, 1.0, 0.8, 0.9, 1.0]], 0.95, heads=(2,), units=(8, 16, 24, 32, 40)
    )
    assert_allclose(found.mlp, [32 * 36])


def test_a_row_that_falls_at_its_end_is_not_crossed():
    found = line([[0.5, 1.0, 0.8]], heads=(2,))
    assert found.mlp.size == 0
    assert found.least_attention is None


def test_a_row_that_starts_above_the_level_gives_no_crossing_but_reaches_it():
    found = line([[0.5, 0.6, 0.7], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    assert found.attention.size == found.mlp.size == 0
    assert found.least_attention == 1024


def test_the_least_attention_is_that_which_some_mlp_completes():
    found = line([[0.1, 0.2, 0.9], [0.1, 0.2, 0.995], [0.1, 1.0, 1.0]])
    assert found.least_attention == 1024
    assert isinstance(found.least_attention, int)
    assert_array_equal(found.attention, [1024, 1536])


def test_two_crossings_are_too_few_for_a_line():
    found = line([[0.1, 0.2, 0.9], [0.1, 0.2, 0.995], [0.1, 1.0, 1.0]])
    assert math.isnan(found.slope)
    assert math.isnan(found.intercept)
    assert type(found.slope) is type(found.intercept) is float


def test_no_crossing_at_all():
    found = line([[0.1, 0.2, 0.3]], heads=(2,))
    assert found.least_attention is None
    assert found.attention.size == 0
    assert math.isnan(found.slope)


def test_what_is_missing_reaches_no_level():
    found = rows([[0.1, 1.0, 1.0]] * 3)
    without_last = [row for row in found if (row["heads"], row["m"]) != (2, 32)]
    cut = tradeoffs.line(tradeoffs.grid(without_last))
    assert cut.least_attention == 1024
    without_middle = [row for row in found if (row["heads"], row["m"]) != (2, 16)]
    cut = tradeoffs.line(tradeoffs.grid(without_middle))
    assert_array_equal(cut.attention, [1024, 1536])  # nothing to interpolate from
    assert cut.least_attention == 512
