"""Figures: functions of rows, by the name of the experiment whose rows they draw."""

from collections.abc import Callable, Iterable

from matplotlib.figure import Figure

from recall import rows
from recall.figures import (
    atlas,
    capacity,
    construction,
    constructions,
    geometry,
    large,
    learned,
    memory_weights,
    real_facts,
    recall,
    scaling,
    scaling_law,
    separability,
    stage_maps,
    stages,
    storage,
)

FIGURES: dict[str, Callable[[Iterable[rows.Row]], Figure]] = {
    "atlas": atlas.atlas,
    "constructions": constructions.constructions,
    "large_memory": large.large,
    "embedding_geometry": geometry.geometry,
    "real_embeddings": geometry.real,
    "learned_embeddings": learned.learned,
    "linear_capacity": capacity.linear,
    "memory_weights": memory_weights.weights,
    "mlp_capacity": capacity.mlp,
    "mlp_activation": capacity.activations,
    "mlp_construction": construction.mlp,
    "real_facts": real_facts.real_facts,
    "recall_capacity": recall.capacity,
    "recall_train": recall.training,
    "scaling": scaling.scaling,
    "scaling_law": scaling_law.scaling,
    "separability": separability.separability,
    "sequential_learning": stages.sequential,
    "stage_optimizer": stage_maps.optimizers,
    "stage_ratio": stage_maps.ratios,
    "storage_location": storage.storage,
    "tradeoff": recall.tradeoff,
}
# Whose rows are drawn along, for comparison.
BESIDE = {"constructions": "recall_capacity"}
