"""Plans of stages: wrong fields are named, values on the border are right."""

import configs_made
import pytest

STAGES = "sequential_learning"
RATIO = "stage_ratio"
OPTIMIZER = "stage_optimizer"
CASE = ("simplified", "linear", "onehot", "sgd", 0.1, 1e-5, 64)
WRONG = [
    (STAGES, {"noise": 0}, ["noise", "0", ">= 1"]),
    (STAGES, {"length": 3}, ["length", "3", ">= 4"]),
    (
        STAGES,
        {"subjects": 15},
        ["answers to divide subjects", "answers=8, subjects=15"],
    ),
    (STAGES, {"relations": 1}, ["relations", "1", ">= 2"]),
    (STAGES, {"answers": 1}, ["answers", "1", ">= 2"]),
    (STAGES, {"check_every": 30}, ["check_every", "num_steps", "30", "8192"]),
    (STAGES, {"num_steps": 0}, ["num_steps", "0", ">= 1"]),
    (STAGES, {"share": 3}, ["share to divide batch", "share=3, batch=1024"]),
    (STAGES, {"learning_rate": 0.0}, ["learning_rate", "0.0", "(0, inf)"]),
    (STAGES, {"init_scale": -1.0}, ["init_scale", "-1.0", "(0, inf)"]),
    (STAGES, {"attention": "hard"}, ["attention", "'hard'", "'softmax'"]),
    (STAGES, {"init": "zero"}, ["init", "'zero'", "'published'"]),
    (STAGES, {"optimizer": "lion"}, ["optimizer", "'lion'", "'muon'"]),
    (STAGES, {"optimizer": "flow"}, ["loss='population'", "'flow'", "'sampled'"]),
    (STAGES, {"loss": "test"}, ["loss", "'test'", "'population'"]),
    (RATIO, {"ratios": (0.3,)}, ["ratios=(0.3,)", "max_subjects=512"]),
    (RATIO, {"ratios": (0.0,)}, ["ratios", "0.0", "(0, inf)"]),
    (RATIO, {"max_subjects": 1}, ["max_subjects=1"]),
    (RATIO, {"base": (16, 4)}, ["base", "(S, R, D)", "(16, 4)"]),
    (RATIO, {"base": (15, 4, 8)}, ["answers to divide subjects", "subjects=15"]),
    (RATIO, {"scales": (1.0,)}, ["scales", "1.0", "(0, 1)"]),
    (RATIO, {"noise_sizes": (0,)}, ["noise_sizes", "0", ">= 1"]),
    (RATIO, {"optimizer": "adam"}, ["optimizer='sgd'", "'adam'"]),
    (RATIO, {"attention": "softmax"}, ["attention='linear'", "'softmax'"]),
    (RATIO, {"init": "gaussian"}, ["init", "'gaussian'", "'paper'"]),
    (RATIO, {"steps_to_facts": 0}, ["steps_to_facts", "0", ">= 1"]),
    (OPTIMIZER, {"cases": ()}, ["cases", "()", "at least one"]),
    (OPTIMIZER, {"cases": (CASE[:6],)}, ["cases", "(model, attention,"]),
    (OPTIMIZER, {"cases": (("mlp", *CASE[1:]),)}, ["model of cases", "'mlp'"]),
    (OPTIMIZER, {"cases": ((*CASE[:6], 63),)}, ["steps of cases", "63", "divide"]),
    (OPTIMIZER, {"cases": ((*CASE[:4], 0.0, 1.0, 64),)}, ["rate of cases", "0.0"]),
    (
        OPTIMIZER,
        {"cases": (("transformer", *CASE[1:]),)},
        ["transformer of cases", "'linear'", "'onehot'"],
    ),
]
RIGHT = [
    (STAGES, {"noise": 1, "length": 4, "share": 1, "batch": 1}),
    (STAGES, {"structured": False, "subjects": 3}),
    (STAGES, {"optimizer": "flow", "loss": "population"}),
    (RATIO, {"scales": (), "noise_sizes": (), "init": "paper"}),
    (OPTIMIZER, {"cases": (CASE,)}),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)


@pytest.mark.parametrize(("name", "changes"), RIGHT)
def test_values_on_the_border_are_right(name, changes):
    configs_made.plans(name, changes)
