"""Worlds, initial scales and methods whose loss is followed towards zero."""

import itertools
from typing import Any

from recall.experiments.loss_to_zero import measure
from recall.models import linear_attention
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


def plan_of(config: Any) -> Plan:
    """Plans a batch for each world's sizes, facts and method.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    worlds = fields.nonempty("worlds", config.worlds)
    axes = itertools.product(
        [_sizes(world) for world in worlds],
        fields.each("facts", config.facts, measure.FACTS),
        fields.each("methods", config.methods, measure.METHODS),
    )
    init = fields.pick("init", config.init, linear_attention.INITS)
    same = {
        "init": init,
        "noise": fields.integer("noise", config.noise, 1),
        "length": fields.integer("length", config.length, 3),
        "learning_rate": fields.number("learning_rate", config.learning_rate, "(0, 1]"),
        "duration": fields.number("duration", config.duration, "(0, inf)"),
        "doublings": fields.integer("doublings", config.doublings, 2, 40),
    }
    seeds = fields.seeds("seeds", config.seeds)
    scales = fields.numbers("init_scales", config.init_scales, "(0, inf)")
    batches = []
    for sizes, facts, method in axes:
        lanes = [
            measure.FlowLane(
                **sizes, **same, facts=facts, method=method, init_scale=scale, seed=seed
            )
            for scale, seed in itertools.product(scales, seeds)
        ]
        batches.append(measure.FlowBatch(lanes=tuple(lanes)))
    return packing.plan(batches)


def _sizes(world: Any) -> dict[str, int]:
    """Checks the sizes of a world: subjects, relations, answers of each relation."""
    if not isinstance(world, tuple) or len(world) != 3:
        raise ValueError(f"Expected worlds of (S, R, D); got {world!r}.")
    names = ("subjects", "relations", "answers")
    sizes = {
        n: fields.integer("worlds", x, 1) for n, x in zip(names, world, strict=True)
    }
    if sizes["answers"] < 2:
        raise ValueError(f"Expected worlds of two answers or more; got {world!r}.")
    return sizes
