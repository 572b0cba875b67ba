"""Learned embeddings: what moves, the widths that facts take, what survives."""

import dataclasses
import functools
import math
from typing import Any

import configs_made
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall import embeddings, training
from recall.experiments.learned_embeddings import figure, parts, transformer_survival
from recall.experiments.learned_embeddings import lanes as learned_lanes
from recall.experiments.learned_embeddings import measure as learned_jobs
from recall.experiments.learned_embeddings import memories as learned
from recall.experiments.learned_embeddings import summary as learned_summary
from recall.experiments.learned_embeddings import survival as survival_jobs
from recall.experiments.learned_embeddings import table as report
from recall.experiments.learned_embeddings import transformers as learned_transformer
from recall.memories import linear

FIELDS: dict[str, Any] = {
    "memory": "linear",
    "mode": "both",
    "facts": 12,
    "num_outputs": None,
    "seed": 0,
    "learning_rate": 0.1,
    "num_steps": 64,
    "check_every": 16,
}


def width_lane(**changes):
    own: dict[str, Any] = FIELDS | {"expected": 4, "most": 8} | changes
    return learned_lanes.WidthLane(**own)


def survival_lane(**changes):
    own: dict[str, Any] = FIELDS | {"d": 8} | changes
    return learned_lanes.SurvivalLane(**own)


def rows_of(job):
    return [row for rows in job.measure(job.lanes) for row in rows]


@pytest.fixture(scope="module")
def rows():
    """Widths and survival of frozen and of learned embeddings, two seeds."""
    found = []
    for mode in ("frozen", "both"):
        some = [width_lane(mode=mode, seed=s) for s in (0, 1)]
        found += rows_of(learned_jobs.WidthBatch(lanes=tuple(some)))
        some = [survival_lane(mode=mode, seed=s) for s in (0, 1)]
        found += rows_of(survival_jobs.SurvivalBatch(lanes=tuple(some)))
    return found


# What is trivial


@pytest.mark.parametrize("count", [3, 64, 1000])
def test_two_learned_dimensions_hold_any_number_of_injective_facts(count):
    angles = 2 * jnp.pi * jnp.arange(count) / count
    points = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
    parts = learned.Parts(points, linear.Params(W=jnp.eye(2)), points)
    assert learned.accuracy(parts, jnp.arange(count)) == 1.0


def test_learned_inputs_alone_hold_any_map_of_random_outputs():
    outputs = learned.draw(
        jax.random.key(0),
        jnp.int32(3),
        memory="linear",
        num_facts=2,
        num_outputs=16,
        room=3,
    ).outputs
    targets = jax.random.randint(jax.random.key(1), (500,), 0, 16)
    parts = learned.Parts(outputs[targets], linear.Params(W=jnp.eye(3)), outputs)
    assert learned.accuracy(parts, targets) == 1.0


# Training


@pytest.mark.parametrize("memory", learned_lanes.MEMORIES)
def test_what_does_not_move_stays_and_so_do_coordinates_beyond_d(memory):
    lane = survival_lane(memory=memory, mode="inputs", num_outputs=4)
    problem = lane.problem(jnp.int32(5), 8)
    recipe = training.Recipe(num_steps=16, check_every=16)
    step = functools.partial(learned.advance, recipe=recipe)
    fit = parts.solve(problem, jnp.int32(16), step)
    first, last = problem.initial, fit.params
    np.testing.assert_array_equal(first.outputs, last.outputs)
    assert not np.allclose(first.inputs, last.inputs)
    assert not np.allclose(first.weights.W, last.weights.W)
    assert not np.any(np.asarray(last.inputs)[:, 5:])
    units = 5 if memory == "linear" else 5 * learned.UNITS
    assert not np.any(np.asarray(last.weights.W)[:, 5:])
    assert not np.any(np.asarray(last.weights.W)[units:])
    norms = np.linalg.norm(np.asarray(first.inputs), axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-6)


def test_rows_are_shuffled_by_orders_of_their_own():
    rows = jnp.arange(50)
    one, other = parts.shuffled(jax.random.key(0), (rows, rows))
    assert sorted(one.tolist()) == sorted(other.tolist()) == rows.tolist()
    assert one.tolist() != other.tolist()
    assert one.tolist() != rows.tolist()


