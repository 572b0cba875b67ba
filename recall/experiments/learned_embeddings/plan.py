"""Learned embeddings: the width that facts take, and where facts are."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

from recall.experiments.learned_embeddings import lanes as learned_lanes
from recall.experiments.learned_embeddings import measure, survival
from recall.experiments.learned_embeddings import memories as learned
from recall.experiments.learned_embeddings import transformer_survival as transformers
from recall.sweeps import fields, packing
from recall.sweeps.batch import Batch, Plan

PARTS = ("width", "survival", "transformer")


def plan_of(config: Any) -> Plan:
    """Plans batches of lanes that differ in their seeds alone, the cheapest first.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    parts = fields.each("parts", config.parts, PARTS)
    modes = fields.each("modes", config.modes, learned.MODES)
    seeds = fields.seeds("seeds", config.seeds)
    memories = _memories(config, modes)
    batches: list[Batch] = []
    if "survival" in parts:
        sizes: dict[str, Any] = {
            "facts": fields.integer("survival.facts", config.survival.facts, 2),
            "d": fields.integer("survival.d", config.survival.d, 2),
        }
        for memory in memories:
            kind = functools.partial(learned_lanes.SurvivalLane, **memory, **sizes)
            lanes = tuple(kind(seed=s) for s in seeds)
            batches.append(survival.SurvivalBatch(lanes=lanes))
    if "width" in parts:
        for search in itertools.chain(*(_widths(config, kind) for kind in memories)):
            lanes = tuple(learned_lanes.WidthLane(**search, seed=s) for s in seeds)
            batches.append(measure.WidthBatch(lanes=lanes))
    if "transformer" in parts:
        for model in _transformers(config, modes):
            lanes = tuple(transformers.TransformerLane(**model, seed=s) for s in seeds)
            batches.append(transformers.TransformerBatch(lanes=lanes))
    batches.sort(key=lambda batch: batch.about().core_seconds)
    return packing.plan(batches)


def _memories(config: Any, modes: Sequence[str]) -> list[dict[str, Any]]:
    """Reads memories, what of them is learned, and how they are trained."""
    every = fields.integer("check_every", config.check_every, 1)
    steps = fields.integer("num_steps", config.num_steps, every)
    if steps % every:
        raise ValueError(
            f"Expected check_every to divide num_steps; got check_every={every}, "
            f"num_steps={steps}."
        )
    rate = fields.number("learning_rate", config.learning_rate, "(0, inf)")
    training = {"learning_rate": rate, "num_steps": steps, "check_every": every}
    axes = itertools.product(
        fields.each("memories", config.memories, learned_lanes.MEMORIES),
        modes,
        fields.num_outputs(config),
    )
    return [
        training | {"memory": memory, "mode": mode, "num_outputs": outputs}
        for memory, mode, outputs in axes
    ]


def _widths(config: Any, memory: dict[str, Any]) -> list[dict[str, Any]]:
    """Reads the numbers of facts for which the width of a memory is searched."""
    mode = memory["mode"]
    field = "facts_frozen" if mode == "frozen" else "facts"
    searches = []
    for n in fields.integers(field, config[field], 2):
        shared = memory["num_outputs"]
        expected = measure.expected_width(memory["memory"], mode, n, shared)
        most = max(3 * expected // 2, 12)
        searches.append(memory | {"facts": n, "expected": expected, "most": most})
    return searches


def _transformers(config: Any, modes: Sequence[str]) -> list[dict[str, Any]]:
    """Reads transformers of each mode and size; the first size has parts changed."""
    section = config.transformer
    least = {"answers": 2, "d": 1, "heads": 1, "head_dim": 1, "m": 1, "num_steps": 1}
    same: dict[str, Any] = {
        name: fields.integer(f"transformer.{name}", section[name], bound)
        for name, bound in least.items()
    }
    same["learning_rate"] = fields.number(
        "transformer.learning_rate", section.learning_rate, "(0, inf)"
    )
    sizes = fields.integers("transformer.sizes", section.sizes, 2)
    return [
        same | {"mode": mode, "size": size, "changed": size == sizes[0]}
        for mode in modes
        for size in sizes
    ]
