"""Memories of Zipf facts: their exact loss, the bound, exponents."""

import math

import configs_made
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall import facts, readout, training
from recall.experiments.scaling_law import figure
from recall.experiments.scaling_law import lanes as zipf_lanes
from recall.experiments.scaling_law import measure as zipf_jobs
from recall.experiments.scaling_law import summary as zipf_summary
from recall.experiments.scaling_law import table as report
from recall.experiments.scaling_law import training as zipf_training
from recall.memories import linear
from recall.theory import bounds

FIELDS = {
    "d": 6,
    "m": 0,
    "activation": "",
    "facts": 96,
    "outputs": 8,
    "alpha": 1.5,
    "learning_rates": (3.0, 10.0),
    "shares": (),
    "powers": (1.0,),
    "num_steps": 96,
    "bits": (2, 3, 8),
    "loop_bits": (2, 3),
    "loop_steps": 32,
}


def lane(memory="linear", way="trained", seed=0, **changes):
    own = {"memory": memory, "way": way, "seed": seed}
    if memory == "mlp":
        own |= {"m": 4, "activation": "relu", "learning_rates": (0.1,)}
    if way.endswith("top"):
        own |= {"shares": (0.1, 0.2, 0.3), "powers": (0.5,)}
    if way.startswith("outer"):
        own |= {"learning_rates": (0.0,), "powers": (0.0, 0.5), "loop_bits": ()}
    return zipf_lanes.ZipfLane(**FIELDS | own | changes)


def rows_of(*lanes):
    job = zipf_jobs.ZipfBatch(lanes=lanes)
    return [row for rows in job.measure(job.lanes) for row in rows]


@pytest.fixture(scope="module")
def rows():
    """All methods, at two sizes, of two seeds."""
    both = (0, 1)
    found = []
    for way in zipf_lanes.METHODS:
        for d in (4, 6):
            found += rows_of(*(lane("linear", way, seed, d=d) for seed in both))
    return found + rows_of(*(lane("mlp", "trained_top", seed) for seed in both))


# The loss


def task(num=12, outputs=5, d=12, alpha=1.5):
    keys = jax.random.split(jax.random.key(0), 2)
    probs = bounds.zipf(num, alpha)
    rest = np.append(np.cumsum(probs[::-1])[::-1], 0.0)
    given = facts.of(
        jnp.eye(num, d),
        jax.random.normal(keys[0], (outputs, d)),
        jax.random.randint(keys[1], (num,), 0, outputs),
    )
    arrays = (jnp.asarray(x, jnp.float32) for x in (probs, rest))
    return zipf_training.Task(given, *arrays)


def test_the_population_loss_is_that_of_the_plain_softmax():
    given = task()
    recalled = jax.random.normal(jax.random.key(3), (12, 12))
    scores = np.asarray(readout.scores(recalled, given.facts), float)
    right = scores[np.arange(12), np.asarray(given.facts.targets)]
    own = np.log(np.exp(scores).sum(1)) - right
    probs = bounds.zipf(12, 1.5)
    for known in (0, 5, 12):
        wanted = probs[:known] @ own[:known] + probs[known:].sum() * math.log(5)
        found = zipf_training.population_loss(recalled, given, jnp.int32(known))
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_facts_that_are_cut_count_as_much_as_those_that_are_not():
    whole, recalled = task(), jax.random.normal(jax.random.key(3), (12, 12))
    cut = zipf_training.Task(
        facts.of(whole.facts.inputs[:7], whole.facts.outputs, whole.facts.targets[:7]),
        whole.probs[:7],
        whole.rest[:8],
    )
    loss = zipf_training.population_loss
    np.testing.assert_allclose(
        loss(recalled[:7], cut, jnp.int32(5)),
        loss(recalled, whole, jnp.int32(5)),
        rtol=1e-6,
    )


def test_with_equal_probs_and_all_known_it_is_the_mean_cross_entropy():
    given = task(alpha=1e-9)
    recalled = jax.random.normal(jax.random.key(3), (12, 12))
    np.testing.assert_allclose(
        zipf_training.population_loss(recalled, given, jnp.int32(12)),
        readout.cross_entropy(recalled, given.facts),
        rtol=1e-5,
    )


def test_an_outer_product_of_orthonormal_inputs_loses_what_is_left_out():
    given = task()
    tried = zipf_training.Try(jnp.float32(0), jnp.int32(7), jnp.float32(0))
    made = zipf_training.outer_product(given, linear.Params(jnp.zeros((12, 12))), tried)
    recalled = linear.apply(made, given.facts.inputs)
    found = zipf_training.population_loss(recalled, given, jnp.int32(7))
    left = float(given.rest[7]) * math.log(5)
    assert (
        left * (1 - 1e-6) <= float(found) < left + 1e-3
    )  # inputs do not interfere at all