def test_a_budget_of_nothing_is_idle():
    problem = survival_lane().problem(jnp.int32(8), 8)
    step = functools.partial(learned.advance, recipe=survival_lane().recipe())
    fit = parts.solve(problem, jnp.int32(0), step)
    assert int(fit.steps) == 0


def test_numbers_are_counted_with_the_tables_that_are_learned():
    assert width_lane(mode="frozen").numbers(5) == 25
    assert width_lane(mode="inputs").numbers(5) == 25 + 60
    assert width_lane(mode="both", num_outputs=4).numbers(5) == 25 + 60 + 20
    units = learned.UNITS * 5
    assert width_lane(memory="mlp", mode="frozen").numbers(5) == units * 11


# Rows


def test_the_smallest_width_stores_and_the_next_does_not(rows):
    for end in learned_summary.ends(rows, "width"):
        mine = [r for r in rows if r["search"] == end["search"] and "d" in r]
        probes = {r["d"]: r["stored"] for r in mine if r["kind"] == "probe"}
        assert end["num_probes"] == len(probes)
        assert min(d for d, stored in probes.items() if stored) == end["d"]
        assert end["d"] == 1 or probes[end["d"] - 1] is False


def test_learned_embeddings_need_a_smaller_width(rows):
    found = {w.kind[1]: w for w in learned_summary.widths(rows)}
    assert found["both"].d[0] < found["frozen"].d[0]
    assert found["both"].per_parameter[0] < found["both"].per_weight[0]
    assert found["frozen"].per_parameter[0] == found["frozen"].per_weight[0]


def test_a_width_that_is_never_enough_is_censored():
    lane = width_lane(mode="frozen", facts=40, expected=2, most=2)
    end = rows_of(learned_jobs.WidthBatch(lanes=(lane,)))[-1]
    assert end["censored"]
    assert end["d"] is end["weights"] is None
    (found,) = learned_summary.widths([end])
    assert math.isinf(found.d[0])


def test_a_part_that_never_moved_may_be_put_back(rows):
    survived = learned_summary.survival(rows)
    whole = [r["accuracy"] for r in learned_summary.ends(rows, "survival")]
    assert min(whole) > 0.9
    kind = ("linear", "frozen", None)
    assert survived[(*kind, "inputs", "reset")] > 0.9
    assert survived[(*kind, "inputs", "redraw")] < 0.5
    assert survived[(*kind, "weights", "reset")] < 0.5
    assert survived[(*kind, "inputs", "retrain others")] > 0.9
    assert survived[(*kind, "weights", "retrain others")] < 0.5  # nothing else moves


def test_facts_that_embeddings_hold_come_back_without_the_weights(rows):
    survived = learned_summary.survival(rows)
    both = ("linear", "both", None)
    assert survived[(*both, "weights", "retrain others")] > 0.9


def test_geometry_is_traced_from_before_training_to_its_end(rows):
    traces = learned_summary.geometry(rows)
    points = traces[("linear", "both", None, "inputs_rms_overlap")]
    assert [step for step, _ in points] == [0, 16, 32, 64]
    lane = survival_lane(mode="both")
    first = lane.problem(jnp.int32(8), 8).initial.inputs
    other = dataclasses.replace(lane, seed=1).problem(jnp.int32(8), 8).initial.inputs
    measured = [float(embeddings.coherence(x).rms_overlap) for x in (first, other)]
    assert points[0][1] == pytest.approx(np.median(measured), rel=1e-3)


def test_keys_of_rows_are_their_own(rows):
    assert len({row["key"] for row in rows}) == len(rows)


# Transformers


def transformer_lane(**changes):
    own = {"mode": "inputs", "size": 3, "answers": 2, "d": 6, "heads": 2}
    own |= {"head_dim": 2, "m": 4, "seed": 0, "learning_rate": 0.03}
    return transformer_survival.TransformerLane(
        **own | {"num_steps": 8, "changed": True} | changes
    )


