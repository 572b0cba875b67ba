"""Large memories: their rows, what they cost, and what steps add up to."""

from typing import Any

import configs_made
import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks import scaling as benchmark
from benchmarks import scaling_summary, scaling_table
from configs import large_memory as config_file
from recall.experiments.large_memory import measure as large_memories
from recall.experiments.large_memory import plan as large_memory
from recall.experiments.large_memory import summary as large_summary
from recall.experiments.large_memory import table as large_report
from recall.theory import costs


def jobs_of(*memories, **fields):
    made: Any = config_file.get_config("quick")
    made.memories, made.chunk = memories, 16
    made.update(fields)
    return large_memory.plan_of(made).batches


@pytest.fixture(scope="module")
def rows():
    """Rows of a construction on one device and on two."""
    some = jobs_of(("outer_product", 16, 0, 200))
    return [row for job in some for step in steps(job) for row in step.rows]


def steps(job):
    return list(job.run(jax.devices()))


def test_a_memory_is_the_same_on_any_number_of_devices(rows):
    ends = [row for row in rows if row["kind"] == "run"]
    assert [row["devices"] for row in ends] == [1, 2]
    assert ends[0]["correct"] == ends[1]["correct"]
    assert 0 < ends[0]["accuracy"] < 1
    assert_allclose(ends[0]["loss"], ends[1]["loss"], rtol=1e-5)
    assert len({row["key"] for row in rows}) == len(rows) == 4


def test_a_device_holds_less_if_there_are_more(rows):
    one, two = (row for row in rows if row["kind"] == "run")
    for column in ("argument_bytes", "temporary_bytes", "held_bytes"):
        assert two[column] < one[column]
    for row in (one, two):
        compiled = row["argument_bytes"] + row["temporary_bytes"]
        assert 0.4 < compiled / row["held_bytes"] < 2.5
    assert (one["ring_bytes"], two["ring_bytes"]) == (0, 4 * 105 * 16)
    assert one["peak_bytes"] is None  # nobody counts on a CPU


def test_training_that_diverges_ends_at_once_and_says_so():
    rates = {"linear": 1e38, "mlp": 1.0}
    (job,) = jobs_of(("linear", 4, 0, 20), parts=(1,), learning_rates=rates)
    (row,) = steps(job)[-1].rows
    assert row["finite"] is False
    assert row["steps"] == job.lanes[0].check_every


def test_a_report_has_a_line_for_each_memory_and_number_of_devices(rows):
    (made,) = large_report.tables(rows)
    lines = made.rows
    assert [line[4] for line in lines] == ["1", "2"]
    assert lines[0][:4] == ["outer product", "16", "-", "200"]
    (one, two) = large_summary.summaries(rows)
    assert one.held > two.held
    assert len(made.columns) == len(lines[0])


def test_held_bytes_count_hidden_units_if_they_are_more_than_scores():
    wide, narrow = jobs_of(("mlp", 4, 512, 64), ("mlp", 4, 4, 64), parts=(2,))[::-1]
    held = [large_memories.cost(j.lanes[0].settings, 2).held for j in (wide, narrow)]
    rows = 32
    weights = 2 * 4 * 512 + 512
    assert held[0] == 4 * (6 * rows * 4 + 3 * rows * 512 + 4 * weights)
    assert held[1] < held[0] / 4


# What steps cost

RATES = costs.Machine(step=5e-5, flops=2e10, bytes=8e9)


def measured(memory, count, devices, work, **widths):
    row = dict.fromkeys(("m", "heads", "head_dim"))
    seconds = count / devices * costs.seconds(work, RATES)
    row |= {"kind": "lanes", "memory": memory, "d": 8, "n": 10, **widths}
    row |= {"lanes": count, "devices": devices, "seconds": seconds}
    row["product_flops"] = devices * 4e10
    return row | {"flops": work.flops, "bytes": work.bytes}


def table():
    works = [costs.Work(1, 10.0**p, 4e5 * (p % 3)) for p in range(4, 10)]
    told = [
        measured("linear", count, devices, work, d=8 + index)
        for index, work in enumerate(works)
        for count, devices in ((1, 1), (4, 1), (4, 2))
    ]
    sweep = {"kind": "sweep", "flops": None}
    for devices, warm, seconds in ((1, False, 9), (1, True, 6), (1, True, 8)):
        told.append(sweep | {"devices": devices, "warm": warm, "seconds": seconds})
    told.append(sweep | {"devices": 2, "warm": False, "seconds": 6})
    told.append(sweep | {"devices": 2, "warm": True, "seconds": 4})
    for launcher, seconds in (("local", 50), ("dask", 54), ("dask", 56)):
        told.append({"kind": "launchers", "launcher": launcher, "seconds": seconds})
    grid = {"kind": "grid", "experiment_of": "mlp_capacity", "searches": 40, "cells": 4}
    grid |= {"steps": 4e4, "flops": 4e15, "bytes": 4e12}
    grid |= {"longest_steps": 1000.0, "longest_flops": 4e14}
    weak = {"kind": "weak", "devices": 2, "n": 10, "seconds": 1.0, "flops": 5e8}
    return [*told, grid, weak | {"sent": 8, "summed": 4}]


