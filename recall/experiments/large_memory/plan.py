"""Memories whose facts are spread over all devices: accuracy, time and bytes."""

import dataclasses
import itertools
from typing import Any

from recall.experiments.large_memory import measure, programs
from recall.memories import mlp
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The memories and how they are trained.

    Attributes:
        memories: tuples (memory, d, m, facts); m is 0 for memories without units.
        seeds: of facts and initial weights.
        parts: numbers of devices; 0 for all that there are.
        embedding: one of `programs.SAMPLERS`.
        activation: of MLPs.
        chunk: facts whose scores a device holds at once.
        num_steps: budget of linear memories and of MLPs.
        learning_rates: of linear memories and of MLPs.
        check_every: steps between two counts.
    """

    memories: tuple[tuple[str, int, int, int], ...]
    seeds: tuple[int, ...]
    parts: tuple[int, ...]
    embedding: str
    activation: str
    chunk: int
    num_steps: dict[str, int]
    learning_rates: dict[str, float]
    check_every: int


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    memories = fields.nonempty("memories", [tuple(entry) for entry in config.memories])
    chosen = Settings(
        memories=tuple(_memory(entry) for entry in memories),
        seeds=fields.seeds("seeds", config.seeds),
        parts=fields.integers("parts", config.parts, 0),
        embedding=fields.pick("embedding", config.embedding, programs.SAMPLERS),
        activation=fields.pick(
            "activation", config.activation, sorted(mlp.ACTIVATIONS)
        ),
        chunk=fields.integer("chunk", config.chunk, 1),
        num_steps=_each(config, "num_steps", fields.integer, 1),
        learning_rates=_each(config, "learning_rates", fields.number, "(0, inf)"),
        check_every=fields.integer("check_every", config.check_every, 1),
    )
    for memory, budget in chosen.num_steps.items():
        if budget % chosen.check_every:
            raise ValueError(
                f"Expected check_every to divide num_steps.{memory}={budget}; got "
                f"check_every={chosen.check_every}."
            )
    return chosen


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[measure.LargeBatch]:
    """Lists the memories, the cheapest first."""
    axes = itertools.product(chosen.memories, chosen.parts, chosen.seeds)
    found = [measure.LargeBatch(lanes=(_lane(chosen, *point),)) for point in axes]
    return sorted(found, key=lambda batch: batch.about().core_seconds)


def _memory(entry: tuple) -> tuple[str, int, int, int]:
    if len(entry) != 4:
        raise ValueError(
            f"Expected memories to be tuples (memory, d, m, facts); got {entry}."
        )
    known = programs.CONSTRUCTED + programs.TRAINED
    name = fields.pick("memories: the memory", entry[0], known)
    d = fields.integer(f"d of memories {entry}", entry[1], 1)
    units = (1, None) if name == "mlp" else (0, 0)
    m = fields.integer(f"m of memories {entry}", entry[2], *units)
    return name, d, m, fields.integer(f"facts of memories {entry}", entry[3], 2, 2**30)


def _each(config: Any, field: str, read: Any, *bounds: Any) -> dict[str, Any]:
    """A value for each trained memory."""
    return {
        memory: read(f"{field}.{memory}", config[field][memory], *bounds)
        for memory in programs.TRAINED
    }


def _lane(
    chosen: Settings, memory: tuple[str, int, int, int], parts: int, seed: int
) -> measure.LargeLane:
    name, d, m, facts = memory
    trained = name in programs.TRAINED
    return measure.LargeLane(
        memory=name,
        d=d,
        m=m or None,
        facts=facts,
        seed=seed,
        parts=parts,
        embedding=chosen.embedding,
        activation=chosen.activation if name == "mlp" else None,
        chunk=chosen.chunk,
        num_steps=chosen.num_steps[name] if trained else 1,
        check_every=chosen.check_every if trained else 1,
        learning_rate=chosen.learning_rates[name] if trained else None,
    )
