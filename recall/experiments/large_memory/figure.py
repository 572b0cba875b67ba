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
    """Draws the fraction recalled (left), and bytes on a device (right).

    Raises:
        ValueError: if there are no such rows.
    """
    memories = summary.summaries(rows)
    if not memories:
        raise ValueError("Expected rows of finished memories; got none.")
    figure, (left, right) = plotting.panels(2, sharey=False)
    most = max(one.devices for one in memories)
    kinds = dict.fromkeys((one.memory, one.d, one.m) for one in memories)
    looks = {kind: plotting.look(index) for index, kind in enumerate(kinds)}
    for kind, family in summary.families(memories).items():
        if kind[3] == most:  # what is recalled does not depend on devices
            _accuracy(left, family, looks[kind[:3]])
        _bytes(right, family, looks[kind[:3]], filled=kind[3] == most)
    facts = [one.facts for one in memories]
    n = np.geomspace(min(facts), max(facts), 60)
    for name, d, _ in looks:
        if name == "outer_product":  # of trained memories no curve is known
            expected = laws.outer_product_accuracy(n, d)
            plotting.theory_line(left, n, expected, looks[name, d, None].colour)
    plotting.theory_line(right, n, FLOAT * n**2 / MEBI, "black")
    held = [one.held / MEBI for one in memories]
    for axes in (left, right):
        plotting.log_axis(axes.xaxis, min(facts) / 1.3, max(facts) * 1.3)
    plotting.log_axis(right.yaxis, min(held) / 2, max(held) * 3)
    left.set(xlabel="facts $N$", ylabel="fraction recalled", ylim=(-0.03, 1.05))
    right.set(xlabel="facts $N$", ylabel="MiB on each device")
    left.set_title("dashed: theory of the outer product")
    right.set_title(f"filled: {most} devices, open: fewer; dashed: all $N^2$ scores")
    plotting.legend(figure)
    return figure


def _accuracy(axes: Axes, family: list[summary.Summary], look: plotting.Look) -> None:
    medians, *ends = zip(*(one.spread("accuracy") for one in family), strict=True)
    one = family[0]
    size = f"$d = {one.d}$" + (f", $m = {one.m}$" if one.m else "")
    plotting.series(
        axes, [one.facts for one in family], medians, (ends[0], ends[1]), look,
        filled=True, joined=True, label=f"{one.memory.replace('_', ' ')}, {size}",
    )  # fmt: skip


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
