"""A run reproduces another where its medians lie in the other's ranges."""

import math

from recall.stats import comparison


def search(seed, capacity, d=8, **fields):
    row = {"memory": "linear", "d": d, "m": None, "seed": seed, "search": f"s{seed}"}
    return {**row, "kind": "capacity", "capacity": capacity, "key": f"{seed}", **fields}


def named(values):
    return {value.name: value for value in values}


def test_results_are_gathered_over_seeds_by_what_stands_before_kind():
    rows = [search(0, 10), search(1, 14), search(2, 11), search(0, 99, d=16)]
    found = named(comparison.values(rows))
    same = "memory=linear d=8 kind=capacity capacity"
    assert found[same] == comparison.Value(same, 11.0, 10.0, 14.0, 3)
    assert found["memory=linear d=16 kind=capacity capacity"].median == 99


def test_times_and_provenance_are_no_results():
    row = search(0, 10, wall_seconds=3.0, device="cpu", git_commit="abc")
    assert len(comparison.values([row])) == 1


def test_of_a_curve_the_last_check_of_each_seed_counts():
    curve = [search(0, 0, kind="trace", accuracy=a) for a in (0.1, 0.5, 0.9)]
    found = named(comparison.values(curve))
    assert found["memory=linear d=8 kind=trace accuracy"].median == 0.9


def test_probes_of_a_search_are_left_out_and_those_of_one_size_are_not():
    probe = search(0, 3, kind="probe")
    assert not comparison.values([probe | {"method": "bisect"}])
    assert comparison.values([probe | {"method": "single"}])


def test_a_median_outside_the_widened_range_deviates():
    reference = named(comparison.values([search(0, 100), search(1, 110)]))
    inside = comparison.values([search(0, 112)])  # 2 % of the median, 105, beyond 110
    outside = comparison.values([search(0, 113)])
    assert not comparison.deviations(inside, reference)
    assert [pair[0].median for pair in comparison.deviations(outside, reference)] == [
        113
    ]


def test_nan_agrees_with_nan_only():
    reference = named(comparison.values([search(0, math.nan)]))
    assert not comparison.deviations(
        comparison.values([search(1, math.nan)]), reference
    )
    assert comparison.deviations(comparison.values([search(1, 3)]), reference)


def test_settings_that_were_never_run_are_not_compared():
    reference = named(comparison.values([search(0, 10)]))
    assert not comparison.deviations(comparison.values([search(0, 50, d=9)]), reference)
