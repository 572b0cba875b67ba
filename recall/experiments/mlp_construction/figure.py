"""Figure of constructed MLP memories: facts against weights, and activations.

Marks mean what they do in `memory_capacity`. A row of panels for each threshold: one
for each width, and at the right the facts of Hermite memories by activation and degree.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.memory_capacity import figure as capacity
from recall.stats import points as rows_lib
from recall.theory import features, laws

Point = rows_lib.Point

MEMORIES = (
    *("hermite", "gated_hermite", "sign_gates", "bilinear", "relu_features"),
    *("hebbian", "data_dependent"),
)
# Colours and markers, by index: Hermite memories come first, by their degree.
_LOOKS = {
    "sign_gates": (4, 4),
    "data_dependent": (5, 5),
    "bilinear": (6, 0),
    "relu_features": (6, 1),
    "hebbian": (6, 3),
}


@plotting.styled
def draw(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws facts of constructed MLP memories against md, and by activation."""
    points = capacity.select(rows, MEMORIES)
    grown = [point for point in points if _fits(point)]
    thresholds = sorted({point.threshold for point in points})
    widths = sorted({point.d for point in points})
    figure, grid = _panels(len(thresholds), len(widths) + 1)
    for panels, threshold in zip(grid, thresholds, strict=True):
        for axes, d in zip(panels, widths, strict=False):
            group = [p for p in grown if (p.d, p.threshold) == (d, threshold)]
            _by_weights(axes, group, grown)
            axes.set_title(f"$d = {d}$, {100 * threshold:g} % of facts")
        _by_activation(panels[-1], [p for p in points if p.threshold == threshold])
    plotting.legend(figure)
    return figure


def _panels(num_rows: int, num_columns: int) -> tuple[Figure, np.ndarray]:
    size = (3.6 * num_columns, 3.4 * num_rows + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axisbelow(True)
    return figure, grid


def _fits(point: Point) -> bool:
    """Tells whether the activation, if any, is the polynomial of the degree."""
    return point.degree is None or point.activation == f"hermite{point.degree + 1}"


def _name(point: Point) -> str:
    degree = "" if point.degree is None else f", $k = {point.degree}$"
    return rows_lib.label(point, []) + degree


def _look(point: Point) -> plotting.Look:
    """Returns a colour per memory, one for gated and plain memories of a degree."""
    degree = point.degree or 0
    colour, marker = _LOOKS.get(point.memory, (degree, degree))
    look = plotting.Look(
        colour=plotting.PALETTE[colour], marker=plotting.MARKERS[marker]
    )
    return look._replace(marker="x") if point.memory == "gated_hermite" else look


def _by_weights(
    axes: Axes, points: Sequence[Point], everything: Sequence[Point]
) -> None:
    """Draws facts against md, and the laws of Hermite memories."""
    x = capacity.span(point.x for point in everything)
    capacity.log_axes(axes, everything, x, "weights of one matrix, $md$")
    for name, group in capacity.split(points, _name).items():
        look = _look(group[0])
        capacity.mark(axes, group, lambda p: p.x, look, name)
        if group[0].memory == "gated_hermite":
            d, k = group[0].d, group[0].degree or 0
            law = features.hermite_facts(x / d, d, k, group[0].threshold)
            plotting.theory_line(axes, x, law, look.colour)
    trained = laws.law_facts(laws.MLP_TRAINED, x)
    plotting.theory_line(axes, x, trained, "black")
    axes.plot([], [], "--", color="black", linewidth=0.9, label="trained MLP, guide")
    axes.plot([], [], "--", color=plotting.GREY, linewidth=0.9, label="law, derived")


def _by_activation(axes: Axes, points: Sequence[Point]) -> None:
    """Draws facts of plain Hermite memories at one m / d, by activation and degree."""
    plain = [point for point in points if point.memory == "hermite"]
    # Other activations were tried at one ratio: only there can they be compared.
    ratios = {(point.m or 0) / point.d for point in plain if not _fits(point)}
    plain = [point for point in plain if (point.m or 0) / point.d in ratios]
    kinds = sorted({(p.degree or 0, str(p.activation)) for p in plain})
    places = {kind: place for place, kind in enumerate(kinds)}
    for index, (d, group) in enumerate(
        sorted(capacity.split(plain, lambda p: p.d).items())
    ):
        capacity.mark(
            axes,
            group,
            lambda p: places[p.degree or 0, str(p.activation)],
            plotting.look(index)._replace(colour=plotting.GREY),
            f"$d = {d}$",
            y=lambda _, facts: facts,
        )
    labels = [f"{activation}, {k}" for k, activation in kinds]
    axes.set_xticks(range(len(kinds)), labels, rotation=90)
    ends = [n for point in plain for n in (point.low, point.high, point.median)]
    y = capacity.span([n for n in ends if 1 < n < np.inf] or [1.0, 10.0])
    plotting.log_axis(axes.yaxis, y[0], y[-1])
    axes.set(ylabel="facts stored, $N$", xlabel="activation, degree $k$")
    axes.set_title(f"$m = {max(ratios, default=0):g}\\,d$, by activation")
