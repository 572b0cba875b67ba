"""Plans of linear and MLP memories: wrong fields are named, right ones reach lanes."""

import math

import configs_made
import ml_collections
import pytest
from configs_made import MODULES, config, plan

from recall.runs import planning

LINEAR = "linear_capacity"
MLP = "mlp_capacity"
FEW = {"d": (8,), "seeds": (0,), "constructed_seeds": (0,), "thresholds": (1.0,)}
WRONG = [
    (LINEAR, {"experiment": "linear"}, ["experiment", "'linear'", "mlp_capacity"]),
    (LINEAR, {"n_max": 0}, ["n_max", "0", ">= 1"]),
    (LINEAR, {"n_max": -1}, ["n_max", "-1", ">= 1"]),
    (LINEAR, {"thresholds": (0.0,)}, ["thresholds", "0.0", "(0, 1]"]),
    (LINEAR, {"thresholds": (0.5, 1.5)}, ["thresholds", "1.5", "(0, 1]"]),
    (LINEAR, {"thresholds": (math.nan,)}, ["thresholds", "nan", "(0, 1]"]),
    (LINEAR, {"thresholds": ("all",)}, ["thresholds", "'all'", "(0, 1]"]),
    (LINEAR, {"thresholds": (True,)}, ["thresholds", "True", "(0, 1]"]),
    (LINEAR, {"thresholds": ()}, ["thresholds", "()", "at least one"]),
    (LINEAR, {"thresholds": (0.5, 0.5)}, ["thresholds", "(0.5, 0.5)", "distinct"]),
    (LINEAR, {"d": (0,)}, ["d to be", "0", ">= 1"]),
    (LINEAR, {"d": (8.0,)}, ["d to be", "8.0", "integer"]),
    (LINEAR, {"d": (True,)}, ["d to be", "True", "integer"]),
    (LINEAR, {"d": ([8],)}, ["d to be", "[8]", "integer"]),
    (LINEAR, {"d": (8, 8)}, ["d to hold", "(8, 8)", "distinct"]),
    (LINEAR, {"seeds": ()}, ["seeds", "()", "at least one"]),
    (LINEAR, {"seeds": (-1,)}, ["seeds", "-1", "[0, 2147483647]"]),
    (LINEAR, {"seeds": (2**31,)}, ["seeds", "2147483648", "[0, 2147483647]"]),
    (LINEAR, {"constructed_seeds": (2**31,)}, ["constructed_seeds", "2147483648"]),
    (LINEAR, {"memories": ("mlp",)}, ["memories", "'mlp'", "'low_rank'"]),
    (LINEAR, {"memories": ()}, ["memories", "()", "at least one"]),
    (LINEAR, {"rank_fractions": (0.0,)}, ["rank_fractions", "0.0", "(0, 1]"]),
    (LINEAR, {"max_trained_d": -1}, ["max_trained_d", "-1", ">= 0"]),
    (
        LINEAR,
        {"max_trained_d": 7, "memories": ("linear",)},
        ["max_trained_d", "7", "(8, 11,"],
    ),
    (LINEAR, {"embedding": "cube"}, ["embedding", "'cube'", "'sphere'"]),
    (LINEAR, {"recipe": "fast"}, ["recipe", "'fast'", "'decay'", "'published'"]),
    (LINEAR, {"search__method": "guess"}, ["search.method", "'guess'", "'bisect'"]),
    (LINEAR, {"search__resolution": 1.5}, ["search.resolution", "1.5", "[0, 1)"]),
    (LINEAR, {"search__resolution": -0.1}, ["search.resolution", "-0.1", "[0, 1)"]),
    (LINEAR, {"search__widen": 1.0}, ["1 < search.widen", "search.widen=1.0"]),
    (LINEAR, {"search__opening": 0.0}, ["search.opening", "0.0", "(0, inf)"]),
    (LINEAR, {"search__headroom": math.inf}, ["search.headroom", "got inf", "(0, inf"]),
    (
        LINEAR,
        {"search__opening": 2.0},
        ["search.opening <= search.headroom", "search.opening=2.0"],
    ),
    (MLP, {"training__num_steps": 0}, ["training.num_steps", "0", ">= 1"]),
    (MLP, {"training__check_every": 0}, ["training.check_every", "0", ">= 1"]),
    (
        MLP,
        {"training__num_steps": 63},
        ["training.check_every <= training.num_steps", "training.num_steps=63"],
    ),
    (MLP, {"training__patience": -1}, ["training.patience", "-1", ">= 0"]),
    (
        MLP,
        {"training__certificate": -0.5},
        ["training.certificate", "-0.5", "[0, inf)"],
    ),
    (MLP, {"training__learning_rates": (0.0,)}, ["training.learning_rates", "0.0"]),
    (MLP, {"training__learning_rates": (0.1, -1.0)}, ["learning_rates", "-1.0"]),
    (MLP, {"training__learning_rates": (math.nan,)}, ["learning_rates", "nan"]),
    (MLP, {"training__learning_rates": ("a",)}, ["training.learning_rates", "'a'"]),
    (MLP, {"training__learning_rates": ()}, ["training.learning_rates", "()"]),
    (MLP, {"activations": ("step",)}, ["activations", "'step'", "'relu'"]),
    (MLP, {"activations": ()}, ["activations", "()", "at least one"]),
    (MLP, {"sizes": ((8, 0),)}, ["m of sizes (8, 0)", "got 0", ">= 1"]),
    (MLP, {"sizes": ((0, 8),)}, ["d of sizes (0, 8)", "got 0", ">= 1"]),
    (MLP, {"sizes": ((8, 8.0),)}, ["m of sizes", "8.0", "integer"]),
    (MLP, {"sizes": (8, 8)}, ["sizes", "distinct", "(8, 8)"]),
    (MLP, {"sizes": (8, 9)}, ["sizes", "pairs (d, m)", "got 8"]),
    (MLP, {"sizes": ((8, 8, 8),)}, ["sizes", "pairs (d, m)", "(8, 8, 8)"]),
    (MLP, {"ratios": (0,)}, ["ratios", "0", ">= 1"]),
    (MLP, {"d": (0,)}, ["d to be", "0", ">= 1"]),
    (MLP, {"max_weights": 0}, ["max_weights", "0", ">= 1"]),
    (MLP, {"max_weights": 63}, ["max_weights", "63", "size"]),
    (MLP, {"num_outputs": (-1,)}, ["num_outputs", "-1", ">= 0"]),
    (MLP, {"num_outputs": (0, 1)}, ["num_outputs", "1", ">= 2"]),
    (MLP, {"num_outputs": ()}, ["num_outputs", "()", "at least one"]),
]
RIGHT = [
    (LINEAR, {"n_max": 1}),
    (LINEAR, {"d": (1,)}),
    (LINEAR, {"thresholds": (1, 1e-9)}),
    (LINEAR, {"seeds": (0, 2**31 - 1), "constructed_seeds": (2**31 - 1,)}),
    (LINEAR, {"rank_fractions": (1.0,)}),
    (LINEAR, {"max_trained_d": 0}),
    (LINEAR, {"search__resolution": 0.0, "search__widen": 1.001}),
    (LINEAR, {"search__opening": 1.15}),
    (MLP, {"training__num_steps": 64}),
    (MLP, {"training__learning_rates": (1, 1e30)}),
    (MLP, {"training__patience": 0, "training__certificate": 0.0}),
    (MLP, {"sizes": ((1, 1), [1, 2])}),
    (MLP, {"max_weights": 64}),
    (MLP, {"num_outputs": (2,)}),
    (MLP, {"num_outputs": (10**6 + 1,)}),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)


