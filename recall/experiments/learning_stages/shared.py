"""Fields of a config that all experiments on stages have, and lanes into batches."""

import itertools
from collections.abc import Iterable
from typing import Any

from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import measure
from recall.models import linear_attention, stage_training
from recall.sweeps import fields

SIMPLIFIED = {
    "model": "simplified",
    "embedding": "onehot",
    "d": 0,
    "heads": 0,
    "head_dim": 0,
    "m": 0,
}


def reads(config: Any) -> dict[str, int]:
    """Reads the sizes of a step and of a check, and how often one checks.

    Raises:
        ValueError: naming a field that is wrong, and what is allowed.
    """
    leasts = {"noise": 1, "length": 4, "batch": 1, "share": 1, "checks": 1}
    sizes = {
        name: fields.integer(name, config[name], least)
        for name, least in (leasts | {"check_every": 1}).items()
    }
    if sizes["batch"] % sizes["share"]:
        raise ValueError(
            f"Expected share to divide batch; got share={sizes['share']}, "
            f"batch={sizes['batch']}."
        )
    return sizes


def budget(field: str, num_steps: Any, check_every: int) -> int:
    """Returns a budget of steps that checks divide.

    Raises:
        ValueError: if the budget is no multiple of `check_every`.
    """
    fields.integer(field, num_steps, 1)
    if num_steps % check_every:
        raise ValueError(
            f"Expected check_every to divide {field}; got check_every={check_every}, "
            f"{field}={num_steps}."
        )
    return num_steps


def world(S: Any, R: Any, D: Any, structured: Any) -> dict[str, Any]:
    """Returns the sizes of a world by their fields, each of them checked.

    Raises:
        ValueError: naming a size that is wrong, and what is allowed.
    """
    sizes = {
        "subjects": fields.integer("subjects", S, 1),
        "relations": fields.integer("relations", R, 2),  # one leaves nothing to learn
        "answers": fields.integer("answers", D, 2),
        "structured": fields.boolean("structured", structured),
    }
    if structured and S % D:  # a relation's answers would not be equally frequent
        raise ValueError(
            f"Expected answers to divide subjects where answers are structured; got "
            f"answers={D}, subjects={S}."
        )
    return sizes


def simplified(config: Any) -> dict[str, Any]:
    """Reads the simplified model and how it is trained.

    Raises:
        ValueError: naming a field that is wrong, and what is allowed.
    """
    if config.optimizer == "flow" and config.loss != "population":
        raise ValueError(
            "Expected loss='population' with optimizer='flow', which has no batches; "
            f"got {config.loss!r}."
        )
    return SIMPLIFIED | {
        "attention": fields.pick(
            "attention", config.attention, linear_attention.ATTENTIONS
        ),
        "init": fields.pick("init", config.init, linear_attention.INITS),
        "optimizer": optimizer("optimizer", config.optimizer),
        "loss": fields.pick("loss", config.loss, stage_training.LOSSES),
    }


def optimizer(field: str, value: Any) -> str:
    """Returns the name of an optimizer, one of `stage_training.OPTIMIZERS`."""
    return fields.pick(field, value, sorted(stage_training.OPTIMIZERS))


def batches_of(
    lanes: Iterable[stage_lanes.StageLane], *, trace: bool = False
) -> list[measure.StageBatch]:
    """Gathers lanes of one program into batches, the longest batches first.

    Args:
        lanes: in any order.
        trace: whether each check becomes a row.
    """

    def program(lane: stage_lanes.StageLane) -> str:
        return repr(lane.program())

    # Within a program, lanes that take as long run beside each other: the vmapped
    # loop goes on until the slowest of them has ended.
    ordered = sorted(lanes, key=lambda lane: (program(lane), lane.num_steps, lane.seed))
    batches = [
        measure.StageBatch(lanes=tuple(members), trace=trace)
        for _, members in itertools.groupby(ordered, program)
    ]
    return sorted(batches, key=lambda batch: -batch.about().core_seconds)
