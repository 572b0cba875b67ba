"""Figures of named facts: memories that store them, and answers before they do."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.experiments.real_facts import summary
from recall.stats import points

NAMES = {
    "trained": "transformer, trained",
    "codes": "attention only, fitted codes",
    "gates": "attention + sign gates, fitted",
    "mlp": "MLP, trained",
    "bilinear": "bilinear, convex solves",
    "linear": "linear, fitted",
}
FACTS = {"real": "real", "copies": "real, own answers", "synthetic": "synthetic"}
SEEN = 0.03  # probabilities below it are not named
EMBEDDINGS = {"names": ", names", "names_centred": ", names centred"}


@plotting.styled
def draw(rows: Iterable[points.Row]) -> Figure:
    """Draws the smallest memories, and answers of prompts and losses over training.

    Raises:
        ValueError: if there are no such rows.
    """
    rows = list(rows)
    cases = summary.cases(rows)
    traces = [r for r in rows if r["kind"] == "trace" and r["method"] == "stages"]
    pictures = [row for row in rows if row["kind"] == "picture"]
    if not cases and not traces:
        raise ValueError("Expected rows of named facts; got none.")
    prompts = list(dict.fromkeys(row["prompt"] for row in pictures))[
        :2
    ]  # more are too small
    count = bool(cases) + (bool(traces) + len(prompts) if traces else 0)
    figure, panels = plotting.panels(count, width=5.2, sharex=False, sharey=False)
    free = iter(panels)
    if cases:
        _sizes(next(free), cases)
    for prompt in prompts if traces else ():
        _prompt(next(free), [row for row in pictures if row["prompt"] == prompt])
    if traces:
        _losses(next(free), traces)
    plotting.legend(figure)
    return figure


def label(case: summary.Case) -> str:
    """Returns the words of a case, for an axis."""
    width = f", $d = {case.d}$" if case.d else ""
    name = NAMES[case.method] + width
    keys = f", {case.keys} keys" if case.method == "linear" else ""
    more = FACTS[case.facts] + EMBEDDINGS.get(case.embedding, "")
    return f"{name}{keys}: {more}"


def _sizes(axes: Axes, cases: Sequence[summary.Case]) -> None:
    """Draws the fewest weights for all facts, and 99 %: medians, ranges over seeds."""
    drawn = []
    for look, (column, name) in enumerate(
        (("parameters_100", "all facts"), ("parameters_99", "99 %"))
    ):
        for place, case in enumerate(cases):
            median, low, high = case.spread(column)
            if np.isnan(median):
                continue
            colour = plotting.look(look).colour
            y = place + 0.14 * (1 - 2 * look)  # apart, or equal sizes would hide one
            axes.plot([low, high], [y, y], color=colour, lw=1.2)
            axes.plot(
                median,
                y,
                marker=plotting.look(look).marker,
                color=colour,
                markerfacecolor="white" if look else colour,
                linestyle="none",
                label=name,
            )
            drawn += [low, high]
    if drawn:
        plotting.log_axis(axes.xaxis, min(drawn) / 1.4, max(drawn) * 1.4)
    axes.set_yticks(range(len(cases)), [label(case) for case in cases], fontsize=7)
    axes.set(xlabel="weights", ylim=(-0.6, len(cases) - 0.4))
    axes.invert_yaxis()
    n = int(max(case.spread("n")[2] for case in cases))
    axes.set_title(f"Smallest memories of {n:,} facts")


def _prompt(axes: Axes, rows: Sequence[points.Row]) -> None:
    """Draws the probs of a prompt's answer and of its relation's most frequent ones."""
    steps = [row["steps"] for row in rows]
    one = rows[-1]
    for index, place in enumerate(("own", "first", "second")):
        if one.get(f"p_{place}") is None:
            continue
        colour = plotting.look(index).colour
        name = one[place] + (", the answer" if place == "own" else "")
        axes.plot(steps, [row[f"p_{place}"] for row in rows], color=colour)
        plotting.theory_line(
            axes, [steps[0], steps[-1]], [one[f"given_{place}"]] * 2, colour
        )
        values = [row[f"p_{place}"] for row in rows]
        peak = int(np.argmax(values))
        if place == "own":  # halfway up, left of the rise
            peak = int(np.searchsorted(values, max(values) / 2))
        if values[peak] < SEEN:
            continue
        axes.annotate(
            name,
            (steps[peak], values[peak]),
            (-4, 0) if place == "own" else (4, 3),
            textcoords="offset points",
            ha="right" if place == "own" else "left",
            color=colour,
        )
    axes.plot(
        steps,
        [row["p_relation"] for row in rows],
        color=plotting.GREY,
        label="all answers of the relation",
    )
    axes.plot([], [], "--", color=plotting.GREY, label="as frequent in the relation")
    axes.set(xlabel="steps", ylabel="predicted probability", ylim=(-0.03, 1.06))
    axes.set_title(f"“{one['prompt']}?”")


def _losses(axes: Axes, traces: Sequence[points.Row]) -> None:
    """Draws the loss of all facts and of their relation alone, against H(a | r)."""
    steps = [row["steps"] for row in traces]
    for index, (column, name) in enumerate(
        (("loss", "loss"), ("relation_loss", "loss of the relation alone"))
    ):
        values = [np.nan if r[column] is None else r[column] for r in traces]
        axes.plot(steps, values, color=plotting.look(3 + index).colour, label=name)
    entropy = traces[0]["entropy"]
    plotting.theory_line(axes, [steps[0], steps[-1]], [entropy] * 2, "black")
    plotting.line_label(
        axes, steps[3 * len(steps) // 4], entropy, "$H(a\\,|\\,r)$", "black"
    )
    axes.set(xlabel="steps", ylabel="nats", ylim=(0, None))
    axes.set_title("Plain gradient descent from small weights")
