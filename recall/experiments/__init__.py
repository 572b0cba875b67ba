"""Experiments: a config family's `settings(config)` and the searches they ask for."""

from collections.abc import Mapping
from types import ModuleType

from recall.experiments import (
    atlas,
    constructions,
    embedding_geometry,
    large_memory,
    learned_embeddings,
    linear_capacity,
    memory_weights,
    mlp_capacity,
    mlp_construction,
    real_facts,
    recall_capacity,
    recall_train,
    scaling_law,
    separability,
    sequential_learning,
    stage_optimizer,
    stage_ratio,
    storage_location,
    tradeoff,
)

EXPERIMENTS: Mapping[str, ModuleType] = {
    "atlas": atlas,
    "large_memory": large_memory,
    "learned_embeddings": learned_embeddings,
    "embedding_geometry": embedding_geometry,
    "real_embeddings": embedding_geometry,  # the same at widths of a language model
    "linear_capacity": linear_capacity,
    "memory_weights": memory_weights,
    "mlp_capacity": mlp_capacity,
    "mlp_activation": mlp_capacity,  # the same searches, drawn against the activation
    "mlp_construction": mlp_construction,
    "real_facts": real_facts,
    "recall_capacity": recall_capacity,
    "recall_train": recall_train,
    "scaling_law": scaling_law,
    "separability": separability,
    "sequential_learning": sequential_learning,
    "stage_optimizer": stage_optimizer,
    "stage_ratio": stage_ratio,
    "storage_location": storage_location,
    "tradeoff": tradeoff,
    "constructions": constructions,
}
