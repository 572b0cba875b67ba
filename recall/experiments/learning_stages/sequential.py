"""One world, learned in stages (Figure 5): the curve of every loss, and pictures."""

import functools
from typing import Any

from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import shared
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


def plan_of(config: Any) -> Plan:
    """Plans a run for each seed, with a row for each check.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    reads = shared.reads(config)
    sizes = config.subjects, config.relations, config.answers, config.structured
    lane = functools.partial(
        stage_lanes.StageLane,
        **shared.world(*sizes),
        **shared.simplified(config),
        **reads,
        init_scale=fields.number("init_scale", config.init_scale, "(0, inf)"),
        learning_rate=fields.number("learning_rate", config.learning_rate, "(0, inf)"),
        num_steps=shared.budget("num_steps", config.num_steps, reads["check_every"]),
        until_learned=False,  # seeds are compared step by step, at their whole length
    )
    lanes = [lane(seed=seed) for seed in fields.seeds("seeds", config.seeds)]
    return packing.plan(shared.batches_of(lanes, trace=True))
