"""Plans of transformers: wrong fields are named, right ones reach lanes."""

import dataclasses
import math

import configs_made
import pytest
from configs_made import config, plan

from recall.runs import planning

RECALL = "recall_capacity"
GRID = "tradeoff"
TRAIN = "recall_train"
WRONG = [
    (RECALL, {"embedding": "file:no.safetensors:words"}, ["no file 'no.safetensors'"]),
    (RECALL, {"answers": 1}, ["answers", "1", ">= 2"]),
    (RECALL, {"reads__length": 3}, ["reads.length", "3", ">= 4"]),
    (RECALL, {"reads__layout": "rows"}, ["reads.layout", "'rows'", "'grid', 'pairs'"]),
    (RECALL, {"reads__batch": 0}, ["reads.batch", "0", ">= 1"]),
    (RECALL, {"reads__share": -1}, ["reads.share", "-1", ">= 1"]),
    (RECALL, {"reads__checks": 0}, ["reads.checks", "0", ">= 1"]),
    (RECALL, {"world": "S=2R"}, ["world", "'S=2R'", "'R=sqrt(S)'"]),
    (
        RECALL,
        {"world": "D=S", "search__method": "grow"},
        ["search.method", "['bisect', 'single']", "'D=S'", "got 'grow'"],
    ),
    (RECALL, {"world": "D=S"}, ["search.method", "'D=S'", "got 'grow+bisect'"]),
    (RECALL, {"heads": 0}, ["heads", "0", ">= 1"]),
    (RECALL, {"d": (0,)}, ["d to be", "0", ">= 1"]),
    (RECALL, {"alphas": (0.0,)}, ["alphas", "0.0", "(0, inf)"]),
    (RECALL, {"alphas": ()}, ["alphas", "()", "at least one"]),
    (RECALL, {"betas": (-0.5,)}, ["betas", "-0.5", "[0, inf)"]),
    (RECALL, {"betas": (1.0, 1.0)}, ["betas", "(1.0, 1.0)", "distinct"]),
    (RECALL, {"max_parameters": 0}, ["max_parameters", "0", ">= 1"]),
    (RECALL, {"max_parameters": 100}, ["max_parameters=100", "d=(8, 11,"]),
    (
        RECALL,  # every one of them is skipped
        {"d": (8, 11), "alphas": (0.5, 0.25)},
        ["max_parameters", "d=(8, 11)"],
    ),
    (RECALL, {"size_max": 1}, ["size_max", "1", ">= 2"]),
    (RECALL, {"thresholds": (1.5,)}, ["thresholds", "1.5", "(0, 1]"]),
    (RECALL, {"thresholds": ()}, ["thresholds", "()", "at least one"]),
    (RECALL, {"seeds": (-1,)}, ["seeds", "-1", "[0, 2147483647]"]),
    (RECALL, {"activation": "step"}, ["activation", "'step'", "'relu'"]),
    (RECALL, {"embedding": "cube"}, ["embedding", "'cube'", "'gaussian'"]),
    (RECALL, {"mlp_weight": math.nan}, ["mlp_weight", "nan", "(-inf, inf)"]),
    (RECALL, {"subject_exponent": -1.0}, ["subject_exponent", "-1.0", "[0, inf)"]),
    (RECALL, {"relation_exponent": math.inf}, ["relation_exponent", "got inf"]),
    (RECALL, {"recipe": "fast"}, ["recipe", "'fast'", "'decay'", "'published'"]),
    (RECALL, {"training__learning_rates": (0.0,)}, ["training.learning_rates", "0.0"]),
    (RECALL, {"training__num_steps": 64}, ["training.check_every <= training.num"]),
    (RECALL, {"search__opening": 1.3}, ["search.opening <= search.headroom", "1.3"]),
    (GRID, {"heads": (0,)}, ["heads to be", "0", ">= 1"]),
    (GRID, {"heads": ()}, ["heads", "()", "at least one"]),
    (GRID, {"head_dim": 0}, ["head_dim", "0", ">= 1"]),
    (GRID, {"m": (8, -1)}, ["m to be", "-1", ">= 0"]),
    (GRID, {"d": 0}, ["d to be", "0", ">= 1"]),
    (GRID, {"size": 0}, ["size", "0", ">= 1"]),
    (GRID, {"threshold": 0.0}, ["threshold", "0.0", "(0, 1]"]),
    (GRID, {"threshold": 1.5}, ["threshold", "1.5", "(0, 1]"]),
    (GRID, {"search__method": "grow"}, ["search.method", "['single']", "got 'grow'"]),
    (GRID, {"world": "D=S", "search__method": "grow"}, ["search.method", "'D=S'"]),
    (TRAIN, {"heads": 0}, ["heads", "0", ">= 1"]),
    (TRAIN, {"head_dim": 0}, ["head_dim", "0", ">= 1"]),
    (TRAIN, {"m": -1}, ["m to be", "-1", ">= 0"]),
    (TRAIN, {"size": 0}, ["size", "0", ">= 1"]),
    (TRAIN, {"threshold": 1.01}, ["threshold", "1.01", "(0, 1]"]),
    (TRAIN, {"search__method": "bisect"}, ["search.method", "['single']", "'bisect'"]),
    (TRAIN, {"table": "nowhere.csv"}, ["table='nowhere.csv'", "nowhere.csv not found"]),
]
RIGHT = [
    (RECALL, {"d": (8,), "betas": (0.0,), "answers": 2}),
    (RECALL, {"size_max": 2}),
    (RECALL, {"max_parameters": 384, "d": (8,)}),
    (RECALL, {"world": "D=S", "search__method": "bisect"}),
    (RECALL, {"world": "R=sqrt(S)", "mlp_weight": -1.0, "subject_exponent": 0.0}),
    (
        RECALL,
        {
            "reads__length": 4,
            "reads__batch": 1,
            "reads__share": 1,
            "reads__checks": 1,
        },
    ),
    (GRID, {"m": (0,), "heads": (1,), "size": 1}),
    (GRID, {"threshold": 1e-9, "seeds": (2**31 - 1,)}),
    (TRAIN, {"size": 1, "d": 1, "heads": 1, "head_dim": 1, "m": 0}),
    (TRAIN, {"world": "D=S"}),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)


