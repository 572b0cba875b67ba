"""Axes and labels that all figures share."""

import pytest
from numpy.testing import assert_allclose

from recall import plotting


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (40, 2e4, [100, 1000, 10_000]),
        (170, 9e4, [300, 1000, 3000, 10_000, 30_000]),
        (150, 2000, [200, 500, 1000, 2000]),
        (210, 520, [300, 400, 500]),
    ],
)
def test_log_ticks_are_few_and_plain(low, high, expected):
    _, (axes,) = plotting.panels(1)
    plotting.log_axis(axes.xaxis, low, high)
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert_allclose(shown, expected)
    axes.figure.draw_without_rendering()
    assert not any(t.get_text() for t in axes.get_xticklabels(minor=True))
    assert "1,000" in [t.get_text() for t in axes.get_xticklabels()]


def test_labels_at_an_edge_part_around_their_middle():
    assert_allclose(plotting._spread([0.5, 0.5], 0.1), [0.45, 0.55])
    assert_allclose(
        plotting._spread([0.1, 0.5, 0.52, 0.54], 0.1), [0.1, 0.42, 0.52, 0.62]
    )
    assert_allclose(plotting._spread([0.2, 0.9], 0.1), [0.2, 0.9])
