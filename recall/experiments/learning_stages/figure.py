"""Figures of how facts are learned, by the experiment that the rows come from."""

from collections.abc import Iterable

from matplotlib.figure import Figure

from recall.experiments.learning_stages import curves, maps, summary

FIGURES = {
    "sequential_learning": curves.sequential,
    "stage_optimizer": maps.optimizers,
    "stage_ratio": maps.ratios,
}


def draw(rows: Iterable[summary.Row]) -> Figure:
    """Draws the figure of the experiment that the rows come from.

    Raises:
        ValueError: if there are no rows, or too few for the figure.
    """
    rows = list(rows)
    if not rows:
        raise ValueError("Expected rows; got none.")
    return FIGURES[rows[0]["experiment"]](rows)