@pytest.mark.parametrize(("name", "changes"), RIGHT)
def test_values_on_the_border_are_right(name, changes):
    configs_made.plans(name, changes)


@pytest.mark.parametrize("name", [RECALL, GRID, TRAIN])
@pytest.mark.parametrize("field", ["side_by_side", "train_embeddings", "biases"])
@pytest.mark.parametrize("value", [1, "yes", None])
def test_what_is_true_or_false_is_nothing_else(name, field, value):
    made = config(name)
    with made.ignore_type():
        made[field] = value
    with pytest.raises(
        ValueError, match=f"^Expected {field} to be True or False; "
    ) as e:
        planning.plan_of(made)
    assert str(e.value).endswith(f"got {value!r}.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s0 likes a3\n", ["'s0 likes a3'"]),
        ("0,1\n1\n", ["columns"]),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, words):
    path = tmp_path / "facts.csv"
    path.write_text(text)
    refused_table(path, ["comma-separated integers", str(path), *words])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,1\n1,0\n", ["3 x 3", "(2, 2)"]),
        ("0,1,8\n1,0,1\n1,1,1\n", ["[0, 7]", "got 8"]),
        ("0,1,-1\n1,0,1\n1,1,1\n", ["[0, 7]", "got -1"]),
        ("0,1,0.5\n1,0,1\n1,1,1\n", ["[0, 7]", "got 0.5"]),
    ],
)
def test_a_table_of_another_world_is_refused(tmp_path, text, words):
    path = tmp_path / "facts.csv"
    path.write_text(text)
    refused_table(path, words)


def test_an_empty_table_is_refused(tmp_path):
    path = tmp_path / "facts.csv"
    path.touch()
    refused_table(path, [])


def refused_table(path, words):
    with pytest.raises(ValueError, match=r"^Expected (a )?table") as error:
        planning.plan_of(config(TRAIN, size=3, table=str(path)))
    said = str(error.value)
    assert "\n" not in said
    assert all(word in said for word in words), said


def test_a_transformer_without_a_head_dimension_is_skipped_and_the_reason_is_told():
    changes = {"d": (8, 16), "alphas": (1.0, 0.25), "betas": (1.0, 0.5), "heads": 8}
    planned = planning.plan_of(config(RECALL, **changes))
    (d8, d16) = planned.skipped  # int(8 / 4 / 8) and int(16 / 4 / 8) are both 0
    for reason, d in ((d8, 8), (d16, 16)):
        for word in ("alpha=0.25", "beta=1 0.5", f"d={d}", "heads=8", "head_dim"):
            assert word in reason
        assert "\n" not in reason
    found = {
        (s.d, s.heads, s.head_dim, s.m) for s in plan(RECALL, **changes, seeds=(0,))
    }
    assert found == {(8, 8, 1, 8), (8, 8, 1, 4), (16, 8, 2, 16), (16, 8, 2, 8)}


def test_nothing_is_skipped_unless_a_head_dimension_is_zero():
    assert planning.plan_of(config(RECALL, d=(32,), seeds=(0,))).skipped == ()
    assert planning.plan_of(config(GRID, "quick")).skipped == ()
    assert planning.plan_of(config(TRAIN)).skipped == ()
    planned = planning.plan_of(config(RECALL, "cpu", seeds=(0,)))
    assert all(s.head_dim > 0 for s in plan(RECALL, "cpu", seeds=(0,)))
    assert any("alpha=0.25" in r and "d=8," in r for r in planned.skipped)


