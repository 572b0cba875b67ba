"""The experiment on where facts are held: lanes, rows, what they add up to, figure."""

import dataclasses
import functools
import io
from typing import Any

import configs_made
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from rich.console import Console

from configs import storage_location as config_file
from recall import experiments
from recall.experiments.storage_location import figure as figure_storage
from recall.experiments.storage_location import lanes as storage_lanes
from recall.experiments.storage_location import measure as storage
from recall.experiments.storage_location import summary as storage_summary
from recall.models import freezing, probing
from recall.pages import terminal
from recall.runs import planning

TINY = {"heads": (1, 2), "m": (0, 4), "seeds": (3,), "d": 6, "head_dim": 2, "size": 3}
SHORT = {"answers": 2, "length": 6, "contexts": 2, "num_steps": 8}


def lanes(**changes):
    made = config_file.get_config("quick")
    made.update_from_flattened_dict(TINY | SHORT | changes)
    job: Any
    (job,) = planning.plan_of(made).batches
    return job


@pytest.fixture(scope="module")
def job():
    return lanes()


@pytest.fixture(scope="module")
def ran(job):
    rows = [row for batch in job.measure(job.lanes) for row in batch]
    return [row | {"experiment": "storage_location"} for row in rows]


# Lanes


def test_four_trainings_share_embeddings_and_differ_in_facts_and_freedom(job):
    lane = job.lanes[-1]
    begun = storage_lanes.starts(lane, (2, 4))
    assert tuple(begun) == storage_lanes.TRAININGS
    free, other, refit, copy = (start.problem for start in begun.values())
    assert_array_equal(free.embeddings.answers, other.embeddings.answers)
    assert_array_equal(free.initial.K, copy.initial.K)
    assert_array_equal(other.world.choices, refit.world.choices)
    assert_array_equal(free.world.choices, copy.world.choices)
    assert jnp.any(free.world.choices != other.world.choices)
    assert_array_equal(copy.initial.V, copy.initial.O)
    frozen = [not all(jax.tree.leaves(start.free)) for start in begun.values()]
    assert frozen == [False, False, True, True]


def test_lanes_side_by_side_and_padded_are_lanes_alone(job, ran):
    lane = dataclasses.replace(job.lanes[0], m=4)
    how = {"sampling": lane.sampling, "architecture": lane.architecture}
    fit = jax.jit(functools.partial(freezing.fit, recipe=lane.recipe, **how))
    attention: Any = None
    for name, start in storage_lanes.starts(lane, (1, 4)).items():
        problem = start.problem
        if name == "refit":
            begun = attention._replace(mlp=problem.initial.mlp)
            problem = problem._replace(initial=begun)
        found = fit(problem, start.free, jnp.float32(lane.learning_rate))
        attention = found.params if name == "free" else attention
        (row,) = [
            row
            for row in ran
            if (row["kind"], row["search"]) == ("model", lane.digest())
            and row["training"] == name
        ]
        assert row["loss"] == pytest.approx(float(found.loss), rel=1e-4)


def test_padding_stays_silent(job):
    lane = job.lanes[0]
    fits = storage.trained([lane], job.width)[1]
    for name in storage_lanes.TRAININGS:
        ended = jax.tree.map(lambda x: x[0], fits[name].params)
        assert all(not jnp.any(weights[1:]) for weights in ended[:4])
        assert not jnp.any(ended.mlp.W)


def test_the_refit_model_keeps_the_attention_of_the_free_one(job):
    fits = storage.trained(job.lanes[-1:], job.width)[1]
    assert_array_equal(fits["refit"].params.O[0], fits["free"].params.O[0])
    assert jnp.any(fits["refit"].params.mlp.V[0] != fits["other"].params.mlp.V[0])
    copies = storage_lanes.starts(job.lanes[-1], job.width)["copy"].problem.initial
    assert_array_equal(fits["copy"].params.V[0], copies.V)


# Rows


