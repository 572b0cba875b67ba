"""Figures of capacity: facts against weights, and the constant by activation.

Markers are medians over seeds with the interval of `points.Point`: filled where every
fact had to be recalled, hollow at 99 %. An arrow up is a lower bound (the search stored
its ceiling), a cross diverged, a caret at the foot stored nothing; none of these is
joined to the others. Dashed lines are theory, named at their right end.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from recall import plotting
from recall.stats import points as rows_lib
from recall.theory import laws

Point = rows_lib.Point

_LINEAR = (
    *("outer_product", "linear", "low_rank"),
    *("random_low_rank", "whitened", "pseudo_inverse"),
)
_LINEAR_FACETS = ("num_outputs", "threshold", "embedding")
_MLP_FACETS = ("num_outputs", "threshold", "trained", *rows_lib.QUALIFIERS[1:])
_ACTIVATION_FACETS = tuple(name for name in _MLP_FACETS if name != "activation")


class _Curve(NamedTuple):
    """A line of theory: facts along the x axis, a name and a colour."""

    facts: np.ndarray
    name: str
    colour: str


@plotting.styled
def linear(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws facts in a linear memory against d^2 (Figure 1, left), by threshold."""
    points = select(rows, _LINEAR)
    names = list(split(points, lambda point: _linear_name(point, points)))
    x = span(point.d**2 for point in points)
    figure, panels = _panels(points, _LINEAR_FACETS)
    for axes, facet in panels:
        curves = {}
        for name, group in split(facet, lambda p: _linear_name(p, points)).items():
            look = plotting.look(names.index(name))
            mark(axes, group, lambda p: p.d**2, look, name)
            for curve in _linear_theory(group[0], x, look.colour):
                curves.setdefault(curve.name, curve)  # series may share a guide
        reach = float(laws.law_facts(laws.LINEAR_TRAINED, x[-1]))
        log_axes(axes, points, x, "weights of the full matrix, $d^2$", reach)
        for curve in curves.values():
            plotting.theory_line(axes, x, curve.facts, curve.colour)
        plotting.edge_labels(
            axes, [(c.facts[-1], c.name, c.colour) for c in curves.values()]
        )
    plotting.legend(figure)
    return figure


