"""Figure of the times of steps: measured, fitted, by lanes and devices, predicted."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import scaling_summary
from recall import plotting
from recall.stats import points


@plotting.styled
def scaling(rows: Iterable[points.Row]) -> Figure:
    """Draws four panels: fit of a step, lanes side by side, devices, predictions.

    Raises:
        ValueError: if there are no such rows.
    """
    rows = list(rows)
    if not any(row["kind"] == "lanes" for row in rows):
        raise ValueError("Expected rows of measured steps; got none.")
    figure, panels = plotting.panels(4, sharex=False, sharey=False)
    _fit(panels[0], rows)
    _lanes(panels[1], [row for row in rows if row["kind"] == "lanes"])
    _weak(panels[2], [row for row in rows if row["kind"] == "weak"])
    _predicted(panels[3])
    plotting.legend(figure)
    return figure


def _fit(axes: Axes, rows: list[points.Row]) -> None:
    """Draws measured steps of one CPU device against the times its rates say."""
    core = scaling_summary.fitted(rows)
    measured = 1e3 * np.array([row["seconds"] for row in core.rows])
    fitted = 1e3 * core.seconds
    ends = (
        min(measured.min(), fitted.min()) / 1.6,
        max(measured.max(), fitted.max()) * 1.6,
    )
    plotting.theory_line(axes, ends, ends, "black")
    for index, memory in enumerate(("linear", "mlp", "transformer")):
        mine = [i for i, row in enumerate(core.rows) if row["memory"] == memory]
        look = plotting.look(index)
        axes.plot(
            fitted[mine],
            measured[mine],
            color=look.colour,
            marker=look.marker,
            linestyle="none",
            label=memory,
        )
    plotting.log_axis(axes.xaxis, *ends)
    plotting.log_axis(axes.yaxis, *ends)
    axes.set(xlabel="fitted, ms", ylabel="measured, ms")
    axes.set_title(f"a step on one CPU device; half within {core.error:.0%}")


def _lanes(axes: Axes, rows: list[points.Row]) -> None:
    """Draws steps a second of all lanes, relative to one lane on one device."""
    columns = ("memory", "d", "m", "heads")
    kinds = dict.fromkeys(tuple(row[c] for c in columns) for row in rows)
    colours = {"linear": 0, "mlp": 1, "transformer": 2}
    drawn = [1.0]
    for kind in kinds:
        mine = [row for row in rows if tuple(row[c] for c in columns) == kind]
        look = plotting.look(colours[kind[0]])
        one = next(r["seconds"] for r in mine if (r["lanes"], r["devices"]) == (1, 1))
        for devices in (1, 2):
            some = [row for row in mine if row["devices"] == devices]
            ratio = [row["lanes"] * one / row["seconds"] for row in some]
            drawn += ratio
            axes.plot(
                [row["lanes"] for row in some],
                ratio,
                color=look.colour,
                marker=look.marker,
                markerfacecolor=look.colour if devices == 1 else "white",
                linewidth=0.9,
            )
    most = max(row["lanes"] for row in rows)
    plotting.log_axis(axes.xaxis, 0.8, 1.3 * most)
    plotting.log_axis(axes.yaxis, min(drawn) / 1.3, max(drawn) * 1.3)
    axes.set(xlabel="lanes side by side", ylabel="lane steps a second, relative")
    axes.set_title("filled: one device; open: two")


def _weak(axes: Axes, rows: list[points.Row]) -> None:
    """Draws seconds of a step, beside the work that all devices do together."""
    devices = [row["devices"] for row in rows]
    spent = np.array([1e3 * row["seconds"] for row in rows])
    work = np.array([row["flops"] * row["devices"] for row in rows])
    expected = spent[0] * work / work[0]
    plotting.theory_line(axes, devices, expected, "black")
    look = plotting.look(3)
    axes.plot(
        devices,
        spent,
        color=look.colour,
        marker=look.marker,
        linewidth=0.9,
        label="large memory",
    )
    plotting.log_axis(axes.xaxis, 0.8, 10)
    plotting.log_axis(axes.yaxis, min(spent.min(), expected.min()) / 2, spent.max() * 3)
    axes.set(xlabel="virtual devices that share cores", ylabel="ms a step")
    axes.set_title("as many facts on each; dashed: the work of all")


def _predicted(axes: Axes) -> None:
    """Draws hours of the trained linear memory at its capacity; crosses do not fit."""
    runs = scaling_summary.large()
    hours = [one.seconds / 3600 for one in runs]
    for index, devices in enumerate(scaling_summary.ACCELERATORS):
        mine = [one for one in runs if one.devices == devices]
        look, y = plotting.look(4 + index), [one.seconds / 3600 for one in mine]
        name = f"{devices} accelerator{'s' * (devices > 1)}, predicted"
        axes.plot(
            scaling_summary.WIDTHS, y, "--", color=look.colour, lw=0.9, label=name
        )
        full = [i for i, one in enumerate(mine) if not one.fits]
        at = [scaling_summary.WIDTHS[i] for i in full]
        axes.plot(at, [y[i] for i in full], "x", color=look.colour)
    plotting.log_axis(axes.xaxis, 200, 5200)
    plotting.log_axis(axes.yaxis, min(hours) / 2, max(hours) * 2)
    axes.set(xlabel="width $d$", ylabel="hours")
    axes.set_title("trained at capacity, 2,048 steps; cross: does not fit")
