"""Figures of the fewest weights that store given facts."""

from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from recall import plotting
from recall.stats import points

NAMES = {
    "sign_gates": "sign gates, convex fit",
    "alternating": "bilinear, alternating convex solves",
    "whitened": "bilinear, whitened readout",
    "data_dependent": "bilinear, fitted features",
}
# (d, F): weights of 2607.10034, counted as 3 m d: its best closed form, its descent.
CLOSED = {(32, 256): 7104, (32, 512): 17280, (64, 1024): 37632}
DESCENT = {(32, 256): 960, (32, 512): 1920}


@plotting.styled
def draw(rows: Iterable[points.Row]) -> Figure:
    """Draws the weights of each method and set of facts: medians, ranges over seeds.

    Raises:
        ValueError: if there are no such rows.
    """
    rows = [row for row in rows if row["kind"] == "run"]
    if not rows:
        raise ValueError("Expected rows of finished searches; got none.")
    cells = sorted({(row["d"], row["facts"]) for row in rows})
    figure, (axes,) = plotting.panels(1, width=7.0)
    for index, (method, name) in enumerate(NAMES.items()):
        x, y, ends = [], [], ([], [])
        for place, cell in enumerate(cells):
            weights = points.weights_of(rows, method, cell)
            if weights.size:
                x.append(place + 0.12 * (index - 1.5))  # methods beside one another
                y.append(float(np.median(weights)))
                ends[0].append(weights.min())
                ends[1].append(weights.max())
        if x:
            look = plotting.look(index)
            plotting.series(
                axes, x, y, ends, look, filled=True, joined=False, label=name
            )
    drawn = [row["weights"] for row in rows if row["weights"]]
    labels = {"closed form, publ.": CLOSED, "descent, publ.": DESCENT}
    for label, published in labels.items():
        for place, cell in enumerate(cells):
            if cell in published:
                y = published[cell]
                axes.hlines(y, place - 0.3, place + 0.5, "black", "dashed", lw=0.9)
                axes.text(place + 0.24, y, label, va="bottom")
                drawn.append(y)
    plotting.log_axis(axes.yaxis, min(drawn) / 1.5, max(drawn) * 1.5)
    axes.set_xticks(range(len(cells)), [f"$d = {d}$, $F = {f:,}$" for d, f in cells])
    axes.set(ylabel="fewest weights that store all", xlim=(-0.5, len(cells) - 0.3))
    plotting.legend(figure)
    return figure
