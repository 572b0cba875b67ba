"""Figures show what the rows say, legibly, and twice alike."""

import functools
import itertools
import pathlib

import numpy as np
import pytest
from capacity_rows import probe, search, trace, transformer
from numpy.testing import assert_allclose

from recall import experiments, plotting
from recall.experiments.transformer_capacity import summary as tradeoffs
from recall.store import journal
from recall.theory import laws

DRAW = {name: functools.partial(experiments.draw, name) for name in experiments.plans()}
RESULTS = pathlib.Path(__file__).parents[2] / "results"


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


def recall_rows():
    """Two ratios of attention and of MLP at three widths, one search at its ceiling."""
    table = []
    for d, alpha, beta in itertools.product((16, 32, 64), (0.5, 1.0), (0.25, 1.0)):
        shape = {"d": d, "head_dim": int(alpha * d / 8), "m": int(beta * d)}
        n = int(0.14 * (32 * shape["head_dim"] * d + 2 * shape["m"] * d))
        censored = (d, alpha, beta) == (64, 1.0, 1.0)
        for seed, facts in enumerate((n - 9, n, n + 7)):
            table.append(transformer(facts, seed=seed, censored=censored, **shape))
    return table


HEADS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32)  # those of the config
UNITS = (1, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)


def grid_accuracy(heads, m):
    """The level of 99 % is reached where MLP = 2000 - attention / 4."""
    return min(1.0, max(0.05, 0.99 + 1e-4 * (32 * m + 64 * heads - 2000)))


def grid_rows(heads=HEADS, units=UNITS, **fields):
    return [
        probe(grid_accuracy(h, m) + error, heads=h, m=m, seed=seed, **fields)
        for h, m in itertools.product(heads, units)
        for seed, error in enumerate((-0.03, 0.0, 0.0))
    ]


def train_rows():
    """Three seeds from where nothing is known to where everything is."""
    return [
        trace(steps, 4.5 * 2 ** -(steps / 512), 1 - 2 ** -(steps / 512), seed=seed)
        for seed, last in enumerate((2048, 4096, 3072))
        for steps in range(128, last + 1, 128)
    ]


ROWS = {
    "linear_capacity": linear_rows(),
    "mlp_capacity": mlp_rows(),
    "mlp_activation": activation_rows(),
    "mlp_construction": construction_rows(),
    "recall_capacity": recall_rows(),
    "tradeoff": grid_rows(),
    "recall_train": train_rows(),
}
STAGES = ("sequential_learning", "stage_optimizer", "stage_ratio")
ROWS |= {name: journal.read_csv(RESULTS / f"{name}.csv") for name in STAGES}


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
    assert_allclose(y, laws.outer_product_facts(np.sqrt(x), 0.99))
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
    with pytest.raises(ValueError, match="capacity rows of transformers"):
        DRAW["recall_capacity"](mlp_rows())
    with pytest.raises(ValueError, match="rows of a training run"):
        DRAW["recall_train"](recall_rows())
    with pytest.raises(ValueError, match="probes of transformers"):
        DRAW["tradeoff"](recall_rows())


# Transformers


def all_plotted(axes):
    """The points of all series of a panel and the ends of their bars, by x."""
    found = [
        (x, y, *bar)
        for container in axes.containers
        for x, y, bar in zip(*bars_of(container), strict=True)
    ]
    return np.array(sorted(found))


def medians(axes):
    return [container.lines[0] for container in axes.containers]


def bars_of(container):
    line, _, (segments,) = container.lines
    ends = np.array(segments.get_segments()).reshape(-1, 2, 2)[..., 1]
    return (*data(line), ends)


def test_transformers_show_medians_and_intervals_at_their_parameters():
    left, right = DRAW["recall_capacity"](recall_rows()).axes
    expected = {
        row["parameters"]: row["capacity"]
        for row in recall_rows()
        if row["seed"] == 1 and not row["censored"]
    }
    assert len(expected) == 11
    table = np.array([(P, n, n - 9, n + 7) for P, n in sorted(expected.items())])
    assert_allclose(all_plotted(left), table)
    parameters = table[:, :1].astype(float)
    each = np.hstack([parameters, table[:, 1:] / parameters])
    assert_allclose(all_plotted(right), each)


