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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of each memory on each geometry.

    Attributes:
        parts: triples of a name of PARTS, a geometry, and the settings of that part.
        seeds: of all points and weights.
        num_points: whose coherence is measured.
        threshold: of the facts, for the prediction.
    """

    parts: tuple[tuple[str, str, Any], ...]
    seeds: tuple[int, ...]
    num_points: int
    threshold: float


def settings(config: Any) -> Settings:
    """Reads and checks the configs of all parts, on all of their geometries."""
    parts = []
    for name in fields.each("parts", config.parts, PARTS):
        own = config[name]
        for geometry in fields.nonempty("geometries", own.geometries):
            parts.append((name, geometry, _settings(name, geometry, config)))
    return Settings(
        parts=tuple(parts),
        seeds=fields.seeds("seeds", config.seeds),
        num_points=fields.integer("num_points", config.num_points, 16),
        threshold=fields.number("threshold", config.threshold, "(0, 1]"),
    )


def _settings(name: str, geometry: Any, config: Any) -> Any:
    """Settings of a part on a geometry; a pair of them is put in after the checks."""
    own = config[name].copy_and_resolve_references()
    inputs, _, outputs = str(geometry).partition(geometries.PARTS)
    if outputs and name == "transformer":
        raise ValueError(
            "Expected one geometry for all tokens of transformer.geometries; got "
            f"{geometry!r}."
        )
    geometries.sampler(outputs or inputs)
    own.update(embedding=inputs, seeds=config.seeds)
    if "constructed_seeds" in own:
        own.constructed_seeds = config.seeds
    chosen = PARTS[name].settings(own)
    if not outputs:
        return chosen
    most = min(chosen.n_max, geometries.num_points(geometry))
    return dataclasses.replace(chosen, embedding=geometry, n_max=most)


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[search.Search | Batch]:
    """Lists the searches of all parts, and a job that measures what they are about."""
    found = [what for name, _, own in chosen.parts for what in PARTS[name].plan(own)]
    about: list[Any] = [
        what.lanes[0] if isinstance(what, Batch) else what for what in found
    ]
    pairs = dict.fromkeys((lane.embedding, lane.d) for lane in about)
    return [*found, *[_job(chosen, name, d) for name, d in pairs]]


def _job(chosen: Settings, name: str, d: int) -> lanes.GeometryBatch:
    return lanes.GeometryBatch(
        lanes=tuple(
            lanes.GeometryLane(
                embedding=name,
                d=d,
                seed=seed,
                threshold=chosen.threshold,
                num_points=chosen.num_points,
            )
            for seed in chosen.seeds
        )
    )