def test_training_descends_the_loss_of_the_facts_that_are_known():
    given = task()
    tried = zipf_training.Try(jnp.float32(1), jnp.int32(7), jnp.float32(1))
    first = linear.init(jax.random.key(1), 12)
    recipe = training.Recipe(num_steps=64, check_every=64, cosine=True)
    made = zipf_training.fit(given, first, tried, apply=linear.apply, recipe=recipe)
    left = float(given.rest[7]) * math.log(5)
    recalled = linear.apply(made, given.facts.inputs)
    found = zipf_training.population_loss(recalled, given, jnp.int32(7))
    assert left * (1 - 1e-6) < float(found) < left + 0.05
    unknown = np.asarray(made.W)[:, 7:]  # inputs that were never read
    np.testing.assert_array_equal(unknown, np.asarray(first.W)[:, 7:])


# The bound


def test_nothing_is_below_the_bound(rows):
    assert not zipf_summary.below(rows)
    points = zipf_summary.points(rows)
    assert all(row["least_bits"] <= row["total_bits"] for row in points)
    assert all(row["loss"] < math.log(8) * 1.6 for row in points)


def test_a_point_below_the_bound_is_found(rows):
    point = dict(zipf_summary.points(rows)[0])
    point["bound"] = 1.01 * point["loss"]
    assert zipf_summary.below([point]) == [point]
    assert "1 points, 1 of them below the bound" in report.describe([point])


@pytest.mark.parametrize("alpha", [0.5, 1.5, 2.0])
def test_the_fewest_bits_invert_the_bound(alpha):
    probs, bits = bounds.zipf(100, alpha), np.array([0.0, 1.0, 33.3, 250.0, 499.0])
    losses = bounds.cross_entropy(probs, 32, bits)
    np.testing.assert_allclose(
        bounds.fewest_bits(losses, probs, 32), bits, rtol=1e-6, atol=1e-6
    )
    assert bounds.fewest_bits(10.0, probs, 32) == 0.0


@pytest.mark.parametrize("alpha", [1.5, 2.0])
def test_the_bound_falls_like_bits_to_the_power_one_minus_alpha(alpha):
    bits = np.geomspace(100, 2000, 20)
    losses = bounds.cross_entropy(bounds.zipf(2**17, alpha), 32, bits)
    found = np.polyfit(np.log(bits), np.log(losses), 1)[0]
    assert found == pytest.approx(1 - alpha, abs=0.02)


def test_bits_count_weights_steps_and_how_many_facts_are_known():
    assert lane().total_bits(32) == 32 * 36
    assert lane().total_bits(3) == 3 * 36 + 32
    assert lane(way="trained_top").total_bits(3) == 3 * 36 + 32 + 7  # of 0 ... 96
    assert lane("mlp").total_bits(2) == 2 * (24 + 4 + 24) + 3 * 32
    assert sum(lane("mlp").sizes) == 52


# Rows


def test_a_lane_tells_its_tries_its_points_and_its_end(rows):
    mine = [r for r in rows if (r["way"], r["d"], r["seed"]) == ("trained", 6, 0)]
    kinds = [row["kind"] for row in mine]
    assert kinds == ["probe"] * 2 + ["point"] * (1 + 3 + 2) + ["run"]
    whole = mine[2]
    assert whole["loss"] == min(row["loss"] for row in mine[:2]) == mine[-1]["loss"]
    assert whole["learning_rate"] in (3.0, 10.0)
    told = {(row["rounding"], row["bits"]): row["loss"] for row in mine[2:-1]}
    assert told["after", 8] == pytest.approx(whole["loss"], rel=0.1)
    assert told["within", 2] <= told["after", 2]
    assert len({row["key"] for row in rows}) == len(rows)


def test_lanes_side_by_side_are_lanes_alone(rows):
    alone = rows_of(lane(seed=1))
    beside = [r for r in rows if (r["way"], r["d"], r["seed"]) == ("trained", 6, 1)]
    for one, other in zip(alone, beside, strict=True):
        assert one["key"] == other["key"]
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-2)


def test_knowing_the_top_facts_alone_loses_less(rows):
    """A memory of all facts pays for confident wrong answers to the rare ones."""
    by_method = {c.method: c.medians for c in zipf_summary.curves(rows) if c.bits == 32}
    assert (by_method["trained_top"] < by_method["trained"]).all()
    assert (by_method["trained"] < by_method["outer_product"]).all()