def test_transformers_that_stored_their_ceiling_are_arrows():
    left, right = DRAW["recall_capacity"](recall_rows()).axes
    P = 4 * 64 * 64 + 2 * 64 * 64
    n = int(0.14 * P)
    assert marks(left, "bound") == [(P, n)]
    assert marks(right, "bound") == [(P, n / P)]


@pytest.mark.parametrize("answers", [8, 4])
def test_the_published_guide_is_drawn_for_eight_answers_and_bits_for_any(answers):
    table = [row | {"num_outputs": answers} for row in recall_rows()]
    left, right = DRAW["recall_capacity"](table).axes
    slopes = ([0.15] if answers == 8 else []) + [k / np.log2(answers) for k in (1, 2)]
    assert len(dashed(left)) == len(dashed(right)) == len(slopes)
    for line, slope in zip(dashed(left), slopes, strict=True):
        x, y = data(line)
        assert_allclose(y, slope * x)
    for line, slope in zip(dashed(right), slopes, strict=True):
        assert_allclose(data(line)[1], slope)
    names = [text.get_text() for text in right.texts]
    assert [name for name in names if "guide" in name] == (
        ["guide, 0.15 $P$"] if answers == 8 else []
    )
    assert sum("a parameter" in name for name in names) == 2


def test_attention_has_colours_mlps_have_markers_and_a_part_is_hollow():
    left, _ = DRAW["recall_capacity"](recall_rows()).axes
    names = [text.get_text() for text in left.figure.legends[0].get_texts()]
    assert names == [
        *(r"$H d_h/d \approx 0.5$", r"$H d_h/d \approx 1$"),
        *(r"$m/d \approx 0.25$", r"$m/d \approx 1$", "lower bound"),
    ]
    found = {}
    for line in medians(left):
        for P in data(line)[0]:
            found[int(P)] = line.get_color(), line.get_marker()
        assert line.get_markerfacecolor() == "white"
    for row in recall_rows():
        if not row["censored"]:
            share = row["heads"] * row["head_dim"] / row["d"]
            colour = plotting.look([0.5, 1.0].index(share)).colour
            marker = plotting.look([0.25, 1.0].index(row["m"] / row["d"])).marker
            assert found[row["parameters"]] == (colour, marker)
    whole = [row | {"threshold": 1.0} for row in recall_rows()]
    left, _ = DRAW["recall_capacity"](whole).axes
    assert medians(left)[0].get_markerfacecolor() == plotting.look(0).colour
    assert left.get_title(loc="left") == "100 % of facts, S=R"


def test_transformers_that_stored_nothing_are_marked():
    shape = {"d": 16, "head_dim": 1, "m": 4}
    table = [*recall_rows()[3:], *[transformer(0, seed=s, **shape) for s in range(3)]]
    left, _ = DRAW["recall_capacity"](table).axes
    assert [x for x, _ in marks(left, "nothing")] == [640]


def test_a_sweep_that_stored_nothing_is_drawn():
    table = [transformer(0, seed=seed, num_outputs=4) for seed in range(3)]
    assert DRAW["recall_capacity"](table).axes


def test_every_transformer_is_inside_its_panels():
    table = [row | {"num_outputs": 2} for row in recall_rows()]
    table = [row | {"capacity": 10 * row["capacity"]} for row in table]
    for axes in DRAW["recall_capacity"](table).axes:
        low, high = axes.get_ylim()
        inside = (all_plotted(axes)[:, 1] > low) & (all_plotted(axes)[:, 1] < high)
        assert inside.all()


def test_constructed_mlps_have_a_panel_for_each_width_and_one_for_activations():
    panels = DRAW["mlp_construction"](construction_rows()).axes
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


def text_of(accuracy):
    """Rounded down: only all facts are 1."""
    return "1" if accuracy == 1 else f"{int(100 * accuracy) / 100:.2f}"[1:]


