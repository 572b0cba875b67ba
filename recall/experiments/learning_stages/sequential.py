"""One world, learned in stages (Figure 5): the curve of every loss, and pictures."""

import dataclasses
from typing import Any

from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import measure, shared
from recall.sweeps import fields as common
from recall.sweeps import packing
from recall.sweeps.batch import Plan


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """One lane for each seed."""

    lanes: tuple[stage_lanes.StageLane, ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    read = shared.reads(config)
    sizes = config.subjects, config.relations, config.answers, config.structured
    fields = shared.world(*sizes) | shared.simplified(config) | read
    fields["init_scale"] = common.number("init_scale", config.init_scale, "(0, inf)")
    rate = common.number("learning_rate", config.learning_rate, "(0, inf)")
    steps = shared.budget("num_steps", config.num_steps, read["check_every"])
    return Settings(
        lanes=tuple(
            stage_lanes.StageLane(
                **fields,
                learning_rate=rate,
                num_steps=steps,
                until_learned=False,
                seed=seed,
            )
            for seed in common.seeds("seeds", config.seeds)
        )
    )


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[measure.StageBatch]:
    """Traces of all seeds."""
    return shared.batches_of(chosen.lanes, trace=True)