def test_done_lanes_are_not_run_again():
    job = zipf_jobs.ZipfBatch(lanes=(lane(),))
    assert list(job.run([], {lane().digest()})) == []


# Exponents


def curve(losses, **changes):
    made = zipf_summary.Curve(
        alpha=2.0,
        memory="linear",
        method="trained",
        rounding="after",
        bits=2,
        facts=4096,
        outputs=32,
        parameters=np.array([100.0, 200.0, 400.0]),
        total_bits=np.array([250.0, 500.0, 1000.0]),
        losses=losses,
    )
    return made._replace(**changes)


def test_exponents_of_a_power_law_are_its_own():
    exact = [(x, x, x) for x in (0.4, 0.2, 0.1)]
    fit = zipf_summary.exponents(curve(exact))
    assert fit.loss == pytest.approx((-1.0, -1.0, -1.0))
    assert fit.bound == pytest.approx(-1.0, abs=0.03)


def test_memories_that_keep_a_fraction_of_the_bits_know_in_proportion_to_them():
    made = curve(())
    losses = bounds.cross_entropy(made.probs, 32, 0.25 * made.total_bits)
    fit = zipf_summary.exponents(made._replace(losses=[(x, x) for x in losses]))
    assert fit.knowledge.value == pytest.approx(1.0)
    assert fit.fractions == pytest.approx((0.25, 0.25))


def test_intervals_show_the_scatter_of_seeds_and_one_seed_has_none():
    fit = zipf_summary.exponents(curve([(0.4, 0.5), (0.2, 0.3), (0.1, 0.15)]))
    assert fit.loss.low < fit.loss.value < fit.loss.high
    alone = zipf_summary.exponents(curve([(0.4,), (0.2,), (0.1,)]))
    assert alone.loss.value == pytest.approx(-1.0)
    assert math.isnan(alone.loss.low)


def test_the_best_bits_of_each_size_are_those_that_tell_most():
    few = curve([(0.9,), (0.2,), (0.19,)])
    more = curve(
        [(0.4,), (0.2,), (0.02,)], bits=4, total_bits=np.array([450.0, 900, 1800])
    )
    (best,) = zipf_summary.best_bits([few, more])
    assert list(best.total_bits) == [450.0, 500.0, 1800.0]
    assert list(best.medians) == [0.4, 0.2, 0.02]


def test_tables_have_a_line_for_each_way_whole_and_rounded(rows):
    (made,) = report.tables(rows)
    assert len(made.rows) == 2 * 5
    assert {len(line) for line in made.rows} == {len(made.columns)}
    assert "0 of them below the bound" in report.describe(rows)


def test_a_figure_has_two_panels_for_an_exponent(rows):
    drawn = figure.draw(rows)
    assert len(drawn.axes) == 2
    assert all(axes.get_xscale() == axes.get_yscale() == "log" for axes in drawn.axes)
    with pytest.raises(ValueError, match="Expected rows of finite points; got none"):
        figure.draw([])


# Its config

ZIPF = "scaling_law"
WRONG = [
    (ZIPF, {"alphas": (0.0,)}, ["alphas", "0.0", "(0, inf)"]),
    (ZIPF, {"alphas": (-1.5,)}, ["alphas", "-1.5", "(0, inf)"]),
    (ZIPF, {"bits": (1, 4)}, ["bits", "1", "[2, 16]"]),
    (ZIPF, {"loop_bits": (17,)}, ["loop_bits", "17", "[2, 16]"]),
    (ZIPF, {"facts": 1}, ["facts", "1", ">= 2"]),
    (ZIPF, {"outputs": 1}, ["outputs", "1", "[2, 16384]"]),
    (ZIPF, {"ways": ("grown",)}, ["ways", "'grown'", "'trained_top'"]),
    (ZIPF, {"linear__d": (0,)}, ["linear.d", "0", ">= 1"]),
    (ZIPF, {"mlp__m": (0,)}, ["mlp.m", "0", ">= 1"]),
    (ZIPF, {"linear__d": (), "mlp__m": ()}, ["linear.d or mlp.m", "none"]),
    (ZIPF, {"linear__d": (), "mlp__activation": "step"}, ["mlp.activation", "'step'"]),
    (ZIPF, {"trained__mlp_rates": (0.0,)}, ["trained.mlp_rates", "0.0"]),
    (ZIPF, {"trained_top__linear_shares": (0.0,)}, ["trained_top.linear_shares"]),
    (ZIPF, {"outer_product__powers": (-1.0,)}, ["outer_product.powers", "-1.0"]),
    (ZIPF, {"loop_steps": 0}, ["loop_steps", "0", ">= 1"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
