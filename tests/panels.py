"""What panels of figures show: series, marks, lines of theory, texts."""

import itertools

import numpy as np
from capacity_rows import search

from recall import experiments, plotting


def seeds(capacities, **fields):
    """One row a seed."""
    return [search(c, seed=s, **fields) for s, c in enumerate(capacities)]


def data(line):
    """What a line joins."""
    return tuple(np.asarray(values, float) for values in line.get_data())


def plotted(axes):
    """The series of a panel by their labels: x, y, and the ends of the bars."""
    bars = {}
    for container in axes.containers:
        line, _, (segments,) = container.lines
        ends = np.array(segments.get_segments()).reshape(-1, 2, 2)[..., 1]
        bars[container.get_label()] = (*data(line), ends)
    return bars


def marks(axes, gid):
    """Where the marks of a kind are."""
    return [
        tuple(place)
        for marks in axes.collections
        if marks.get_gid() == gid
        for place in np.asarray(marks.get_offsets())
    ]


def dashed(axes):
    """The lines of theory."""
    return [line for line in axes.lines if line.get_linestyle() == "--"]


def labelled(axes, start):
    """The line whose name starts like that; None if there is none."""
    lines = [line for line in axes.lines if str(line.get_label()).startswith(start)]
    return lines[0] if lines else None


def overlapping(boxes):
    """The pairs of boxes that share more than a pixel."""
    return [
        (a, b)
        for (a, p), (b, q) in itertools.combinations(boxes, 2)
        if min(p.x1, q.x1) - max(p.x0, q.x0) > 1
        and min(p.y1, q.y1) - max(p.y0, q.y0) > 1
    ]


def texts_of(axes):
    """The texts of a panel that are seen."""
    low, high = axes.get_xlim()
    ticks = [t for t in axes.get_xticklabels() if low <= t.get_position()[0] <= high]
    low, high = axes.get_ylim()
    ticks += [t for t in axes.get_yticklabels() if low <= t.get_position()[1] <= high]
    titles = [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
    inner = [text for child in axes.child_axes for text in texts_of(child)]
    return [*ticks, *axes.texts, *titles, *inner]


def check_texts(name, rows):
    """Checks that no two texts of a figure overlap."""
    figure = experiments.draw(name, rows)
    figure.draw_without_rendering()
    texts = [text for axes in figure.axes for text in texts_of(axes)]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
    assert len(boxes) > 8
    assert not overlapping(boxes)


def check_legend(name, rows):
    """Checks that the legend of a figure covers no panel."""
    figure = experiments.draw(name, rows)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    for axes in figure.axes:
        assert not axes.get_window_extent().overlaps(legend.get_window_extent())


def check_bytes(name, rows, folder):
    """Checks that rows are drawn alike to the byte, twice."""
    for stem in ("once", "twice"):
        plotting.save(experiments.draw(name, rows), folder / stem)
    for suffix in (".svg", ".png"):
        once, twice = (
            (folder / f"{s}{suffix}").read_bytes() for s in ("once", "twice")
        )
        assert once == twice
        assert len(once) > 10_000
    assert b"date" not in (folder / "once.svg").read_bytes()
