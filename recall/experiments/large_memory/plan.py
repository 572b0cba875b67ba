"""Memories whose facts are spread over all devices: accuracy, time and bytes."""

import functools
from typing import Any

from recall.experiments.large_memory import measure, programs
from recall.memories import mlp
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


def plan_of(config: Any) -> Plan:
    """Plans a batch for each memory, number of devices and seed, the cheapest first.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    lane = functools.partial(
        measure.LargeLane,
        embedding=fields.pick("embedding", config.embedding, programs.SAMPLERS),
        chunk=fields.integer("chunk", config.chunk, 1),
    )
    # A construction is a training of one step: one program, one kind of row.
    built = {"num_steps": 1, "check_every": 1, "learning_rate": None}
    training = dict.fromkeys(programs.CONSTRUCTED, built)
    training |= {name: _training(config, name) for name in programs.TRAINED}
    activation = fields.pick("activation", config.activation, sorted(mlp.ACTIVATIONS))
    parts = fields.integers("parts", config.parts, 0)
    seeds = fields.seeds("seeds", config.seeds)
    entries = fields.nonempty("memories", [tuple(entry) for entry in config.memories])
    batches = []
    for name, d, m, facts in map(_memory, entries):
        memory = functools.partial(
            lane,
            memory=name,
            d=d,
            m=m or None,
            facts=facts,
            activation=activation if name == "mlp" else None,
            **training[name],
        )
        batches += [
            measure.LargeBatch(lanes=(memory(parts=count, seed=seed),))
            for count in parts
            for seed in seeds
        ]
    batches.sort(key=lambda batch: batch.about().core_seconds)
    return packing.plan(batches)


def _memory(entry: tuple) -> tuple[str, int, int, int]:
    """Reads a memory: (memory, d, m, facts), where m is 0 without hidden units."""
    if len(entry) != 4:
        raise ValueError(
            f"Expected memories to be tuples (memory, d, m, facts); got {entry}."
        )
    names = programs.CONSTRUCTED + programs.TRAINED
    name = fields.pick("memories: the memory", entry[0], names)
    d = fields.integer(f"d of memories {entry}", entry[1], 1)
    units = (1, None) if name == "mlp" else (0, 0)
    m = fields.integer(f"m of memories {entry}", entry[2], *units)
    # Indices of facts are 32-bit integers, and padding adds some.
    return name, d, m, fields.integer(f"facts of memories {entry}", entry[3], 2, 2**30)


def _training(config: Any, memory: str) -> dict[str, Any]:
    """Reads the budget and the learning rate of a memory, in whole checks."""
    every = fields.integer("check_every", config.check_every, 1)
    steps = fields.integer(f"num_steps.{memory}", config.num_steps[memory], 1)
    if steps % every:
        raise ValueError(
            f"Expected check_every to divide num_steps.{memory}={steps}; got "
            f"check_every={every}."
        )
    rate = fields.number(
        f"learning_rates.{memory}", config.learning_rates[memory], "(0, inf)"
    )
    return {"num_steps": steps, "check_every": every, "learning_rate": rate}
