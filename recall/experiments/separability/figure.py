"""Figures of exact capacities: between what is stored and what is proved impossible."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.stats import points as rows_lib
from recall.theory import laws

NAMES = {
    "linear": "linear, $W$",
    "sign_gates": "sign gates, $A$",
    "relu_features": "ReLU features, $V$",
    "bilinear_features": "bilinear features, $V$",
    "attention": "hard attention, $O$",
}


@plotting.styled
def draw(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws exact capacities over all weights, and the linear memory's constant.

    Raises:
        ValueError: if there are no such rows.
    """
    rows = [row for row in rows if row["kind"] == "capacity"]
    if not rows:
        raise ValueError("Expected capacity rows; got none.")
    figure, (left, right) = plotting.panels(2, sharex=False, sharey=False)
    for index, (memory, name) in enumerate(NAMES.items()):
        group = [row for row in rows if row["memory"] == memory]
        if group:
            _facts(left, group, plotting.look(index), name)
    x = np.geomspace(*plotting.ends([row["parameters"] for row in rows], 1.5), 50)
    optimum = laws.law_facts(laws.LINEAR_OPTIMUM, x)
    plotting.theory_line(left, x, optimum, plotting.GREY)
    plotting.log_axis(left.xaxis, x[0], x[-1])
    plotting.log_axis(
        left.yaxis, *plotting.ends([row["capacity"] for row in rows], 1.5)
    )
    plotting.edge_labels(
        left, [(float(optimum[-1]), "$2\\,N\\ln N$, conj.", plotting.GREY)]
    )
    left.set(
        xlabel="weights, fixed ones too",
        ylabel="facts stored, all of them",
        title="Exact capacity (medians, intervals over seeds)",
    )
    _constants(right, [row for row in rows if row["memory"] == "linear"])
    plotting.legend(figure)
    return figure


def _facts(
    axes: Axes, rows: Sequence[rows_lib.Row], look: plotting.Look, name: str
) -> None:
    points = sorted(rows_lib.capacities(rows), key=lambda p: (p.parameters, p.d))
    plotting.series(
        axes, [p.parameters for p in points], [p.median for p in points],
        ([p.low for p in points], [p.high for p in points]), look, filled=True,
        joined=points[0].memory == "linear",  # others have a second width beside d
        label=name,
    )  # fmt: skip


def _constants(axes: Axes, rows: Sequence[rows_lib.Row]) -> None:
    """Draws N ln N / d^2 of each seed, a bar from the stored to the impossible."""
    for row in rows:
        ends = [row["capacity"], row["upper"] or row["capacity"]]
        low, high = (1 / laws.constant_at(row["d"] ** 2, n) for n in ends)
        place = row["d"] * 1.02 ** (row["seed"] % 5 - 2)  # seeds beside one another
        axes.plot([place, place], [low, high], color=plotting.PALETTE[0], linewidth=2.2)
    axes.axhline(0.5, color=plotting.GREY, linestyle="--", linewidth=0.9)
    if rows:
        plotting.log_axis(axes.xaxis, *plotting.ends([row["d"] for row in rows], 1.5))
    axes.set(
        xlabel="$d$",
        ylabel="$N \\ln N / d^2$",
        title="Linear memory: a bar per seed, stored to impossible",
    )
    axes.set_ylim(0.4, None)
    plotting.edge_labels(axes, [(0.5, "$d \\to \\infty$, conj.", plotting.GREY)])
