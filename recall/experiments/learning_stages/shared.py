"""What experiments on stages share: fields of a config, lanes into jobs."""

import itertools
from collections.abc import Iterable
from typing import Any

from recall.data import geometries
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


def reads(config: Any) -> dict[str, Any]:
    """Reads what a step and a check read, and how often one checks.

    Raises:
        ValueError: naming a field that is wrong, and what is allowed.
    """
    given = {
        name: fields.integer(name, getattr(config, name), least)
        for name, least in (
            ("noise", 1),
            ("length", 4),
            ("batch", 1),
            ("share", 1),
            ("checks", 1),
            ("check_every", 1),
        )
    }
    if given["batch"] % given["share"]:
        raise ValueError(
            f"Expected share to divide batch; got share={given['share']}, "
            f"batch={given['batch']}."
        )
    return given


def budget(field: str, num_steps: Any, check_every: int) -> int:
    """Returns a budget of steps that checks divide.

    Raises:
        ValueError: if they do not.
    """
    fields.integer(field, num_steps, 1)
    if num_steps % check_every:
        raise ValueError(
            f"Expected check_every to divide {field}; got check_every={check_every}, "
            f"{field}={num_steps}."
        )
    return num_steps


def world(S: Any, R: Any, D: Any, structured: Any) -> dict[str, Any]:
    """Returns sizes of a world, checked.

    Relations have to be two or more: with one there is no relation to learn.

    Raises:
        ValueError: naming a size that is wrong, and what is allowed.
    """
    sizes = {
        "subjects": fields.integer("subjects", S, 1),
        "relations": fields.integer("relations", R, 2),
        "answers": fields.integer("answers", D, 2),
        "structured": fields.boolean("structured", structured),
    }
    if structured and S % D:
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
        "attention": attention(config.attention),
        "init": fields.pick("init", config.init, linear_attention.INITS),
        "optimizer": optimizer("optimizer", config.optimizer),
        "loss": fields.pick("loss", config.loss, stage_training.LOSSES),
    }


def attention(value: Any) -> str:
    """Returns a kind of attention."""
    return fields.pick("attention", value, linear_attention.ATTENTIONS)


def optimizer(field: str, value: Any) -> str:
    """Returns the name of an optimizer."""
    return fields.pick(field, value, sorted(stage_training.OPTIMIZERS))


def embedding(field: str, value: Any) -> str:
    """Returns a kind of embeddings, one-hot among them.

    Raises:
        ValueError: naming the field, if there is no such kind.
    """
    if value == "onehot":
        return value
    try:
        geometries.sampler(str(value))
    except ValueError as error:
        raise ValueError(f"Expected {field} of 'onehot', or: {error}") from None
    return value


def batches_of(
    lanes: Iterable[stage_lanes.StageLane], *, trace: bool = False
) -> list[measure.StageBatch]:
    """Lanes of one program together, the longest jobs first."""
    found = [
        measure.StageBatch(lanes=tuple(members), trace=trace)
        for _, members in itertools.groupby(sorted(lanes, key=_order), _program)
    ]
    return sorted(found, key=lambda batch: -batch.about().core_seconds)


def _program(lane: stage_lanes.StageLane) -> str:
    return repr(lane.program())


def _order(lane: stage_lanes.StageLane) -> tuple:
    """By program, and within it those that take as long beside each other."""
    return _program(lane), lane.num_steps, lane.seed
