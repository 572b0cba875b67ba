"""Figures of transformers show what the rows say."""

import itertools

import numpy as np
import panels
import pytest
from capacity_rows import probe, search, trace, transformer
from numpy.testing import assert_allclose
from panels import dashed, data, labelled, marks

from recall import experiments, plotting
from recall.experiments.transformer_capacity import figure
from recall.experiments.transformer_capacity import summary as tradeoffs


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


HEADS = (
    1,
    2,
    4,
    6,
    8,
    10,
    12,
    14,
    16,
    20,
    24,
    28,
    32,
)  # those of the config  # those of the config
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
    "recall_capacity": recall_rows(),
    "tradeoff": grid_rows(),
    "recall_train": train_rows(),
}


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
    left, right = experiments.draw("recall_capacity", recall_rows()).axes
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
    left, right = experiments.draw("recall_capacity", recall_rows()).axes
    P = 4 * 64 * 64 + 2 * 64 * 64
    n = int(0.14 * P)
    assert marks(left, "bound") == [(P, n)]
    assert marks(right, "bound") == [(P, n / P)]


@pytest.mark.parametrize("answers", [8, 4])
def test_the_published_guide_is_drawn_for_eight_answers_and_bits_for_any(answers):
    table = [row | {"num_outputs": answers} for row in recall_rows()]
    left, right = experiments.draw("recall_capacity", table).axes
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
    left, _ = experiments.draw("recall_capacity", recall_rows()).axes
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
    left, _ = experiments.draw("recall_capacity", whole).axes
    assert medians(left)[0].get_markerfacecolor() == plotting.look(0).colour
    assert left.get_title(loc="left") == "100 % of facts, S=R"


def test_transformers_that_stored_nothing_are_marked():
    shape = {"d": 16, "head_dim": 1, "m": 4}
    table = [*recall_rows()[3:], *[transformer(0, seed=s, **shape) for s in range(3)]]
    left, _ = experiments.draw("recall_capacity", table).axes
    assert [x for x, _ in marks(left, "nothing")] == [640]


def test_a_sweep_that_stored_nothing_is_drawn():
    table = [transformer(0, seed=seed, num_outputs=4) for seed in range(3)]
    assert experiments.draw("recall_capacity", table).axes


def test_every_transformer_is_inside_its_panels():
    table = [row | {"num_outputs": 2} for row in recall_rows()]
    table = [row | {"capacity": 10 * row["capacity"]} for row in table]
    for axes in experiments.draw("recall_capacity", table).axes:
        low, high = axes.get_ylim()
        inside = (all_plotted(axes)[:, 1] > low) & (all_plotted(axes)[:, 1] < high)
        assert inside.all()


def text_of(accuracy):
    """Rounded down: only all facts are 1."""
    return "1" if accuracy == 1 else f"{int(100 * accuracy) / 100:.2f}"[1:]


def test_a_grid_shows_each_accuracy_in_its_cell():
    axes = experiments.draw("tradeoff", grid_rows()).axes[0]
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


def test_a_grid_shows_the_fitted_line_and_its_crossings():
    axes = experiments.draw("tradeoff", grid_rows()).axes[0]
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
    axes = experiments.draw("tradeoff", grid_rows()).axes[0]
    published = labelled(axes, "published")
    assert published is not None
    mlp, attention = data(published)
    assert_allclose(mlp, 2300 - attention / 2)
    least = [data(line)[1] for line in dashed(axes) if line is not published]
    assert_allclose(least, [[1280, 1280]])
    other = experiments.draw("tradeoff", grid_rows(n=100)).axes[0]
    assert labelled(other, "published") is None
    assert not dashed(other)


def test_all_weights_are_counted_on_the_opposite_sides():
    figure = experiments.draw("tradeoff", grid_rows())
    figure.draw_without_rendering()
    axes = figure.axes[0]
    top, right = axes.child_axes
    assert_allclose(top.get_xlim(), 2 * np.array(axes.get_xlim()))
    assert_allclose(right.get_ylim(), 4 * np.array(axes.get_ylim()))


def test_a_cell_without_a_probe_is_empty():
    table = [row for row in grid_rows() if (row["heads"], row["m"]) != (2, 8)]
    axes = experiments.draw("tradeoff", table).axes[0]
    written = {text.get_position() for text in axes.texts}
    assert (256, 512) not in written
    assert len(written) == len(HEADS) * len(UNITS) - 1


def test_a_grid_without_a_line_is_drawn():
    figure = experiments.draw("tradeoff", grid_rows((1, 2), (1, 8), n=64))
    assert labelled(figure.axes[0], "99%") is None


def test_a_grid_of_attention_only_is_drawn():
    assert experiments.draw("tradeoff", grid_rows(units=(0,))).axes[0].texts


def test_training_shows_a_curve_per_seed():
    left, right = experiments.draw("recall_train", train_rows()).axes
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
    left, right = experiments.draw("recall_train", table[::-1]).axes
    assert len(right.lines) == len(left.lines) - len(dashed(left)) == 6
    for line in right.lines:
        assert (np.diff(data(line)[0]) > 0).all()


def test_training_is_compared_with_what_is_known():
    left, _ = experiments.draw("recall_train", train_rows()).axes
    levels = [data(line)[1] for line in dashed(left)]
    assert_allclose(levels, [[np.log(10 * 8)] * 2, [np.log(8)] * 2])
    names = [text.get_text() for text in left.texts]
    assert [name.split(",")[1].strip() for name in names] == [
        "nothing known",
        "relation known",
    ]


def test_checks_that_are_not_finite_are_left_out():
    broken = [trace(2176 + 128 * i, None, 0.1, finite=False) for i in range(3)]
    left, _ = experiments.draw("recall_train", [*train_rows(), *broken]).axes
    x, _ = data(labelled(left, "seed 0"))
    assert x.max() == 2048


def test_a_run_that_diverged_at_once_is_drawn():
    assert experiments.draw("recall_train", [trace(128, None, 0.0, finite=False)]).axes


def test_training_on_a_world_of_as_many_answers_as_subjects_is_drawn():
    table = [row | {"world": "D=S", "num_outputs": None} for row in train_rows()]
    assert experiments.draw("recall_train", table).axes


def test_figures_need_rows_of_theirs():
    with pytest.raises(ValueError, match="capacity rows of transformers"):
        figure.capacity([search(50)])
    with pytest.raises(ValueError, match="rows of a training run"):
        figure.training(recall_rows())
    with pytest.raises(ValueError, match="probes of transformers"):
        figure.tradeoff(recall_rows())


@pytest.mark.parametrize("name", ROWS)
def test_texts_overlap_nowhere(name):
    panels.check_texts(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_the_legend_covers_no_data(name):
    panels.check_legend(name, ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_files_are_alike_to_the_byte(name, tmp_path):
    panels.check_bytes(name, ROWS[name], tmp_path)
