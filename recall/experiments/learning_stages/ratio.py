"""How long the stage lasts that predicts p(a | r): a map over worlds and weights."""

import dataclasses
import fractions
import math
from typing import Any

from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import measure
from recall.experiments.learning_stages import shared as stage_common
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan
from recall.theory import stages

BEYOND = 1.5  # budget, over the predicted time at which facts are learned


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The lanes of a map, seeds included."""

    lanes: tuple[stage_lanes.StageLane, ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    read = stage_common.reads(config)
    shared: dict[str, Any] = stage_common.simplified(config) | read
    if shared["attention"] != "linear" or shared["optimizer"] != "sgd":
        raise ValueError(
            "Expected attention='linear' and optimizer='sgd', whose times set budgets; "
            f"got {shared['attention']!r} and {shared['optimizer']!r}."
        )
    fields.pick("init", config.init, ("published", "paper"))
    goals = (
        fields.integer("steps_to_relation", config.steps_to_relation, 1),
        fields.integer("steps_to_facts", config.steps_to_facts, 1),
    )
    seeds = fields.seeds("seeds", config.seeds)
    return Settings(
        lanes=tuple(
            stage_lanes.StageLane(
                **shared | cell | _pace(cell, shared, goals), seed=seed
            )
            for cell in [*_grid(config), *_axes(config)]
            for seed in seeds
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
    """Ends of all runs; their checks are not kept."""
    return stage_common.batches_of(chosen.lanes)


def _grid(config: Any) -> list[dict[str, Any]]:
    """Worlds of all ratios S / R that are whole, of not too many subjects."""
    most = fields.integer("max_subjects", config.max_subjects, 1)
    scale = fields.number("init_scale", config.init_scale, "(0, 1)")
    found = []
    for R in fields.integers("relations", config.relations, 2):
        for D in fields.integers("answers", config.answers, 2):
            for ratio in fields.numbers("ratios", config.ratios, "(0, inf)"):
                S = fractions.Fraction(ratio) * R
                if S.denominator == 1 and S % D == 0 and 0 < S <= most:
                    world = stage_common.world(int(S), R, D, True)
                    found.append(world | {"init_scale": scale, "noise": config.noise})
    if not found:
        raise ValueError(
            f"Expected ratios, relations, answers and max_subjects with a world, S = "
            f"ratio R a multiple of D; got ratios={tuple(config.ratios)}, relations="
            f"{tuple(config.relations)}, answers={tuple(config.answers)}, "
            f"max_subjects={most}."
        )
    return found


def _axes(config: Any) -> list[dict[str, Any]]:
    """One world at other initial scales, and with other numbers of noise tokens."""
    world = stage_common.world(*_triple(config.base), True)
    scale = fields.number("init_scale", config.init_scale, "(0, 1)")
    usual = {"init_scale": scale, "noise": config.noise}
    scales = config.scales and fields.numbers("scales", config.scales, "(0, 1)")
    noises = config.noise_sizes and fields.integers(
        "noise_sizes", config.noise_sizes, 1
    )
    own = [world | usual | {"init_scale": other} for other in scales or ()]
    return own + [world | usual | {"noise": other} for other in noises or ()]


def _triple(base: Any) -> tuple[int, int, int]:
    if not isinstance(base, tuple | list) or len(base) != 3:
        raise ValueError(f"Expected base to be (S, R, D); got {base!r}.")
    return base[0], base[1], base[2]


def _pace(
    cell: dict[str, Any], shared: dict[str, Any], goals: tuple[int, int]
) -> dict[str, Any]:
    """The learning rate at which both stages take the steps wanted, or more.

    Times of gradient flow are learning rate x steps; where steps are small, the rate
    changes nothing else.
    """
    S, R, D = cell["subjects"], cell["relations"], cell["answers"]
    w0 = cell["init_scale"] * (math.sqrt(R * D + 1) if shared["init"] == "paper" else 1)
    times = stages.gradient_stages(S, R, D, w0)
    rate = min(times.relation / goals[0], times.facts / goals[1])
    checks = math.ceil(BEYOND * times.facts / rate / shared["check_every"])
    return {
        "learning_rate": float(f"{rate:.6g}"),
        "num_steps": checks * shared["check_every"],
        "until_learned": True,
    }
