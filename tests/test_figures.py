"""Figures show what the rows say, legibly, and twice alike."""

import itertools
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from capacity_rows import search
from matplotlib.text import Annotation
from numpy.testing import assert_allclose

from recall import figures, theory
from recall.figures import capacity, style

DRAW = figures.FIGURES


def seeds(capacities, **fields):
    """One row a seed."""
    return [search(c, seed=s, **fields) for s, c in enumerate(capacities)]


def linear_rows():
    """Three memories at three sizes and two thresholds, one search at its ceiling."""
    table = []
    for d, threshold in itertools.product((16, 64, 256), (0.99, 1.0)):
        common = {"d": d, "m": None, "threshold": threshold, "activation": None}
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
    return [
        row
        for (name, n), d in itertools.product(
            {"sin": 190, "relu": 160}.items(), (16, 17)
        )
        for row in seeds([n - 9, n, n + 9], d=d, m=16, activation=name)
    ]


ROWS = {
    "linear_capacity": linear_rows(),
    "mlp_capacity": mlp_rows(),
    "mlp_activation": activation_rows(),
}


def data(line):
    """What a line joins."""
    return tuple(np.asarray(values, float) for values in line.get_data())


def plotted(axes):
    """The series of a panel by their labels: x, y, and the ends of the bars."""
    bars = {}
    for container in axes.containers:
        line, _, (segments,) = container.lines
        ends = np.array(segments.get_segments()).reshape(-1, 2, 2)[..., 1]
        bars[container.get_label()] = (*data(line), ends)
    return bars


def marks(axes, gid):
    """Where the marks of a kind are."""
    return [
        tuple(place)
        for marks in axes.collections
        if marks.get_gid() == gid
        for place in np.asarray(marks.get_offsets())
    ]


def dashed(axes):
    """The lines of theory."""
    return [line for line in axes.lines if line.get_linestyle() == "--"]


def test_linear_shows_medians_and_intervals_by_d_squared():
    left, right = DRAW["linear_capacity"](linear_rows()).axes
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
    left, _ = DRAW["linear_capacity"](linear_rows()).axes
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
    (axes,) = DRAW["mlp_capacity"](table).axes
    assert marks(axes, "diverged") == [(16 * 64, 25)]
    assert [x for x, _ in marks(axes, "nothing")] == [8 * 64]
    assert_allclose(plotted(axes)["$m = 2\\,d$"][1], [55])


def test_linear_theory_is_dashed_and_named():
    left, right = DRAW["linear_capacity"](linear_rows()).axes
    x, y = data(dashed(left)[0])
    assert_allclose(y, theory.outer_product_facts(np.sqrt(x), 0.99))
    names = [text.get_text() for text in left.texts]
    assert len(names) == len(dashed(left)) == 4
    assert sum("guide" in name for name in names) == 1
    assert not [text for text in right.texts if "guide" in text.get_text()]


def test_mlp_has_a_panel_per_outputs_and_a_colour_per_width():
    own, fixed = DRAW["mlp_capacity"](mlp_rows()).axes
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
    titles = [a.get_title(loc="left") for a in DRAW["mlp_capacity"](table).axes]
    assert [title.split(", ")[-1] for title in titles] == ["cosine", "published"]


def test_activations_show_the_constant_best_last():
    (axes,) = DRAW["mlp_activation"](activation_rows()).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["relu", "sin"]
    x, y, ends = plotted(axes)["$d = 16$, $m = 16$"]
    assert_allclose(np.round(x), [0, 1])
    assert_allclose(y, [n * np.log(n) / 256 for n in (160, 190)])
    assert_allclose(ends[1], [n * np.log(n) / 256 for n in (181, 199)])
    assert_allclose(data(dashed(axes)[0])[1], 1 / 0.35)


def test_a_single_seed_has_no_bars():
    (axes,) = DRAW["mlp_capacity"]([search(50), search(60, d=64)]).axes
    _, y, ends = plotted(axes)["$m = 2\\,d$"]
    assert_allclose(ends, [[50, 50]])
    assert_allclose(y, [50])


def test_figures_need_rows_of_theirs():
    with pytest.raises(ValueError, match="outer_product"):
        DRAW["linear_capacity"](mlp_rows())


def overlapping(boxes):
    """The pairs of boxes that share more than a pixel."""
    return [
        (a, b)
        for (a, p), (b, q) in itertools.combinations(boxes, 2)
        if min(p.x1, q.x1) - max(p.x0, q.x0) > 1
        and min(p.y1, q.y1) - max(p.y0, q.y0) > 1
    ]


@pytest.mark.parametrize("name", DRAW)
def test_texts_overlap_nowhere_and_the_legend_covers_no_data(name):
    figure = DRAW[name](ROWS[name])
    figure.draw_without_rendering()
    texts = []
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [
            t for t in axes.get_xticklabels() if low <= t.get_position()[0] <= high
        ]
        low, high = axes.get_ylim()
        ticks += [
            t for t in axes.get_yticklabels() if low <= t.get_position()[1] <= high
        ]
        labels = [text for text in axes.texts if isinstance(text, Annotation)]
        texts += [*ticks, *labels, axes.title, axes.xaxis.label, axes.yaxis.label]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
    assert len(boxes) > 8
    assert not overlapping(boxes)
    (legend,) = figure.legends
    for axes in figure.axes:
        assert not axes.get_window_extent().overlaps(legend.get_window_extent())


@pytest.mark.parametrize("name", DRAW)
def test_files_are_alike_to_the_byte(name, tmp_path):
    for stem in ("once", "twice"):
        style.save(DRAW[name](ROWS[name]), tmp_path / stem)
    for suffix in (".svg", ".png"):
        once, twice = (
            (tmp_path / f"{s}{suffix}").read_bytes() for s in ("once", "twice")
        )
        assert once == twice
        assert len(once) > 10_000
    assert b"date" not in (tmp_path / "once.svg").read_bytes()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (40, 2e4, [100, 1000, 10_000]),
        (170, 9e4, [300, 1000, 3000, 10_000, 30_000]),
        (150, 2000, [200, 500, 1000, 2000]),
        (210, 520, [300, 400, 500]),
    ],
)
def test_log_ticks_are_few_and_plain(low, high, expected):
    _, (axes,) = style.panels(1)
    style.log_axis(axes.xaxis, low, high)
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert_allclose(shown, expected)
    axes.figure.draw_without_rendering()
    assert not any(t.get_text() for t in axes.get_xticklabels(minor=True))
    assert "1,000" in [t.get_text() for t in axes.get_xticklabels()]


def test_labels_at_an_edge_part_around_their_middle():
    assert_allclose(style._spread([0.5, 0.5], 0.1), [0.45, 0.55])
    assert_allclose(style._spread([0.1, 0.5, 0.52, 0.54], 0.1), [0.1, 0.42, 0.52, 0.62])
    assert_allclose(style._spread([0.2, 0.9], 0.1), [0.2, 0.9])


def test_figures_load_without_jax():
    load = "import sys, recall.figures, recall.report; assert 'jax' not in sys.modules"
    root = pathlib.Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", load], cwd=root, check=True)


def test_every_figure_is_drawn_by_name():
    assert {
        "linear_capacity": capacity.linear,
        "mlp_capacity": capacity.mlp,
        "mlp_activation": capacity.activations,
    } == DRAW
