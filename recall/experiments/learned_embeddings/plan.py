"""What learned embeddings change: the width that facts take, and where facts are."""

import dataclasses
import itertools
from typing import Any

from recall.experiments.learned_embeddings import lanes as learned_lanes
from recall.experiments.learned_embeddings import (
    measure,
    survival,
    transformer_survival,
)
from recall.experiments.learned_embeddings import memories as learned
from recall.sweeps import fields, packing
from recall.sweeps.batch import Batch, Plan

PARTS = ("width", "survival", "transformer")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Groups of lanes that are measured together, seeds side by side."""

    widths: tuple[tuple[learned_lanes.WidthLane, ...], ...]
    survivals: tuple[tuple[learned_lanes.SurvivalLane, ...], ...]
    transformers: tuple[tuple[transformer_survival.TransformerLane, ...], ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    parts = fields.each("parts", config.parts, PARTS)
    memories = fields.each("memories", config.memories, learned_lanes.MEMORIES)
    modes = fields.each("modes", config.modes, learned.MODES)
    axes = itertools.product(memories, modes, fields.num_outputs(config))
    seeds = fields.seeds("seeds", config.seeds)
    widths, survivals = [], []
    for memory, mode, outputs in axes:
        own: dict[str, Any] = _training(config) | {"memory": memory, "mode": mode}
        own["num_outputs"] = outputs
        if "width" in parts:
            widths += _widths(config, own, seeds)
        if "survival" in parts:
            survivals.append(_survival(config, own, seeds))
    return Settings(
        widths=tuple(widths),
        survivals=tuple(survivals),
        transformers=_transformers(config, modes, seeds) if PARTS[2] in parts else (),
    )


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[Batch]:
    """One job for each group, the cheapest first."""
    found: list[Batch] = [
        survival.SurvivalBatch(lanes=lanes) for lanes in chosen.survivals
    ]
    found += [measure.WidthBatch(lanes=lanes) for lanes in chosen.widths]
    found += [
        transformer_survival.TransformerBatch(lanes=lanes)
        for lanes in chosen.transformers
    ]
    return sorted(found, key=lambda batch: batch.about().core_seconds)


def _training(config: Any) -> dict[str, Any]:
    """Reads the budget, in whole checks."""
    every = fields.integer("check_every", config.check_every, 1)
    steps = fields.integer("num_steps", config.num_steps, every)
    if steps % every:
        raise ValueError(
            f"Expected check_every to divide num_steps; got check_every={every}, "
            f"num_steps={steps}."
        )
    rate = fields.number("learning_rate", config.learning_rate, "(0, inf)")
    return {"learning_rate": rate, "num_steps": steps, "check_every": every}


def _widths(config: Any, own: dict[str, Any], seeds: tuple[int, ...]) -> list[tuple]:
    """Searches for each number of facts."""
    field = "facts_frozen" if own["mode"] == "frozen" else "facts"
    groups = []
    for count in fields.integers(field, config[field], 2):
        kind = own["memory"], own["mode"], count, own["num_outputs"]
        expected = measure.expected_width(*kind)
        whole: dict[str, Any] = own | {"facts": count, "expected": expected}
        whole["most"] = max(3 * expected // 2, 12)
        groups.append(tuple(learned_lanes.WidthLane(**whole, seed=s) for s in seeds))
    return groups


def _survival(config: Any, own: dict[str, Any], seeds: tuple[int, ...]) -> tuple:
    """Seeds of one memory whose parts are changed."""
    facts = fields.integer("survival.facts", config.survival.facts, 2)
    d = fields.integer("survival.d", config.survival.d, 2)
    return tuple(
        learned_lanes.SurvivalLane(**own, facts=facts, d=d, seed=s) for s in seeds
    )


def _transformers(
    config: Any, modes: tuple[str, ...], seeds: tuple[int, ...]
) -> tuple[tuple[transformer_survival.TransformerLane, ...], ...]:
    """Seeds of each mode and size; parts are changed at the first size."""
    given = config.transformer
    names = ("answers", "d", "heads", "head_dim", "m", "num_steps")
    own: dict[str, Any] = {
        name: fields.integer(
            f"transformer.{name}", given[name], 1 + (name == "answers")
        )
        for name in names
    }
    rate = fields.number("transformer.learning_rate", given.learning_rate, "(0, inf)")
    sizes = fields.integers("transformer.sizes", given.sizes, 2)
    return tuple(
        tuple(
            transformer_survival.TransformerLane(
                **own,
                mode=mode,
                size=size,
                seed=seed,
                learning_rate=rate,
                changed=size == sizes[0],
            )
            for seed in seeds
        )
        for mode in modes
        for size in sizes
    )