def test_a_part_of_a_transformer_is_swapped_alone():
    lane = transformer_lane()
    one, other = lane.start().initial, lane.other()
    seen = {name: 0 for name in learned_transformer.Parts._fields}
    for part in seen:
        moves = parts.moving(learned_transformer.Parts, (part,))
        mixed = parts.chosen(moves, one, other)
        for x, y, z in zip(*map(jax.tree.leaves, (one, other, mixed)), strict=True):
            seen[part] += bool(np.array_equal(x, z) and not np.array_equal(x, y))
            assert np.array_equal(x, z) or np.array_equal(y, z)
    assert list(seen.values()) == [4, 2, 2, 2, 1]  # biases are zero in both


def test_a_transformer_s_job_tells_what_survives_and_its_end():
    found = rows_of(transformer_survival.TransformerBatch(lanes=(transformer_lane(),)))
    *probes, end = found
    assert len(probes) == 5 * 4
    assert {r["part"] for r in probes} == set(learned_transformer.Parts._fields)
    told = {(r["part"], r["change"]): r["accuracy"] for r in probes}
    assert told["outputs", "reset"] == end["accuracy"]  # they never moved
    assert end["kind"] == "run"
    assert end["parameters"] == end["weights"] + 6 * (4 * 3 + 1)
    assert end["steps"] == 8
    assert end["inputs_rms_overlap_first"] != end["inputs_rms_overlap_last"]
    assert end["outputs_rms_overlap_first"] == end["outputs_rms_overlap_last"]


# What rows add up to


def test_growth_finds_powers_and_logarithms():
    found = learned_summary.Widths(
        kind=("linear", "both", None),
        facts=np.array([64.0, 256.0, 1024.0]),
        d=np.array([8.0, 16.0, 32.0]),
        low=np.zeros(3),
        high=np.zeros(3),
        per_weight=np.ones(3),
        per_parameter=np.ones(3),
        seeds=5,
    )
    power = learned_summary.growth(found)
    assert power.power == pytest.approx(0.5)
    assert power.power_error < 1e-9 < power.rate_error
    straight = learned_summary.growth(found._replace(d=np.array([2.0, 4.0, 6.0])))
    assert straight.rate == pytest.approx(2 / math.log(4))
    assert straight.rate_error < 1e-9
    few = found._replace(facts=found.facts[:2], d=found.d[:2])
    assert math.isnan(learned_summary.growth(few).power)


def test_tables_and_figures_show_all_of_it(rows):
    assert len(report.widths_lines(rows)) == 2
    assert len(report.survival_lines(rows)) == 2 * 3
    assert any("rms overlap" in line[2] for line in report.geometry_lines(rows))
    drawn = figure.draw(rows)
    assert len(drawn.axes) == 6
    with pytest.raises(ValueError, match="Expected rows of widths or of changed"):
        figure.draw([])


# Its config

LEARNED = "learned_embeddings"
WRONG = [
    (LEARNED, {"parts": ("heads",)}, ["parts", "'heads'", "'survival'"]),
    (LEARNED, {"modes": ("all",)}, ["modes", "'all'", "'both'"]),
    (LEARNED, {"memories": ("cnn",)}, ["memories", "'cnn'", "'mlp'"]),
    (LEARNED, {"facts": (1,)}, ["facts", "1", ">= 2"]),
    (LEARNED, {"facts_frozen": (1,)}, ["facts_frozen", "1", ">= 2"]),
    (LEARNED, {"num_outputs": (1,)}, ["num_outputs", "1", ">= 2"]),
    (LEARNED, {"num_steps": 100}, ["check_every", "num_steps=100", "=32"]),
    (LEARNED, {"learning_rate": 0.0}, ["learning_rate", "0.0", "(0, inf)"]),
    (LEARNED, {"survival__d": 1}, ["survival.d", "1", ">= 2"]),
    (LEARNED, {"transformer__answers": 1}, ["transformer.answers", "1", ">= 2"]),
    (LEARNED, {"transformer__m": 0}, ["transformer.m", "0", ">= 1"]),
    (LEARNED, {"transformer__sizes": (1,)}, ["transformer.sizes", "1", ">= 2"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
