"""The figure of losses that go to zero: against time, and slopes beside theory."""

import itertools
from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from recall import plotting
from recall.store.row import Row

_NAMES = {"flow": "gradient flow", "descent": "gradient descent"}


@plotting.styled
def draw(rows: Iterable[Row]) -> Figure:
    """Draws the loss of every run against time, and final slopes against theory.

    Raises:
        ValueError: if there are no checks.
    """
    kept = list(rows)
    traces = [row for row in kept if row["kind"] == "trace" and row["loss"]]
    if not traces:
        raise ValueError("Expected rows of checks; got none.")
    figure, (left, right) = plotting.panels(2, sharex=False, sharey=False)
    for _, group in itertools.groupby(traces, lambda row: row["search"]):
        run = list(group)
        colour = plotting.look(list(_NAMES).index(run[0]["method"])).colour
        left.plot(
            [row["time"] for row in run],
            [row["loss"] for row in run],
            color=colour,
            linewidth=0.5,
            alpha=0.5,
        )
    times = sorted({row["time"] for row in traces})
    last = min(row["loss"] for row in traces if row["time"] == times[-1])
    guide = np.array([times[len(times) // 2], times[-1]])
    plotting.theory_line(left, guide, last * times[-1] / guide / 2, plotting.GREY)
    plotting.log_axis(left.xaxis, times[0] / 1.3, times[-1] * 1.3)
    plotting.log_axis(left.yaxis, last / 3, 10)
    plotting.edge_labels(left, [(last / 2, "$1/t$", plotting.GREY)])
    left.set(
        xlabel="time (learning rate x steps)",
        ylabel="loss (nats)",
        title="Every run (a line each)",
    )
    ends = [row for row in kept if row["kind"] == "run" and row["slope"] is not None]
    for index, (method, name) in enumerate(_NAMES.items()):
        own = [row for row in ends if row["method"] == method]
        right.scatter(
            [row["predicted_slope"] for row in own],
            [row["slope"] for row in own],
            s=9,
            color=plotting.look(index).colour,
            marker="ox"[index],
            linewidth=0.8,
            label=name,
        )
    if ends:
        sides = [row[name] for row in ends for name in ("slope", "predicted_slope")]
        diagonal = [min(sides) - 0.01, max(sides) + 0.01]
        right.plot(diagonal, diagonal, color=plotting.GREY, linestyle="--", linewidth=1)
    right.set(
        xlabel="slope of theory, $\\mathrm{li}(u)\\,\\ln u / u$ at $u = 1/L$",
        ylabel="slope $-d\\ln L / d\\ln t$ at the end",
        title="Slopes at the end",
    )
    plotting.legend(figure)
    return figure
