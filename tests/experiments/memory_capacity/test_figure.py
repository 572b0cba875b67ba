"""Figures of linear and MLP memories show what the rows say."""

import itertools

import numpy as np
import panels
import pytest
from capacity_rows import search
from numpy.testing import assert_allclose
from panels import dashed, data, marks, plotted, seeds

from recall import experiments
from recall.experiments.memory_capacity import figure
from recall.theory import laws


def linear_rows():
    """Three memories at three sizes and two thresholds, one search at its ceiling."""
    table = []
    of = {"experiment": "linear_capacity"}
    for d, threshold in itertools.product((16, 64, 256), (0.99, 1.0)):
        common = of | {"d": d, "m": None, "threshold": threshold, "activation": None}
        built = common | {"trained": False, "recipe": None}
        n = d * d // 16
        table += seeds([n, n + 2, n + 5], memory="linear", **common, censored=d == 256)
        table += seeds([n // 4, n // 4 + 1, n], memory="outer_product", **built)
        table += seeds(
            [n // 8, n // 8, n // 8], memory="low_rank", rank=d // 4, **built
        )
    return table


def mlp_rows():
    """Two widths at three sizes, N and 32 outputs."""
    return [
        row
        for d, ratio, outputs in itertools.product((8, 32, 128), (1, 4), (None, 32))
        for row in seeds(
            [d * d * ratio, d * d * ratio + 9],
            d=d,
            m=ratio * d,
            num_outputs=outputs,
        )
    ]


def activation_rows():
    """Sin stores more than relu at both sizes."""
    of = {"experiment": "mlp_activation"}
    return [
        row
        for (name, n), d in itertools.product(
            {"sin": 190, "relu": 160}.items(), (16, 17)
        )
        for row in seeds([n - 9, n, n + 9], d=d, m=16, activation=name, **of)
    ]


ROWS = {
    "linear_capacity": linear_rows(),
    "mlp_capacity": mlp_rows(),
    "mlp_activation": activation_rows(),
}


def test_linear_shows_medians_and_intervals_by_d_squared():
    left, right = experiments.draw("linear_capacity", linear_rows()).axes
    x, y, ends = plotted(left)["outer product"]
    assert_allclose(x, [256, 4096, 65536])
    assert_allclose(y, [5, 65, 1025])
    assert_allclose(ends, [[4, 16], [64, 256], [1024, 4096]])
    assert_allclose(plotted(left)["rank d/4"][1], [2, 32, 512])
    assert_allclose(plotted(left)["rank d/4"][0], [256, 4096, 65536])
    assert "99 %" in left.get_title(loc="left")
    assert "100 %" in right.get_title(loc="left")
    faces = [axes.lines[0].get_markerfacecolor() for axes in (left, right)]
    assert (faces[0] == "white", faces[1] == "white") == (True, False)


def test_censored_points_are_arrows_that_no_line_joins():
    left, _ = experiments.draw("linear_capacity", linear_rows()).axes
    assert marks(left, "bound") == [(65536, 4098)]
    assert_allclose(plotted(left)["trained linear"][0], [256, 4096])
    legend = left.figure.legends[0]
    assert "lower bound" in [text.get_text() for text in legend.get_texts()]


def test_diverged_and_empty_memories_are_marked():
    table = [
        *seeds([50, 60]),
        *seeds([20, 30], d=16, finite=False),
        *seeds([0, 0], d=8),
    ]
    (axes,) = experiments.draw("mlp_capacity", table).axes
    assert marks(axes, "diverged") == [(16 * 64, 25)]
    assert [x for x, _ in marks(axes, "nothing")] == [8 * 64]
    assert_allclose(plotted(axes)["$m = 2\\,d$"][1], [55])


def test_linear_theory_is_dashed_and_named():
    left, right = experiments.draw("linear_capacity", linear_rows()).axes
    x, y = data(dashed(left)[0])
    assert_allclose(y, laws.outer_product_facts(np.sqrt(x), 0.99))
    names = [text.get_text() for text in left.texts]
    assert len(names) == len(dashed(left)) == 4
    assert sum("guide" in name for name in names) == 1
    assert not [text for text in right.texts if "guide" in text.get_text()]


def test_mlp_has_a_panel_per_outputs_and_a_colour_per_width():
    own, fixed = experiments.draw("mlp_capacity", mlp_rows()).axes
    assert "32 outputs" in fixed.get_title(loc="left")
    assert set(plotted(own)) == {"$m = d$", "$m = 4\\,d$"}
    x, y, _ = plotted(own)["$m = 4\\,d$"]
    assert_allclose(x, [256, 4096, 65536])
    assert_allclose(y, x + 4.5)
    colours = {line.get_color() for line in own.lines if line not in dashed(own)}
    assert len(colours) == 2
    x, y = data(dashed(own)[0])
    assert_allclose(x, 0.35 * y * np.log(y))
    x, y = data(dashed(fixed)[0])
    assert_allclose(x, 1.2 * y)


def test_mlp_recipes_have_panels_of_their_own():
    table = [*seeds([50, 60]), *seeds([70, 80], recipe="cosine")]
    titles = [
        a.get_title(loc="left") for a in experiments.draw("mlp_capacity", table).axes
    ]
    assert [title.split(", ")[-1] for title in titles] == ["cosine", "published"]


def test_activations_show_the_constant_best_last():
    (axes,) = experiments.draw("mlp_activation", activation_rows()).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["relu", "sin"]
    x, y, ends = plotted(axes)["$d = 16$, $m = 16$"]
    assert_allclose(np.round(x), [0, 1])
    assert_allclose(y, [n * np.log(n) / 256 for n in (160, 190)])
    assert_allclose(ends[1], [n * np.log(n) / 256 for n in (181, 199)])
    assert_allclose(data(dashed(axes)[0])[1], 1 / 0.35)


def test_a_single_seed_has_no_bars():
    (axes,) = experiments.draw("mlp_capacity", [search(50), search(60, d=64)]).axes
    _, y, ends = plotted(axes)["$m = 2\\,d$"]
    assert_allclose(ends, [[50, 50]])
    assert_allclose(y, [50])


def test_a_figure_needs_rows_of_its_memories():
    with pytest.raises(ValueError, match="outer_product"):
        figure.linear(mlp_rows())


@pytest.mark.parametrize("name", ROWS)
def test_texts_overlap_nowhere(name):
    panels.check_texts(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_the_legend_covers_no_data(name):
    panels.check_legend(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_files_are_alike_to_the_byte(name, tmp_path):
    panels.check_bytes(name, ROWS[name], tmp_path)