def test_a_grid_shows_each_accuracy_in_its_cell():
    axes = DRAW["tradeoff"](grid_rows()).axes[0]
    shown, (left, bottom), (right, top) = image_of(axes)
    expected = [[grid_accuracy(h, m) for m in UNITS] for h in HEADS]
    assert_allclose(shown, expected)
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {
        (32 * m, 256 * h): text_of(grid_accuracy(h, m)) for h in HEADS for m in UNITS
    }
    assert left < 32 * UNITS[0] < 32 * UNITS[-1] < right
    assert bottom < 256 * HEADS[0] < 256 * HEADS[-1] < top
    assert (axes.get_xlim(), axes.get_ylim()) == ((left, right), (bottom, top))


def image_of(axes):
    """The values of an image, and its lower left and upper right corners."""
    (image,) = axes.collections
    corners = image.get_coordinates()
    return image.get_array().reshape(corners.shape[0] - 1, -1), *corners[
        [0, -1], [0, -1]
    ]


def labelled(axes, start):
    """The line whose name starts like that; None if there is none."""
    lines = [line for line in axes.lines if str(line.get_label()).startswith(start)]
    return lines[0] if lines else None


def test_a_grid_shows_the_fitted_line_and_its_crossings():
    axes = DRAW["tradeoff"](grid_rows()).axes[0]
    fit = tradeoffs.line(tradeoffs.grid(grid_rows()))
    line = labelled(axes, "99%")
    assert line is not None
    mlp, attention = data(line)
    assert_allclose(mlp, fit.intercept + fit.slope * attention)
    assert f"{fit.intercept:.0f}" in str(line.get_label())
    assert f"{fit.slope:.2f}" in str(line.get_label())
    points = [data(line) for line in axes.lines if line.get_marker() == "o"]
    assert_allclose(points, [(fit.mlp, fit.attention)])


def test_the_published_line_is_drawn_at_the_size_it_was_published_for():
    axes = DRAW["tradeoff"](grid_rows()).axes[0]
    published = labelled(axes, "published")
    assert published is not None
    mlp, attention = data(published)
    assert_allclose(mlp, 2300 - attention / 2)
    least = [data(line)[1] for line in dashed(axes) if line is not published]
    assert_allclose(least, [[1280, 1280]])
    other = DRAW["tradeoff"](grid_rows(n=100)).axes[0]
    assert labelled(other, "published") is None
    assert not dashed(other)


def test_all_weights_are_counted_on_the_opposite_sides():
    figure = DRAW["tradeoff"](grid_rows())
    figure.draw_without_rendering()
    axes = figure.axes[0]
    top, right = axes.child_axes
    assert_allclose(top.get_xlim(), 2 * np.array(axes.get_xlim()))
    assert_allclose(right.get_ylim(), 4 * np.array(axes.get_ylim()))


def test_a_cell_without_a_probe_is_empty():
    table = [row for row in grid_rows() if (row["heads"], row["m"]) != (2, 8)]
    axes = DRAW["tradeoff"](table).axes[0]
    written = {text.get_position() for text in axes.texts}
    assert (256, 512) not in written
    assert len(written) == len(HEADS) * len(UNITS) - 1


def test_a_grid_without_a_line_is_drawn():
    figure = DRAW["tradeoff"](grid_rows((1, 2), (1, 8), n=64))
    assert labelled(figure.axes[0], "99%") is None


def test_a_grid_of_attention_only_is_drawn():
    assert DRAW["tradeoff"](grid_rows(units=(0,))).axes[0].texts


def test_training_shows_a_curve_per_seed():
    left, right = DRAW["recall_train"](train_rows()).axes
    for seed in range(3):
        own = [row for row in train_rows() if row["seed"] == seed]
        for axes, column in ((left, "loss"), (right, "accuracy")):
            curve = labelled(axes, f"seed {seed}")
            assert curve is not None
            x, y = data(curve)
            assert_allclose(x, [row["steps"] for row in own])
            assert_allclose(y, [row[column] for row in own])
            assert curve.get_color() == plotting.look(seed).colour
    assert len(right.lines) == 3


def test_training_at_two_rates_shows_a_curve_for_each():
    """Rows of one seed may have the same steps."""
    table = [
        row | {"learning_rate": rate, "loss": row["loss"] + rate}
        for row in train_rows()
        for rate in (0.03, 0.01)
    ]
    left, right = DRAW["recall_train"](table[::-1]).axes
    assert len(right.lines) == len(left.lines) - len(dashed(left)) == 6
    for line in right.lines:
        assert (np.diff(data(line)[0]) > 0).all()