@pytest.mark.parametrize(("name", "changes"), RIGHT)
def test_values_on_the_border_are_right(name, changes):
    configs_made.plans(name, changes)


def test_a_grid_is_the_product_of_its_axes():
    axes = {"d": (4, 8), "thresholds": (0.5, 1.0), "seeds": (0, 1, 2)}
    axes |= {"constructed_seeds": (0, 1), "rank_fractions": (0.25, 0.5)}
    found = plan(LINEAR, max_trained_d=4, **axes)
    assert len(found) == len(set(found))
    count = {m: sum(s.memory == m for s in found) for m in config(LINEAR).memories}
    assert count == {"outer_product": 8, "low_rank": 16, "linear": 6}
    assert {s.d for s in found if s.trained} == {4}
    assert {(s.d, s.rank) for s in found if s.rank} == {(4, 1), (4, 2), (8, 2), (8, 4)}


def test_fractions_that_round_to_one_rank_are_one_search():
    found = plan(LINEAR, **FEW | {"rank_fractions": (0.1, 0.125, 0.01)})
    assert [s.rank for s in found if s.memory == "low_rank"] == [1]


def test_sizes_of_an_mlp_are_listed_or_made_of_ratios():
    few = {"seeds": (0,), "thresholds": (1.0,), "num_outputs": (0, 7)}
    made = plan(MLP, d=(4, 8), ratios=(1, 4), max_weights=64, **few)
    assert {(s.d, s.m) for s in made} == {(4, 4), (4, 16), (8, 8)}
    listed = plan(MLP, sizes=((4, 5), (6, 7)), **few)
    assert {(s.d, s.m) for s in listed} == {(4, 5), (6, 7)}
    assert {s.num_outputs for s in listed} == {None, 7}


