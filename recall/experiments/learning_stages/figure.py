"""Figures of how facts are learned, by the experiment that the rows come from."""

from recall.experiments.learning_stages import curves, maps

FIGURES = {
    "sequential_learning": curves.sequential,
    "stage_optimizer": maps.optimizers,
    "stage_ratio": maps.ratios,
}
