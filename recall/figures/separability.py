"""Figures of exact capacities: between what is stored and what is proved impossible."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import rows as rows_lib
from recall.figures import style
from recall.theory import laws

NAMES = {
    "linear": "linear, $W$",
    "sign_gates": "sign gates, $A$",
    "relu_features": "ReLU features, $V$",
    "bilinear_features": "bilinear features, $V$",
    "attention": "hard attention, $O$",
}


@style.styled
def separability(rows: Iterable[rows_lib.Row]) -> Figure:
    """Exact capacities against all weights, and the constant of the linear memory.

    Raises:
        ValueError: if there are no such rows.
    """
    found = [row for row in rows if row["kind"] == "capacity"]
    if not found:
        raise ValueError("Expected capacity rows; got none.")
    figure, (left, right) = style.panels(2, sharex=False, sharey=False)
    for index, (memory, name) in enumerate(NAMES.items()):
        some = [row for row in found if row["memory"] == memory]
        if some:
            _facts(left, some, style.look(index), name)
    x = np.geomspace(*_ends([row["parameters"] for row in found]), 50)
    style.theory_line(left, x, laws.law_facts(laws.LINEAR_OPTIMUM, x), style.GREY)
    style.log_axis(left.xaxis, x[0], x[-1])
    style.log_axis(left.yaxis, *_ends([row["capacity"] for row in found]))
    optimum = laws.law_facts(laws.LINEAR_OPTIMUM, x[-1])
    style.edge_labels(left, [(float(optimum), "$2\\,N\\ln N$, conj.", style.GREY)])
    left.set(
        xlabel="weights, fixed ones too",
        ylabel="facts stored, all of them",
        title="Exact capacity (medians, intervals over seeds)",
    )
    _constants(right, [row for row in found if row["memory"] == "linear"])
    style.legend(figure)
    return figure


def _facts(
    axes: Axes, rows: Sequence[rows_lib.Row], look: style.Look, name: str
) -> None:
    points = sorted(rows_lib.capacities(rows), key=lambda p: (p.parameters, p.d))
    style.series(
        axes,
        [p.parameters for p in points],
        [p.median for p in points],
        ([p.low for p in points], [p.high for p in points]),
        look,
        filled=True,
        joined=points[0].memory == "linear",
        label=name,
    )


def _constants(axes: Axes, rows: Sequence[rows_lib.Row]) -> None:
    """N ln N / d^2 of each seed: a bar from what is stored to what is impossible."""
    for row in rows:
        ends = [row["capacity"], row["upper"] or row["capacity"]]
        low, high = (1 / laws.constant_at(row["d"] ** 2, n) for n in ends)
        place = row["d"] * 1.02 ** (row["seed"] % 5 - 2)
        axes.plot([place, place], [low, high], color=style.PALETTE[0], linewidth=2.2)
    axes.axhline(0.5, color=style.GREY, linestyle="--", linewidth=0.9)
    if rows:
        style.log_axis(axes.xaxis, *_ends([row["d"] for row in rows]))
    axes.set(
        xlabel="$d$",
        ylabel="$N \\ln N / d^2$",
        title="Linear memory: a bar per seed, stored to impossible",
    )
    axes.set_ylim(0.4, None)
    style.edge_labels(axes, [(0.5, "$d \\to \\infty$, conj.", style.GREY)])


def _ends(values: Sequence[style.Number]) -> tuple[float, float]:
    values = [value for value in values if value > 0] or [1.0]
    return min(values) / 1.5, max(values) * 1.5
