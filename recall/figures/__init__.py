"""Figures: functions of rows, by the name of the experiment whose rows they draw."""

from collections.abc import Callable, Iterable

from matplotlib.figure import Figure

from recall import rows
from recall.figures import (
    atlas,
    capacity,
    construction,
    constructions,
    learned,
    memory_weights,
    recall,
    scaling,
    separability,
    stage_maps,
    stages,
)

FIGURES: dict[str, Callable[[Iterable[rows.Row]], Figure]] = {
    "atlas": atlas.atlas,
    "constructions": constructions.constructions,
    "learned_embeddings": learned.learned,
    "linear_capacity": capacity.linear,
    "memory_weights": memory_weights.weights,
    "mlp_capacity": capacity.mlp,
    "mlp_activation": capacity.activations,
    "mlp_construction": construction.mlp,
    "recall_capacity": recall.capacity,
    "recall_train": recall.training,
    "scaling_law": scaling.scaling,
    "separability": separability.separability,
    "sequential_learning": stages.sequential,
    "stage_optimizer": stage_maps.optimizers,
    "stage_ratio": stage_maps.ratios,
    "tradeoff": recall.tradeoff,
}
