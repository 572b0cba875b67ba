"""The length of the stage that predicts p(a | r): a map over worlds and weights."""

import fractions
import itertools
import math
from typing import Any

from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import shared
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan
from recall.theory import stages

BEYOND = 1.5  # budget, over the predicted time of facts, which is within 2.1 % (rows)


def plan_of(config: Any) -> Plan:
    """Plans the runs of a map, all seeds of each point; rows of checks are not kept.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    same: dict[str, Any] = shared.simplified(config) | shared.reads(config)
    if same["attention"] != "linear" or same["optimizer"] != "sgd":
        raise ValueError(
            "Expected attention='linear' and optimizer='sgd', whose times set budgets; "
            f"got {same['attention']!r} and {same['optimizer']!r}."
        )
    # Gaussian weights have no one first score, from which times follow.
    fields.pick("init", config.init, ("published", "paper"))
    # Times are those of small weights: from 1 on there is nothing to escape from.
    same["init_scale"] = fields.number("init_scale", config.init_scale, "(0, 1)")
    seeds = fields.seeds("seeds", config.seeds)
    points = [same | point for point in [*_grid(config), *_axes(config)]]
    paced = [point | _pace(config, point) for point in points]
    lanes = [stage_lanes.StageLane(**run, seed=seed) for run in paced for seed in seeds]
    return packing.plan(shared.batches_of(lanes))


def _grid(config: Any) -> list[dict[str, Any]]:
    """Reads worlds of all ratios S / R that are whole, of not too many subjects."""
    most = fields.integer("max_subjects", config.max_subjects, 1)
    worlds = []
    for R, D, ratio in itertools.product(
        fields.integers("relations", config.relations, 2),
        fields.integers("answers", config.answers, 2),
        fields.numbers("ratios", config.ratios, "(0, inf)"),
    ):
        S = fractions.Fraction(ratio) * R  # exact: .3 x 10 is no 3
        # Structured answers are balanced only where D divides S.
        if S.denominator == 1 and S % D == 0 and 0 < S <= most:
            worlds.append(shared.world(int(S), R, D, True))
    if not worlds:
        raise ValueError(
            f"Expected ratios, relations, answers and max_subjects with a world, S = "
            f"ratio R a multiple of D; got ratios={tuple(config.ratios)}, relations="
            f"{tuple(config.relations)}, answers={tuple(config.answers)}, "
            f"max_subjects={most}."
        )
    return worlds


def _axes(config: Any) -> list[dict[str, Any]]:
    """Reads one world, at other initial scales and numbers of noise tokens."""
    base = config.base
    if not isinstance(base, tuple | list) or len(base) != 3:
        raise ValueError(f"Expected base to be (S, R, D); got {base!r}.")
    world = shared.world(*base, structured=True)
    scales = config.scales and fields.numbers("scales", config.scales, "(0, 1)")
    noises = config.noise_sizes and fields.integers(
        "noise_sizes", config.noise_sizes, 1
    )
    points = [world | {"init_scale": scale} for scale in scales or ()]
    return points + [world | {"noise": noise} for noise in noises or ()]


def _pace(config: Any, point: dict[str, Any]) -> dict[str, Any]:
    """Returns the rate at which both stages take the steps wanted, or more."""
    # Times of flow are rate x steps: where steps are small, rates change no stage.
    R, D, every = point["relations"], point["answers"], point["check_every"]
    w0 = point["init_scale"]
    if config.init == "paper":
        w0 *= math.sqrt(R * D + 1)
    times = stages.gradient_stages(point["subjects"], R, D, w0)
    rate = min(
        times.relation
        / fields.integer("steps_to_relation", config.steps_to_relation, 1),
        times.facts / fields.integer("steps_to_facts", config.steps_to_facts, 1),
    )
    return {
        "learning_rate": float(f"{rate:.6g}"),  # as a row says it, in no more digits
        "num_steps": every * math.ceil(BEYOND * times.facts / rate / every),
        "until_learned": True,
    }