def test_rows_tell_every_training_ablation_and_swap(job, ran):
    for lane in job.lanes:
        own = [row for row in ran if row["search"] == lane.digest()]
        kinds = [row["kind"] for row in own]
        every = len(storage_lanes.TRAININGS)
        probes = every * len(probing.ABLATIONS) + len(storage_lanes.SWAPS)
        assert (kinds.count("model"), kinds.count("probe")) == (every, probes)
        assert kinds[-1] == "run"
    keys = [row["key"] for row in ran]
    assert len(set(keys)) == len(keys)
    models = [row for row in ran if row["kind"] == "model"]
    assert all(row["conservation"] < 1e-5 for row in models)
    for row in models:
        if row["accuracy"]:
            shares = [row[f"held_{part}_zero"] for part in storage_summary.HOLDERS]
            assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_scores_of_each_fact_are_a_row(job, ran):
    for row in [row for row in ran if row["kind"] == "facts"]:
        (whole,) = [
            r
            for r in ran
            if (r["kind"], r["search"], r.get("training"))
            == ("model", row["search"], "free")
        ]
        for part in ("attention", "mlp"):
            scores = row[f"{part}_rival"]
            assert len(scores) == 9
            median = whole[f"{part}_rival_median"]
            assert np.median(scores) == pytest.approx(median, abs=1e-4)


def test_without_an_mlp_attention_has_it_all(ran):
    for row in ran:
        if row["m"] == 0 and row["kind"] == "model":
            assert row["mlp_share_nothing"] == 0
        if row["m"] == 0 and row.get("ablation") == "mlp_zero":
            assert row["kept"] in (1, None)  # None where nothing was recalled


def test_a_row_counts_the_weights_of_each_part(ran):
    row = ran[-1]
    assert (row["heads"], row["m"], row["n"]) == (2, 4, 9)
    assert row["attention_parameters"] == 4 * 2 * 2 * 6
    assert row["mlp_parameters"] == 2 * 4 * 6
    assert row["parameters"] == 96 + 48


def test_finished_lanes_are_not_run_again(job):
    assert list(job.run([], {lane.digest() for lane in job.lanes})) == []


def test_rows_tell_of_the_ablations_that_are_asked_for(job, ran):
    lane = dataclasses.replace(job.lanes[-1], ablations=("mlp_zero", "ov_copy"))
    told = storage.side_by_side([lane], job.width)
    probes = [row["ablation"] for row in told if row["kind"] == "probe"]
    assert sorted(set(probes)) == ["mlp_zero", "ov_copy"]
    found = {row["training"]: row["accuracy"] for row in told if row["kind"] == "model"}
    assert found == {name: ran[-1][f"{name}_accuracy"] for name in found}


def test_lanes_of_about_as_many_heads_share_a_job():
    made = config_file.get_config("cpu")
    jobs: Any = planning.plan_of(made).batches
    widths = {job.width: len(job.lanes) for job in jobs}
    assert widths == {(2, 48): 60, (4, 48): 30, (8, 48): 60, (12, 48): 30}


# What rows add up to


def told(heads, m, seed=0, training="free", accuracy=1.0, **more):
    same = {"d": 8, "head_dim": 2, "size": 4, "answers": 2, "n": 16, "num_steps": 8}
    same |= {"activation": "relu", "embedding": "gaussian", "conservation": 1e-7}
    same |= {"heads": heads, "m": m, "seed": seed, "experiment": "storage_location"}
    same |= {"training": training, "accuracy": accuracy, "search": f"{heads}{m}{seed}"}
    held = {f"held_{part}_zero": 0.25 for part in storage_summary.HOLDERS}
    held |= {"head_participation": 1.5, "sum_participation": 3.0}
    row = same | held | {"kind": "model", "mlp_share_rival": m / 8} | more
    shares = {"relation_accuracy": 1.0, "kept": 1 - m / 10, "other_accuracy": 0.5}
    names = (*probing.ABLATIONS, *storage_lanes.SWAPS)
    probes = [
        same | shares | {"kind": "probe", "ablation": name}
        for name in (names if training == "free" else probing.ABLATIONS)
    ]
    return [row, *probes, same | {"kind": "run"}]


def by_hand():
    rows = []
    for H in (1, 2):
        for m in (0, 4, 8):
            for seed, accuracy in enumerate((1.0, 0.95, 0.2 if H == 1 else 1.0)):
                rows += told(H, m, seed, accuracy=accuracy - (m == 0) * 0.5)
                rows += told(H, m, seed, "copy", accuracy=m / 8)
    return rows


