"""Figures: functions of rows, by the name of the experiment whose rows they draw."""

from collections.abc import Callable, Iterable

from matplotlib.figure import Figure

from recall import rows
from recall.figures import capacity, recall, stage_maps, stages

FIGURES: dict[str, Callable[[Iterable[rows.Row]], Figure]] = {
    "linear_capacity": capacity.linear,
    "mlp_capacity": capacity.mlp,
    "mlp_activation": capacity.activations,
    "recall_capacity": recall.capacity,
    "recall_train": recall.training,
    "sequential_learning": stages.sequential,
    "stage_optimizer": stage_maps.optimizers,
    "stage_ratio": stage_maps.ratios,
    "tradeoff": recall.tradeoff,
}
