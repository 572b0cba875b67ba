"""What rows add up to: medians, intervals, censoring and fitted laws."""

import math

import numpy as np
import pytest
from capacity_rows import search
from numpy.testing import assert_allclose

from recall.stats import points as rows
from recall.theory import features, laws

SEEDS = (0, 1, 11, 111, 42)


def law_rows(constant, *, sizes=(8, 16, 32, 64), noise=0.0, logarithmic=True):
    """Five seeds at each d (m = d), on a known law with log-normal scatter."""
    generator = np.random.default_rng(7)
    table = []
    for d in sizes:
        n = laws.facts_at(d * d, constant) if logarithmic else d * d / constant
        for seed in SEEDS:
            capacity = round(float(n * np.exp(noise * generator.normal())))
            outputs = None if logarithmic else 32
            table.append(search(capacity, seed=seed, d=d, m=d, num_outputs=outputs))
    return table


def only(table):
    (point,) = rows.capacities(table)
    return point


def test_five_seeds_give_their_median_and_range():
    point = only([search(c, seed=s) for s, c in enumerate([50, 10, 30, 20, 40])])
    assert (point.median, point.low, point.high) == (30, 10, 50)
    assert point.coverage == 1 - 2 / 2**5
    assert point.values == (50, 10, 30, 20, 40)
    assert point.exact
    assert (point.num_seeds, point.num_censored, point.num_nonfinite) == (5, 0, 0)


def test_interval_narrows_with_seeds_and_covers_95_percent():
    # Textbook order statistics of the median: 6 -> (1, 6), 9 -> (2, 8), 20 -> (6, 15).
    for n, k in [(6, 1), (9, 2), (20, 6)]:
        point = only([search(c, seed=c) for c in range(1, n + 1)])
        assert (point.low, point.high) == (k, n + 1 - k)
        assert point.coverage >= 0.95


def test_single_seed_has_no_interval():
    point = only([search(30)])
    assert point.median == 30
    assert math.isnan(point.low)
    assert math.isnan(point.high)
    assert math.isnan(point.coverage)
    fit = rows.fit_law([point])
    assert_allclose(fit.constant, laws.constant_at(64 * 32, 30))
    assert math.isnan(fit.constant_low)
    assert math.isnan(fit.constant_high)
    assert math.isnan(fit.slope)


def test_censored_seeds_leave_the_upper_end_open():
    table = [search(c, seed=s) for s, c in enumerate([10, 20, 30, 64])]
    point = only([*table, search(64, seed=9, censored=True, upper=None)])
    assert (point.median, point.low, point.high) == (30, 10, math.inf)
    assert point.exact
    assert point.num_censored == 1


@pytest.mark.parametrize("bound", [{"censored": True}, {"finite": False}])
def test_median_among_bounds_is_only_a_bound(bound):
    table = [search(c, seed=c) for c in (10, 20)]
    point = only(table + [search(64, seed=s, **bound) for s in (3, 4, 5)])
    assert point.median == 64
    assert not point.exact
    assert point.num_censored + point.num_nonfinite == 3


@pytest.mark.parametrize(
    ("fields", "x", "fraction"),
    [
        ({"memory": "outer_product", "m": None}, 32 * 32, None),
        ({"memory": "linear", "m": None}, 32 * 32, None),
        ({"memory": "low_rank", "m": None, "rank": 8}, 8 * 32, 0.25),
        ({"memory": "low_rank", "m": None, "rank": 2, "d": 11}, 22, 0.25),
        ({"memory": "low_rank", "m": None, "rank": 7, "d": 32}, 224, 7 / 32),
        ({"memory": "mlp", "m": 128}, 128 * 32, None),
    ],
)
def test_weights_and_rank_fraction(fields, x, fraction):
    point = only([search(9) | fields])
    assert point.x == x
    assert point.fraction == fraction


def test_groups_are_apart_sorted_and_blind_to_the_order_of_rows():
    table = [*law_rows(0.35), search(5, threshold=1.0), search(6, activation=None)]
    points = rows.capacities(table)
    assert points == rows.capacities(table[::-1])
    assert len(points) == 6
    assert [p.d for p in points if p.m == p.d] == [8, 16, 32, 64]


def test_probes_and_repeated_keys_do_not_count():
    row = search(30)
    probe = search(30, kind="probe")
    assert only([row, probe, row | {"capacity": 99}]).values == (30,)


def test_two_searches_of_one_seed_are_refused():
    with pytest.raises(ValueError, match="seed=0"):
        rows.capacities([search(30, search="a"), search(31, search="b")])