def test_a_grid_is_of_medians_over_seeds():
    cells = storage_summary.grid(by_hand())
    assert_array_equal(cells.attention, [64, 128])
    assert_array_equal(cells.mlp, [0, 64, 128])
    assert_allclose(cells.share, [[0, 1 / 2, 2 / 3], [0, 1 / 3, 1 / 2]])
    assert_allclose(cells.median("free.accuracy")[0], [0.45, 0.95, 0.95])
    assert_array_equal(cells.able, [[False, True, True]] * 2)
    assert_allclose(cells.median("copy.accuracy")[1], [0, 0.5, 1])
    missing = storage_summary.grid(by_hand()[:-26])
    assert np.isnan(missing.median("copy.accuracy")[-1, -1]) or missing.facts == 16


def test_trends_are_over_cells_that_recall_enough():
    cells = storage_summary.grid(by_hand())
    found = storage_summary.trend(cells, "free.mlp_share_rival")
    assert (found.cells, found.low, found.high) == (4, 0.5, 1.0)
    assert found.rank_correlation == pytest.approx(0.5**0.5)
    flat = storage_summary.trend(cells, "free.held_mlp_zero")
    assert np.isnan(flat.rank_correlation)
    assert storage_summary.over_cells(cells, "free.mlp_zero.kept")[0] == pytest.approx(
        0.4
    )


def test_what_a_width_holds_is_a_range_over_heads():
    found = storage_summary.by_units(storage_summary.grid(by_hand()), "copy.accuracy")
    assert found == [(4, 0.5, 0.5, 0.5), (8, 1.0, 1.0, 1.0)]


def test_rows_of_two_kinds_make_no_grid():
    with pytest.raises(ValueError, match="Expected rows of storage of one d"):
        storage_summary.grid(told(1, 4) + told(1, 4, d=9))


def test_the_table_says_so():
    file = io.StringIO()
    terminal.print_report(by_hand(), Console(file=file, width=150))
    text = file.getvalue()
    assert "4 of 6 sizes recall 90% of 16 facts" in " ".join(text.split())
    line = next(x for x in text.splitlines() if "mlp zero" in x)
    assert "0.400 (0.20 to 0.60)" in line
    assert "mlp refit" in text


def test_the_figure_has_six_maps_and_three_summaries():
    drawn = experiments.draw("storage_location", by_hand())
    panels = [axes for axes in drawn.axes if axes.get_title(loc="left")]
    assert len(panels) == 9
    for axes, chosen in zip(panels, figure_storage.MAPS, strict=False):
        (image,) = axes.images
        cells = storage_summary.grid(by_hand())
        shown: Any = image.get_array()
        wanted = np.where(
            cells.able | (not chosen.able), cells.median(chosen.name), np.nan
        )
        assert_allclose(np.ma.filled(shown, np.nan), wanted)
    with pytest.raises(ValueError, match="Expected rows of storage"):
        experiments.draw("storage_location", [])


# Its config

HELD = "storage_location"
WRONG = [
    (HELD, {"ablations": ("mlp_one",)}, ["ablations", "'mlp_one'", "'mlp_swap'"]),
    (HELD, {"ablations": ()}, ["ablations", "()", "at least one"]),
    (HELD, {"heads": (0,)}, ["heads to be", "0", ">= 1"]),
    (HELD, {"m": (-1,)}, ["m to be", "-1", ">= 0"]),
    (HELD, {"m": (8, 8)}, ["m to hold", "(8, 8)", "distinct"]),
    (HELD, {"head_dim": 32}, ["d >= head_dim + 1 = 33", "d=32"]),
    (HELD, {"head_dim": 0}, ["head_dim", "0", ">= 1"]),
    (HELD, {"size": 1}, ["size", "1", ">= 2"]),
    (HELD, {"answers": 1}, ["answers", "1", ">= 2"]),
    (HELD, {"length": 3}, ["length", "3", ">= 4"]),
    (HELD, {"contexts": 0}, ["contexts", "0", ">= 1"]),
    (HELD, {"embedding": "cube"}, ["embedding", "'cube'", "'gaussian'"]),
    (HELD, {"activation": "step"}, ["activation", "'step'", "'relu'"]),
    (HELD, {"learning_rate": 0.0}, ["learning_rate", "0.0", "(0, inf)"]),
    (HELD, {"num_steps": 0}, ["num_steps", "0", ">= 1"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
