"""Capacities of memories against the geometry of their embeddings."""

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from recall.data import geometries
from recall.experiments.embedding_geometry import lanes
from recall.experiments.memory_capacity import linear as linear_capacity
from recall.experiments.memory_capacity import mlp as mlp_capacity
from recall.experiments.separability import plan as separability
from recall.experiments.transformer_capacity import capacity as recall_capacity
from recall.sweeps import fields, packing, search
from recall.sweeps.batch import Batch, Plan

PARTS: Mapping[str, ModuleType] = {
    "built": linear_capacity,
    "trained": linear_capacity,
    "exact": separability,
    "mlp": mlp_capacity,
    "transformer": recall_capacity,
}


def plan_of(config: Any) -> Plan:
    """Plans the searches of all parts, and a batch for each geometry and width of them.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    items = [
        item
        for name in fields.each("parts", config.parts, PARTS)
        for geometry in fields.nonempty("geometries", config[name].geometries)
        for item in _work(name, str(geometry), config)
    ]
    firsts: list[Any] = [
        item.lanes[0] if isinstance(item, Batch) else item for item in items
    ]
    pairs = dict.fromkeys((lane.embedding, lane.d) for lane in firsts)
    return packing.plan([*items, *(_measured(config, *pair) for pair in pairs)])


def _work(name: str, geometry: str, config: Any) -> list[search.Search | Batch]:
    """Returns the work of a part on a geometry, or on a pair of them."""
    part = config[name].copy_and_resolve_references()
    inputs, _, outputs = geometry.partition(geometries.PARTS)
    if outputs and name == "transformer":
        raise ValueError(
            "Expected one geometry for all tokens of transformer.geometries; got "
            f"{geometry!r}."
        )
    # Configs name one geometry for inputs and outputs; lanes may name a pair of them.
    part.update(embedding="sphere" if outputs else inputs, seeds=config.seeds)
    if "constructed_seeds" in part:
        part.constructed_seeds = config.seeds
    items = PARTS[name].work(part)
    return [_over(item, geometry) for item in items] if outputs else items


def _over(item: Any, pair: str) -> Any:
    """Returns a search, or a batch of them, over a pair of geometries."""
    if isinstance(item, Batch):
        return dataclasses.replace(
            item, lanes=tuple(_over(lane, pair) for lane in item.lanes)
        )
    limit = min(item.limit, geometries.num_points(pair))
    return dataclasses.replace(item, embedding=pair, limit=limit)


def _measured(config: Any, embedding: str, d: int) -> lanes.GeometryBatch:
    """Returns the batch that measures points of a geometry at a width, over seeds."""
    num_points = fields.integer("num_points", config.num_points, 16)
    threshold = fields.number("threshold", config.threshold, "(0, 1]")
    return lanes.GeometryBatch(
        lanes=tuple(
            lanes.GeometryLane(
                embedding=embedding,
                d=d,
                seed=seed,
                threshold=threshold,
                num_points=num_points,
            )
            for seed in fields.seeds("seeds", config.seeds)
        )
    )
