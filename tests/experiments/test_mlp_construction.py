"""Constructed MLPs: their plan and their figure."""

import itertools

import configs_made
import panels
import pytest
from configs_made import config, plan
from panels import plotted, seeds

from recall import experiments
from recall.runs import planning

BUILT = "mlp_construction"
WRONG = [
    (BUILT, {"memories": ("mlp",)}, ["memories", "'mlp'", "'hermite'"]),
    (BUILT, {"degrees": (4,)}, ["degrees", "4", "[0, 3]"]),
    (BUILT, {"gates": (0,)}, ["gates", "0", ">= 1"]),
    (BUILT, {"ratios": (0,)}, ["ratios", "0", ">= 1"]),
    (BUILT, {"feature_ratios": (0,)}, ["feature_ratios", "0", ">= 1"]),
    (BUILT, {"max_feature_weights": 0}, ["max_feature_weights", "0", ">= 1"]),
    (BUILT, {"num_outputs": (1,)}, ["num_outputs", "1", ">= 2"]),
    (BUILT, {"others": ("relu",)}, ["others", "pairs (activation, k)", "'relu'"]),
    (BUILT, {"others": (("relu", -1),)}, ["k of others ('relu', -1)", "[0, 7]"]),
    (BUILT, {"others": (("step", 1),)}, ["others ('step', 1)", "'relu'"]),
    (
        BUILT,  # a polynomial of too low a degree
        {"others": (("square", 2),)},
        ["others ('square', 2)", "[1] for activation='square'", "got degree=2"],
    ),
    (
        BUILT,
        {"others": (("tanh", 1),)},
        ["others ('tanh', 1)", "[0, 2, 4, 6]", "got degree=1"],
    ),
    (
        BUILT,
        {"d": (8,), "ratios": (2, 4), "degrees": (3,)},
        ["ratios", "m >= 48 for degree=3", "got m=[16, 32]"],
    ),
    (
        BUILT,
        {"other_ratio": 2, "d": (4,), "degrees": (0,), "others": (("relu", 3),)},
        ["other_ratio", "m >= 10 for degree=3 and activation='relu'", "got m=[8]"],
    ),
    (BUILT, {"search__method": "grow"}, ["search.method", "'bisect'", "got 'grow'"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)


def test_constructed_mlps_are_of_the_sizes_that_were_asked_for():
    few = {"d": (16,), "thresholds": (1.0,), "seeds": (0,), "feature_ratios": (2, 4)}
    found = plan(BUILT, **few, ratios=(1, 8), gates=(1, 3), degrees=(0, 3), others=())
    sizes = {(s.memory, s.degree): [] for s in found}
    for search in sorted(found, key=lambda search: search.m):
        sizes[search.memory, search.degree].append(search.m)
    assert sizes["hermite", 0] == sizes["gated_hermite", 0] == [16, 128]
    assert sizes["hermite", 3] == [128]  # m = 16 is too narrow for k = 3
    assert sizes["sign_gates", None] == [17, 51]
    assert sizes["bilinear", None] == sizes["data_dependent", None] == [32, 64]
    assert {s.activation for s in found if s.degree == 3} == {"hermite4"}


def test_sizes_too_narrow_for_a_degree_are_skipped_with_a_reason():
    few = {"d": (16,), "seeds": (0,), "others": (), "memories": ("hermite",)}
    planned = planning.plan_of(config(BUILT, **few, ratios=(2, 8), degrees=(0, 3)))
    (reason,) = planned.skipped
    assert reason.startswith("m=32; it takes m >= 48 for degree=3")


# Its figure


def construction_rows():
    """Hermite memories at two sizes, another activation, and sign gates."""
    table = []
    for d, threshold in itertools.product((16, 32), (0.99, 1.0)):
        common = {"d": d, "threshold": threshold, "trained": False, "recipe": None}
        for memory, k, ratio in itertools.product(
            ("hermite", "gated_hermite"), (0, 1), (2, 8)
        ):
            kind = {"memory": memory, "degree": k, "activation": f"hermite{k + 1}"}
            n = d * ratio // 8
            table += seeds([n, n + 1, n + 4], m=ratio * d, **kind, **common)
        relu = {"memory": "hermite", "degree": 1, "activation": "relu"}
        table += seeds([d // 4, d // 2, d], m=8 * d, **relu, **common)
        gates = {"memory": "sign_gates", "activation": None}
        table += seeds([d, d + 1, 2 * d], m=2 * (d + 1), **gates, **common)
    return table


def test_constructed_mlps_have_a_panel_for_each_width_and_one_for_activations():
    panels = experiments.draw("mlp_construction", construction_rows()).axes
    titles = [axes.get_title(loc="left") for axes in panels[:3]]
    assert titles == [
        "$d = 16$, 99 % of facts",
        "$d = 32$, 99 % of facts",
        "$m = 8\\,d$, by activation",
    ]
    series = plotted(panels[1])
    x, y, ends = series["Hermite MLP, $k = 1$"]
    assert x.tolist() == [2 * 32**2, 8 * 32**2]
    assert y.tolist() == [9.0, 33.0]
    assert ends.tolist() == [[8.0, 12.0], [32.0, 36.0]]
    assert series["sign gates"][0].tolist() == [2 * 33 * 32]
    assert "Hermite, gated, $k = 0$" in series
    labels = [tick.get_text() for tick in panels[2].get_xticklabels()]
    assert labels == ["hermite1, 0", "hermite2, 1", "relu, 1"]
    assert plotted(panels[2])["$d = 32$"][1].tolist() == [33.0, 33.0, 16.0]


ROWS = {"mlp_construction": construction_rows()}


@pytest.mark.parametrize("name", ROWS)
def test_texts_overlap_nowhere(name):
    panels.check_texts(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_the_legend_covers_no_data(name):
    panels.check_legend(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_files_are_alike_to_the_byte(name, tmp_path):
    panels.check_bytes(name, ROWS[name], tmp_path)