@plotting.styled
def mlp(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws facts in an MLP against md (Figures 1, right, and 6), a colour per m/d."""
    points = select(rows, ("mlp",))
    ratios = sorted({_ratio(point) for point in points})
    x = span(point.x for point in points)
    figure, panels = _panels(points, _MLP_FACETS)
    for axes, facet in panels:
        for ratio, group in sorted(split(facet, _ratio).items()):
            name = "$m = d$" if ratio == 1 else f"$m = {ratio:g}\\,d$"
            mark(axes, group, lambda p: p.x, plotting.look(ratios.index(ratio)), name)
        log_axes(axes, points, x, "weights of one matrix, $md$")
        for curve in _guides(facet[0], x, "md"):
            plotting.theory_line(axes, x, curve.facts, curve.colour)
            at = 3 * len(x) // 5  # the ends are crowded by markers
            plotting.line_label(axes, x[at], curve.facts[at], curve.name, curve.colour)
    plotting.legend(figure)
    return figure


@plotting.styled
def activations(rows: Iterable[rows_lib.Row]) -> Figure:
    """Draws facts per weight by activation, a colour per (d, m), the best last."""
    points = select(rows, ("mlp",))
    sizes = sorted({(point.d, point.m or 0) for point in points})
    names = _ranked(points)
    figure, panels = _panels(points, _ACTIVATION_FACETS)
    for axes, facet in panels:
        for size, group in split(facet, lambda p: (p.d, p.m or 0)).items():
            index = sizes.index(size)
            shift = 0.6 * ((index + 0.5) / len(sizes) - 0.5)  # sizes side by side
            places = {name: place + shift for place, name in enumerate(names)}
            name = f"$d = {size[0]}$, $m = {size[1]}$"
            mark(
                axes,
                group,
                lambda p, places=places: places[str(p.activation)],
                plotting.look(index),
                name,
                y=_density,
            )
        _activation_axes(axes, facet[0], names)
    for axes, facet in panels:  # once every panel has set the limits they share
        _activation_guide(axes, facet[0])
    plotting.legend(figure)
    return figure


def select(rows: Iterable[rows_lib.Row], memories: Sequence[str]) -> list[Point]:
    """Selects the points of some memories, in the order of these.

    Raises:
        ValueError: if there are none.
    """
    points = [p for p in rows_lib.capacities(rows) if p.memory in memories]
    if not points:
        raise ValueError(f"Expected capacity rows of one of {memories}; got none.")
    return sorted(points, key=lambda point: memories.index(point.memory))


def split(points: Iterable[Point], key: Callable[[Point], Any]) -> dict[Any, list]:
    """Groups points by key, in the order in which keys appear."""
    groups: dict[Any, list[Point]] = {}
    for point in points:
        groups.setdefault(key(point), []).append(point)
    return groups


def _panels(
    points: Sequence[Point], fields: Sequence[str]
) -> tuple[Figure, list[tuple[Axes, list[Point]]]]:
    """Returns a titled panel for the points that agree in all of the fields."""
    facets = split(points, lambda p: tuple(getattr(p, name) for name in fields))
    order = sorted(facets, key=lambda key: [(v is not None, v) for v in key])
    figure, grid = plotting.panels(len(order))
    for axes, key in zip(grid, order, strict=True):
        axes.set_title(_title(facets[key][0], points, fields))
    return figure, [(axes, facets[key]) for axes, key in zip(grid, order, strict=True)]


def _title(point: Point, points: Sequence[Point], fields: Sequence[str]) -> str:
    """Names threshold and outputs, and other fields in which panels differ."""
    outputs = f"{point.num_outputs} outputs" if point.num_outputs else "$N$ outputs"
    words = [f"{100 * point.threshold:g} % of facts", outputs]
    for name in fields:
        value = getattr(point, name)
        differs = any(getattr(other, name) != value for other in points)
        if differs and name == "trained":
            words.append("trained" if value else "built")
        elif differs and name not in ("threshold", "num_outputs"):
            words.append(str(value))
    return ", ".join(words)


def mark(
    axes: Axes,
    points: Sequence[Point],
    x: Callable[[Point], float],
    look: plotting.Look,
    label: str,
    y: Callable[[Point, float], float] | None = None,
) -> None:
    """Draws known medians with intervals, and bounds, divergence and nothing apart."""
    place = y or (lambda _, facts: facts)
    kinds = split(points, _kind)
    known = kinds.pop("known", [])
    plotting.series(
        axes,
        [x(point) for point in known],
        [place(point, point.median) for point in known],
        ([place(p, p.low) for p in known], [place(p, p.high) for p in known]),
        look,
        filled=points[0].threshold == 1,
        joined=y is None,
        label=label,
    )
    marks = {
        "bound": plotting.bounds,
        "diverged": plotting.diverged,
        "nothing": plotting.nothing,
    }
    for kind, group in kinds.items():
        at = [x(point) for point in group]
        marks[kind](axes, at, [place(p, p.median) for p in group], look)


def _kind(point: Point) -> str:
    if point.median <= 1:
        return "nothing"
    if point.exact:
        return "known"
    return "diverged" if point.num_nonfinite else "bound"


def span(values: Iterable[plotting.Number]) -> np.ndarray:
    """Returns a geometric grid from below the smallest value to above the largest."""
    values = list(values)
    return np.geomspace(min(values) / 1.5, max(values) * 1.5, 200)


def log_axes(
    axes: Axes, points: Sequence[Point], x: np.ndarray, name: str, reach: float = 1.0
) -> None:
    """Sets the limits of all panels to include every point, and `reach`."""
    ends = [n for point in points for n in (point.median, point.low, point.high)]
    ends += [2 * point.median for point in points if not point.exact]  # their arrows
    ends += [reach]
    y = span([n for n in ends if 1 < n < np.inf] or [1.0, 10.0])  # nan, too, is out
    plotting.log_axis(axes.xaxis, x[0], x[-1])
    plotting.log_axis(axes.yaxis, y[0], y[-1])
    axes.set(xlabel=name, ylabel="facts stored, $N$")


def _linear_name(point: Point, points: Sequence[Point]) -> str:
    return rows_lib.label(point, points, ("recipe", "method"))


def _linear_theory(point: Point, x: np.ndarray, colour: str) -> list[_Curve]:
    """Returns the laws of a series, facts by d^2."""
    if point.num_outputs is not None:
        return []  # laws of linear memories are for as many outputs as facts
    fraction = point.fraction or 1.0
    if not point.trained:
        if point.memory not in ("outer_product", "low_rank"):
            return []
        energy = laws.low_rank_energy(fraction)
        facts = laws.outer_product_facts(np.sqrt(x), point.threshold, energy)
        return [_Curve(facts, f"{rows_lib.label(point, [])}, derived", colour)]
    if point.memory == "linear":
        best = _Curve(
            laws.linear_optimum(np.sqrt(x)),
            "$d^2 = 2\\,N\\,\\ln N$, conj.",
            plotting.GREY,
        )
        guides = _guides(point, x, "d^2") if point.threshold < 1 else []
        return [*guides, best]
    facts = laws.law_facts(laws.low_rank_law(fraction), fraction * x)
    return [_Curve(facts, f"{rows_lib.label(point, [])}, derived", colour)]


def _guides(point: Point, x: np.ndarray, weights: str) -> list[_Curve]:
    """Returns the published guide for a trained memory, if there is one."""
    law = laws.trained_law(point.memory, point.num_outputs, point.threshold)
    if law is None or not point.trained:
        return []
    logarithm = r"\,\ln N" if law.logarithmic else ""
    name = f"${weights} = {law.constant:g}\\,N{logarithm}$, guide"
    return [_Curve(laws.law_facts(law, x), name, "black")]


def _ratio(point: Point) -> float:
    return (point.m or 0) / point.d


def _density(point: Point, facts: float) -> float:
    """Computes N ln N / (md), or N / (md) at fixed outputs; nan without facts."""
    logarithmic = point.num_outputs is None
    return float(1 / laws.law_constant(point.x, facts, logarithmic))


def _ranked(points: Sequence[Point]) -> list[str]:
    """Sorts activations by their mean density, the best last."""
    groups = split(points, lambda point: str(point.activation))
    means = {
        name: np.nanmean([_density(p, max(p.median, 2)) for p in group])
        for name, group in groups.items()
    }
    return sorted(means, key=lambda name: (means[name], name))


def _activation_axes(axes: Axes, point: Point, names: Sequence[str]) -> None:
    logarithmic = point.num_outputs is None
    axes.set_xticks(range(len(names)), names)
    if sum(map(len, names)) > 40:
        axes.tick_params(axis="x", labelrotation=25)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylabel("$N$ ln $N$ / ($md$)" if logarithmic else "$N$ / ($md$)")
    axes.grid(visible=False, axis="x")


def _activation_guide(axes: Axes, point: Point) -> None:
    law = laws.trained_law("mlp", point.num_outputs, point.threshold)
    if law is not None:
        density = 1 / law.constant
        plotting.theory_line(axes, axes.get_xlim(), [density, density], "black")
        plotting.edge_labels(axes, [(density, "guide (relu,\n99 %)", "black")])


FIGURES = {
    "linear_capacity": linear,
    "mlp_capacity": mlp,
    "mlp_activation": activations,
}
