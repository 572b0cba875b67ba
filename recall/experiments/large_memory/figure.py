"""Figure of large memories: what they recall, and what each device holds."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.large_memory import summary
from recall.stats import points
from recall.theory import laws

FLOAT, MEBI = 4, 2**20  # bytes


@plotting.styled
def draw(rows: Iterable[points.Row]) -> Figure:
    """Left: the fraction recalled. Right: bytes on a device; dashed, all the scores.

    Raises:
        ValueError: if there are no such rows.
    """
    found = summary.summaries(rows)
    if not found:
        raise ValueError("Expected rows of finished memories; got none.")
    figure, (left, right) = plotting.panels(2, sharey=False)
    most = max(one.devices for one in found)
    kinds = dict.fromkeys((one.memory, one.d, one.m) for one in found)
    looks = {kind: plotting.look(index) for index, kind in enumerate(kinds)}
    for kind, family in summary.families(found).items():
        if kind[3] == most:  # what is recalled does not depend on devices
            _accuracy(left, family, looks[kind[:3]])
        _bytes(right, family, looks[kind[:3]], filled=kind[3] == most)
    facts = [one.facts for one in found]
    n = np.geomspace(min(facts), max(facts), 60)
    for name, d, _ in looks:
        if name == "outer_product":
            expected = laws.outer_product_accuracy(n, d)
            plotting.theory_line(left, n, expected, looks[name, d, None].colour)
    plotting.theory_line(right, n, FLOAT * n**2 / MEBI, "black")
    held = [one.held / MEBI for one in found]
    for axes in (left, right):
        plotting.log_axis(axes.xaxis, min(facts) / 1.3, max(facts) * 1.3)
    plotting.log_axis(right.yaxis, min(held) / 2, max(held) * 3)
    left.set(xlabel="facts $N$", ylabel="fraction recalled", ylim=(-0.03, 1.05))
    right.set(xlabel="facts $N$", ylabel="MiB on each device")
    left.set_title("dashed: theory of the outer product")
    right.set_title(f"filled: {most} devices, open: fewer; dashed: all $N^2$ scores")
    plotting.legend(figure)
    return figure


def _name(kind: summary.Summary) -> str:
    size = f"$d = {kind.d}$" + (f", $m = {kind.m}$" if kind.m else "")
    return f"{kind.memory.replace('_', ' ')}, {size}"


def _accuracy(axes: Axes, family: list[summary.Summary], look: plotting.Look) -> None:
    spreads = [one.spread("accuracy") for one in family]
    medians, least, most = zip(*spreads, strict=True)
    plotting.series(
        axes,
        [one.facts for one in family],
        medians,
        (least, most),
        look,
        filled=True,
        joined=True,
        label=_name(family[0]),
    )


def _bytes(
    axes: Axes, family: list[summary.Summary], look: plotting.Look, *, filled: bool
) -> None:
    axes.plot(
        [one.facts for one in family],
        [one.held / MEBI for one in family],
        color=look.colour,
        marker=look.marker,
        markerfacecolor=look.colour if filled else "white",
        linewidth=0.9,
    )