@pytest.mark.parametrize(("constant", "logarithmic"), [(0.35, True), (1.2, False)])
def test_fit_finds_a_known_constant(constant, logarithmic):
    table = law_rows(constant, noise=0.05, logarithmic=logarithmic)
    fit = rows.fit_law(rows.capacities(table))
    assert fit.logarithmic == logarithmic
    assert fit.constant_low < constant < fit.constant_high
    assert fit.constant_high / fit.constant_low < 1.15
    assert (fit.num_points, fit.num_excluded) == (4, 0)


def test_slope_is_one_for_a_linear_law_and_below_with_a_logarithm():
    linear = rows.fit_law(rows.capacities(law_rows(1.2, noise=0.02, logarithmic=False)))
    assert linear.slope_low < 1 < linear.slope_high
    log = rows.fit_law(rows.capacities(law_rows(0.35, noise=0.02)))
    assert log.slope_high < 1


def test_bootstrap_is_deterministic_and_widens_with_noise():
    noisy, calm = (
        rows.fit_law(rows.capacities(law_rows(0.35, noise=noise)))
        for noise in (0.2, 0.05)
    )
    again = rows.fit_law(rows.capacities(law_rows(0.35, noise=0.2)))
    assert noisy == again
    assert noisy.constant_low < calm.constant_low
    assert noisy.constant_high > calm.constant_high


@pytest.mark.parametrize(
    "fields", [{"censored": True, "upper": None}, {"finite": False}, {"capacity": 0}]
)
def test_bounds_and_nothing_stored_are_left_out_of_fits(fields):
    table = law_rows(0.35, noise=0.05)
    clean = rows.fit_law(rows.capacities(table))
    spoilt = [search(16 * 128, seed=s, d=128, m=128) | fields for s in SEEDS]
    fit = rows.fit_law(rows.capacities(table + spoilt))
    assert fit == clean._replace(num_excluded=1)


def test_nothing_to_fit():
    fit = rows.fit_law(rows.capacities([search(64, censored=True)]))
    assert math.isnan(fit.constant)
    assert (fit.num_points, fit.num_excluded) == (0, 1)


def test_fit_refuses_mixed_outputs():
    points = rows.capacities([search(30), search(40, num_outputs=32)])
    with pytest.raises(ValueError, match="num_outputs"):
        rows.fit_law(points)


def test_families_pool_sizes_but_not_activations_or_rank_fractions():
    low = {"memory": "low_rank", "m": None, "activation": None}
    table = [
        search(30),
        search(60, m=128),
        search(15, d=16),
        search(40, activation="sin"),
        search(9, **low, rank=8),
        search(4, **low, rank=4, d=16),
        search(12, **low, rank=16),
    ]
    sizes = sorted(len(family) for family in rows.families(rows.capacities(table)))
    assert sizes == [1, 1, 2, 3]


def test_predictions():
    trained = only([search(30)])
    expected = float(laws.facts_at(64 * 32, 0.35))
    assert rows.predicted(trained) == (expected, "guide")
    outer = trained._replace(memory="outer_product", trained=False, m=None, d=256)
    assert_allclose(rows.predicted(outer).facts, 1597, atol=0.6)
    half = outer._replace(memory="low_rank", rank=128)
    assert_allclose(
        rows.predicted(half).facts,
        laws.outer_product_facts(256, 0.99, laws.low_rank_energy(0.5)),
    )
    built = rows.predicted(trained._replace(trained=False))
    assert math.isnan(built.facts)
    assert built.status == "none"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"memory": "sign_gates", "m": 260}, features.sign_gate_facts(260, 64)),
        ({"memory": "bilinear", "m": 128}, features.feature_facts(128, 64, 0.99)),
        ({"memory": "relu_features", "m": 128}, features.feature_facts(128, 64, 0.99)),
        (
            {"memory": "hermite", "m": 512, "activation": "hermite2", "degree": 1},
            features.hermite_facts(512, 64, 1),
        ),
        (
            {"memory": "random_low_rank", "m": None, "rank": 16},
            features.hermite_facts(32, 64, 0),
        ),
        ({"memory": "hermite", "m": 512, "activation": "relu", "degree": 1}, math.nan),
        ({"memory": "data_dependent", "m": 128}, math.nan),
    ],
)
def test_predictions_of_constructions(fields, expected):
    point = only([search(30, d=64, trained=False, **fields)])
    assert_allclose(rows.predicted(point).facts, expected)


def test_constructions_have_their_names():
    kinds = [
        {"memory": "hermite", "degree": k, "activation": f"hermite{k + 1}"}
        for k in (0, 1)
    ]
    points = rows.capacities(search(9, trained=False, **kind) for kind in kinds)
    names = [rows.label(point, points) for point in points]
    assert names == ["Hermite MLP, hermite1, k = 0", "Hermite MLP, hermite2, k = 1"]
    fields = {"memory": "random_low_rank", "m": None, "rank": 8}
    random = only([search(9, trained=False, **fields)])
    assert rows.label(random, [random]) == "random rank d/4"