def test_training_is_compared_with_what_is_known():
    left, _ = DRAW["recall_train"](train_rows()).axes
    levels = [data(line)[1] for line in dashed(left)]
    assert_allclose(levels, [[np.log(10 * 8)] * 2, [np.log(8)] * 2])
    names = [text.get_text() for text in left.texts]
    assert [name.split(",")[1].strip() for name in names] == [
        "nothing known",
        "relation known",
    ]


def test_checks_that_are_not_finite_are_left_out():
    broken = [trace(2176 + 128 * i, None, 0.1, finite=False) for i in range(3)]
    left, _ = DRAW["recall_train"]([*train_rows(), *broken]).axes
    x, _ = data(labelled(left, "seed 0"))
    assert x.max() == 2048


def test_a_run_that_diverged_at_once_is_drawn():
    assert DRAW["recall_train"]([trace(128, None, 0.0, finite=False)]).axes


def test_training_on_a_world_of_as_many_answers_as_subjects_is_drawn():
    table = [row | {"world": "D=S", "num_outputs": None} for row in train_rows()]
    assert DRAW["recall_train"](table).axes


def overlapping(boxes):
    """The pairs of boxes that share more than a pixel."""
    return [
        (a, b)
        for (a, p), (b, q) in itertools.combinations(boxes, 2)
        if min(p.x1, q.x1) - max(p.x0, q.x0) > 1
        and min(p.y1, q.y1) - max(p.y0, q.y0) > 1
    ]


def texts_of(axes):
    """The texts of a panel that are seen."""
    low, high = axes.get_xlim()
    ticks = [t for t in axes.get_xticklabels() if low <= t.get_position()[0] <= high]
    low, high = axes.get_ylim()
    ticks += [t for t in axes.get_yticklabels() if low <= t.get_position()[1] <= high]
    titles = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
    inner = [text for child in axes.child_axes for text in texts_of(child)]
    return [*ticks, *axes.texts, *titles, *inner]


@pytest.mark.parametrize("name", ROWS)
def test_texts_overlap_nowhere(name):
    figure = DRAW[name](ROWS[name])
    figure.draw_without_rendering()
    texts = [text for axes in figure.axes for text in texts_of(axes)]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
    assert len(boxes) > 8
    assert not overlapping(boxes)


@pytest.mark.parametrize("name", ROWS)
def test_the_legend_covers_no_data(name):
    figure = DRAW[name](ROWS[name])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    for axes in figure.axes:
        assert not axes.get_window_extent().overlaps(legend.get_window_extent())


@pytest.mark.parametrize("name", ROWS)
def test_files_are_alike_to_the_byte(name, tmp_path):
    for stem in ("once", "twice"):
        plotting.save(DRAW[name](ROWS[name]), tmp_path / stem)
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
    _, (axes,) = plotting.panels(1)
    plotting.log_axis(axes.xaxis, low, high)
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert_allclose(shown, expected)
    axes.figure.draw_without_rendering()
    assert not any(t.get_text() for t in axes.get_xticklabels(minor=True))
    assert "1,000" in [t.get_text() for t in axes.get_xticklabels()]


def test_labels_at_an_edge_part_around_their_middle():
    assert_allclose(plotting._spread([0.5, 0.5], 0.1), [0.45, 0.55])
    assert_allclose(
        plotting._spread([0.1, 0.5, 0.52, 0.54], 0.1), [0.1, 0.42, 0.52, 0.62]
    )
    assert_allclose(plotting._spread([0.2, 0.9], 0.1), [0.2, 0.9])


@pytest.mark.parametrize("name", sorted(DRAW.keys() - ROWS.keys()))
def test_other_figures_are_drawn_from_committed_rows(name):
    rows = journal.read_csv(RESULTS / f"{name}.csv")
    drawn = DRAW[name](rows)
    drawn.draw_without_rendering()
    assert any(axes.has_data() for axes in drawn.axes)
    with pytest.raises(ValueError, match=r"^Expected "):
        DRAW[name]([])