def test_every_field_reaches_the_searches():
    changes = {
        "n_max": 50,
        "embedding": "gaussian",
        "thresholds": (0.75,),
        "seeds": (3,),
        "search__method": "grow+bisect",
        "search__widen": 1.5,
        "training__num_steps": 96,
        "training__check_every": 16,
        "training__cosine": False,
        "training__patience": 32,
        "training__certificate": 0.25,
        "training__learning_rates": (0.5, 0.25),
    }
    for search in plan(MLP, "quick", **changes):
        assert (search.limit, search.embedding) == (50, "gaussian")
        assert (search.threshold, search.seed) == (0.75, 3)
        assert (search.strategy.method, search.strategy.widen) == ("grow+bisect", 1.5)
        recipe = search.recipe
        assert (recipe.num_steps, recipe.check_every, recipe.cosine) == (96, 16, False)
        assert (recipe.patience, recipe.certificate) == (32, 0.25)
        assert search.learning_rates == (0.5, 0.25)
        assert search.recipe_name == "custom"


@pytest.mark.parametrize("recipe", ["decay", "published"])
def test_a_recipe_keeps_its_name_until_it_is_changed(recipe):
    few = FEW | {"memories": ("linear",), "recipe": recipe}
    (named,) = plan(LINEAR, **few)
    assert named.recipe_name == recipe
    (same,) = plan(LINEAR, **few, training__learning_rates=named.learning_rates)
    assert same == named
    (custom,) = plan(LINEAR, **few, training__learning_rates=(3.0,))
    assert custom.recipe_name == "custom"


def test_training_is_nothing_to_a_construction():
    few = FEW | {"memories": ("outer_product", "low_rank")}
    assert plan(LINEAR, **few) == plan(LINEAR, **few, training__num_steps=64)
    assert {search.strategy.method for search in plan(LINEAR, **few)} == {"bisect"}


def test_linear_constructions_are_planned_beside_the_others():
    few = {"d": (64,), "thresholds": (0.99,), "constructed_seeds": (0, 1)}
    names = ("whitened", "pseudo_inverse", "random_low_rank")
    found = plan(LINEAR, **few, memories=names, rank_fractions=(0.5, 1.0))
    counts = {name: sum(s.memory == name for s in found) for name in names}
    assert counts == {"whitened": 2, "pseudo_inverse": 2, "random_low_rank": 4}
    ranks = {s.rank for s in found if s.memory == "random_low_rank"}
    assert ranks == {32, 64}


def test_a_field_that_a_config_lacks_is_named():
    with pytest.raises(ValueError, match="of mlp_capacity; it has no 'sizes'"):
        planning.plan_of(config(LINEAR, experiment="mlp_capacity"))
    with pytest.raises(ValueError, match=r"experiment in .*; got None"):
        planning.plan_of(ml_collections.ConfigDict({"d": 3}))
    extra = MODULES[LINEAR].get_config()
    extra.search.hurry = True
    with pytest.raises(ValueError, match=r"search\.<field> in .*; got 'hurry'"):
        planning.plan_of(extra)