def test_what_was_skipped_is_told_with_the_plan():
    planned = planning.plan_of(config(RECALL, d=(8,), alphas=(4.0, 0.25), seeds=(0,)))
    table = planning.plan_table(planned, [None])
    assert f"Skipped: {planned.skipped[0]}" in str(table.caption)


def test_widths_are_whole_parts_of_ratios_and_d():
    few = {"thresholds": (0.99,), "seeds": (0,), "heads": 8}
    found = plan(RECALL, d=(45,), alphas=(0.5, 4.0), betas=(0.25, 2.0), **few)
    assert {(s.heads, s.head_dim, s.m) for s in found} == {
        (8, int(45 * 0.5 / 8), 11),
        (8, int(45 * 0.5 / 8), 90),
        (8, int(45 * 4.0 / 8), 11),
        (8, int(45 * 4.0 / 8), 90),
    }
    for search in found:
        parameters = 4 * 8 * search.head_dim * 45 + 2 * search.m * 45
        assert search.num_parameters == parameters


def test_transformers_with_more_parameters_than_allowed_are_left_out():
    found = plan(RECALL, seeds=(0,), max_parameters=1000)
    assert max(search.num_parameters for search in found) <= 1000
    assert len(found) < len(plan(RECALL, seeds=(0,), max_parameters=2000))


@pytest.mark.parametrize("world", ["S=R", "R=sqrt(S)", "S=R^2", "D=S"])
def test_what_is_expected_is_the_published_guide_s_facts(world):
    few = {"d": (16, 64), "seeds": (0,), "size_max": 10**4, "world": world}
    for search in plan(RECALL, **few, search__method="bisect"):
        guide = 0.15 * search.num_parameters
        assert search.facts(search.expected) <= guide
        assert guide < 1.35 * search.facts(search.expected + 1)  # a root is rounded
    (capped,) = plan(
        RECALL, "quick", **few | {"d": (16,), "size_max": 3, "world": "S=R"}
    )
    assert (capped.expected, capped.limit) == (3, 3)


def test_a_grid_is_the_product_of_heads_hidden_units_and_seeds():
    found = plan(GRID, heads=(1, 3), m=(0, 8, 9), seeds=(0, 1), size=5)
    assert len(found) == len(set(found)) == 2 * 3 * 2
    assert {(s.heads, s.m) for s in found} == {
        (heads, m) for heads in (1, 3) for m in (0, 8, 9)
    }
    assert {(s.d, s.head_dim, s.expected, s.limit, s.first) for s in found} == {
        (32, 8, 5, 5, 5)
    }


@pytest.mark.parametrize("name", [RECALL, GRID])
def test_learning_rates_are_tried_in_order_or_side_by_side(name):
    few = {"seeds": (3,), "training__learning_rates": (0.1, 0.01)}
    in_order = plan(name, "quick", **few)
    assert {search.learning_rates for search in in_order} == {(0.1, 0.01)}
    beside = plan(name, "quick", **few, side_by_side=True)
    assert len(beside) == 2 * len(in_order)
    assert {search.learning_rates for search in beside} == {(0.1,), (0.01,)}


@pytest.mark.parametrize("name", [RECALL, GRID, TRAIN])
def test_every_field_of_a_transformer_reaches_the_searches(name):
    changes = {
        "world": "R=sqrt(S)",
        "answers": 5,
        "activation": "sin",
        "mlp_weight": 0.5,
        "biases": False,
        "embedding": "sphere",
        "train_embeddings": True,
        "subject_exponent": 1.0,
        "relation_exponent": 2.0,
        "seeds": (3,),
        "reads__length": 9,
        "reads__layout": "pairs",
        "reads__batch": 11,
        "reads__share": 3,
        "reads__checks": 2,
        "training__num_steps": 256,
        "training__patience": 128,
        "search__resolution": 0.5,
    }
    for search in plan(name, "quick", **changes):
        assert (search.world, search.answers, search.seed) == ("R=sqrt(S)", 5, 3)
        assert dataclasses.astuple(search.architecture) == ("sin", 0.5, False)
        assert (search.embedding, search.train_embeddings) == ("sphere", True)
        assert search.exponents == (1.0, 2.0)
        assert dataclasses.astuple(search.reads) == (9, "pairs", 11, 3, 2)
        assert (search.recipe.num_steps, search.recipe.patience) == (256, 128)
        assert search.recipe_name == "custom"
        assert search.strategy.resolution == 0.5


def test_answers_are_the_size_where_the_world_says_so():
    for search in plan(TRAIN, world="D=S", answers=8):
        assert search.answers is None
        assert search.sizes(7) == (7, 7, 7, 14)
