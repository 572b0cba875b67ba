"""The atlas against entries made by hand."""

import configs_made
import numpy as np
import pytest
from capacity_rows import search

from recall import experiments
from recall.experiments.atlas import summary as atlas
from recall.experiments.atlas import table as report_atlas


def fewest(weights, seed, method="alternating", facts=64):
    return {
        "kind": "run",
        "experiment": "atlas",
        "key": f"{method}{facts}{seed}",
        "method": method,
        "d": 16,
        "facts": facts,
        "seed": seed,
        "width": weights // 48,
        "weights": weights,
    }


def constructed(parameters, seed, stored=True):
    return {
        "kind": "run",
        "experiment": "atlas",
        "key": f"built{seed}",
        "construction": "fitted",
        "subjects": 8,
        "relations": 8,
        "answers": 4,
        "n": 64,
        "seed": seed,
        "stored": stored,
        "parameters": parameters,
    }


ROWS = [
    *[fewest(weights, seed) for seed, weights in enumerate((192, 192, 240))],
    *[fewest(400, seed, facts=128) for seed in range(3)],
    *[constructed(1024, seed) for seed in range(3)],
    constructed(None, 3, stored=False),
]


def entry(name, found):
    (only,) = [e for e in found if e.name == name]
    return only


def test_fewest_weights_of_seeds_are_one_entry_with_its_range():
    found = atlas.entries(ROWS)
    mine = [e for e in found if e.name == "bilinear, alternating"]
    assert [(e.parameters, e.facts, e.seeds) for e in mine] == [
        (192, 64, 3),
        (400, 128, 3),
    ]
    held = np.log2(np.arange(1, 65)).sum()  # log2 64!
    np.testing.assert_allclose(mine[0].bits, held / 192)
    np.testing.assert_allclose([mine[0].bits_low, mine[0].bits_high], held / [240, 192])


def test_a_constructed_transformer_holds_the_bits_of_its_answers():
    mine = entry("attention, fitted codes", atlas.entries(ROWS))
    assert (mine.method, mine.seeds) == ("convex", 3)
    np.testing.assert_allclose(mine.bits, 64 * 2 / 1024)


def test_the_ladder_takes_each_memory_at_its_best_and_begins_with_the_best():
    ladder = atlas.best(atlas.entries(ROWS))
    assert [e.name for e in ladder] == [
        "bilinear, alternating",
        "attention, fitted codes",
    ]
    assert ladder[0].facts == 128


def test_parameters_lie_between_sizes_or_are_unknown():
    found = atlas.entries(ROWS)
    name = "bilinear, alternating", "convex"
    few, many = (e.bits * e.parameters for e in found if e.name == name[0])
    np.testing.assert_allclose(atlas.parameters_for(found, *name, few), 192)
    between = atlas.parameters_for(found, *name, np.sqrt(few * many))
    np.testing.assert_allclose(between, np.sqrt(192 * 400))
    assert np.isnan(atlas.parameters_for(found, *name, 2 * many))


@pytest.mark.parametrize("trained", [True, False])
def test_a_capacity_is_an_entry_at_the_strictest_threshold(trained):
    memory = "linear" if trained else "outer_product"
    kind = {"trained": trained, "memory": memory, "activation": None}
    rows = [
        search(**kind, d=16, capacity=n + 5 * (t < 1), threshold=t, seed=seed)
        for t in (0.99, 1.0)
        for seed, n in enumerate((40, 50, 60))
    ]
    (only,) = atlas.entries(rows)
    assert (only.facts, only.facts_low, only.facts_high) == (50, 40, 60)
    assert only.method == ("trained" if trained else "constructed")


def test_a_figure_and_a_table_are_drawn():
    drawn = experiments.draw("atlas", ROWS)
    names = [text.get_text() for text in drawn.axes[1].get_yticklabels()]
    assert "bilinear, alternating  1" in names
    assert [line[0] for line in report_atlas.tables(ROWS)[0].rows] == [
        "bilinear, alternating",
        "attention, fitted codes",
    ]


# Its config

WRONG = [
    ("atlas", {"parts": ("mlps",)}, ["parts", "'mlps'", "'mlp'"]),
    ("atlas", {"linear__d": (0,)}, ["d to be", "0", ">= 1"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