def test_rates_of_a_core_are_found_again():
    core = scaling_summary.fitted(table())
    assert_allclose(core.machine[:3], RATES[:3], rtol=1e-6)
    assert len(core.rows) == 6
    assert core.error < 1e-6


def test_a_grid_is_divided_until_its_longest_search_is_left():
    one, eight, most = scaling_summary.grids(table())
    assert (one.devices, eight.devices, most.devices) == (1, 8, 256)
    machine = scaling_summary.accelerator(1)
    assert machine.flops == costs.H100.flops / 2
    whole = costs.seconds(costs.Work(4000, 4e15, 4e12), machine)
    assert_allclose(one.seconds, whole)
    assert_allclose(eight.seconds, costs.seconds(costs.Work(4000, 5e14, 5e11), machine))
    last = costs.seconds(costs.Work(1000, 4e14, 4e11), scaling_summary.accelerator(256))
    assert_allclose(most.seconds, last)


def test_large_memories_are_predicted_to_need_several_devices():
    told = {
        (one.what.split(",")[0], one.devices): one for one in scaling_summary.large()
    }
    assert not told["d = 4096", 1].fits
    assert told["d = 4096", 8].fits
    ratio = told["d = 4096", 1].seconds / told["d = 4096", 8].seconds
    assert 7.5 < ratio <= 8.1
    assert told["d = 256", 256].limit == "collectives"


def test_all_of_it_is_said():
    text = "\n".join(made.markdown() for made in scaling_table.tables(table()))
    assert "| warm, median of several | 7.0 s | 4.0 s | 1.75 |" in text
    assert "| 2 commands each | 50.0 s | 55.0 s | +10% |" in text
    assert "20 Gflop/s, 8 GB/s; half of the steps are within 0%" in text
    assert "| linear d=8 | 4 | 2 |" in text
    assert "| linear d=13 | 1 | 19.98 | 50.0% |" in text  # as fast alone as among four
    assert "| mlp_capacity | 256 |" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(90.0, "1.5 min"), (86400.0 * 3, "3 days"), (0.002, "2 ms"), (2e-5, "20 us")],
)
def test_durations(seconds, text):
    assert scaling_table.duration(seconds) == text


def test_the_work_of_a_grid_is_that_of_its_searches():
    found = {row["experiment_of"]: row for row in benchmark.rows(["grid"], tiny=True)}
    assert found.keys() == benchmark.GRIDS.keys()
    row = found["mlp_capacity"]
    assert row["steps"] == pytest.approx(row["searches"] * 2.2 * 8192)
    assert row["longest_flops"] < row["flops"]
    assert np.isfinite(row["bytes"])


def test_steps_of_lanes_are_measured():
    search = benchmark._searches(tiny=True)[0]
    row = benchmark._lanes_row(search, 2, jax.devices()[:2])
    assert (row["lanes"], row["devices"], row["n"]) == (2, 2, 10)
    assert 0 < row["seconds"] < 1


# Its config

LARGE = "large_memory"
WRONG = [
    (LARGE, {"memories": (("linear", 8, 0),)}, ["memories", "tuples", "('linear', 8"]),
    (LARGE, {"memories": (("tree", 8, 0, 9),)}, ["memories", "'tree'", "'linear'"]),
    (LARGE, {"memories": (("linear", 0, 0, 9),)}, ["d of memories", "0", ">= 1"]),
    (LARGE, {"memories": (("linear", 8, 8, 9),)}, ["m of memories", "8", "[0, 0]"]),
    (LARGE, {"memories": (("mlp", 8, 0, 9),)}, ["m of memories", "0", ">= 1"]),
    (LARGE, {"memories": (("linear", 8, 0, 1),)}, ["facts of memories", "1", "[2, "]),
    (LARGE, {"parts": (-1,)}, ["parts", "-1", ">= 0"]),
    (LARGE, {"chunk": 0}, ["chunk", "0", ">= 1"]),
    (LARGE, {"check_every": 33}, ["check_every", "num_steps.linear=2048", "33"]),
    (LARGE, {"learning_rates__mlp": 0.0}, ["learning_rates.mlp", "0.0", "(0, inf)"]),
    (LARGE, {"embedding": "orthonormal_blocks"}, ["embedding", "'sphere'"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
