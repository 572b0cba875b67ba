"""Stages under other optimizers, attention, embeddings, and in whole transformers."""

import dataclasses
from typing import Any

from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import measure, shared
from recall.models import stage_training
from recall.sweeps import fields as common
from recall.sweeps import packing
from recall.sweeps.batch import Plan

CASE = "(model, attention, embedding, optimizer, learning rate, initial scale, steps)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The lanes of all cases, seeds included."""

    lanes: tuple[stage_lanes.StageLane, ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    read = shared.reads(config)
    loss = common.pick("loss", config.loss, stage_training.LOSSES)
    sizes = config.subjects, config.relations, config.answers, config.structured
    fields = shared.world(*sizes) | read | {"loss": loss, "until_learned": True}
    widths = {
        name: common.integer(name, getattr(config, name), least)
        for name, least in (("d", 1), ("heads", 1), ("head_dim", 1), ("m", 0))
    }
    cases = common.nonempty("cases", config.cases)
    seeds = common.seeds("seeds", config.seeds)
    return Settings(
        lanes=tuple(
            stage_lanes.StageLane(
                **fields | _case(case, widths, read["check_every"], loss), seed=seed
            )
            for case in cases
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
    return shared.batches_of(chosen.lanes)


def _case(
    case: Any, widths: dict[str, int], check_every: int, loss: str
) -> dict[str, Any]:
    """Reads one of the cases."""
    if not isinstance(case, tuple | list) or len(case) != 7:
        raise ValueError(f"Expected cases to be {CASE}; got {case!r}.")
    model, attention, embedding, optimizer, rate, scale, steps = case
    common.pick("model of cases", model, stage_lanes.MODELS)
    shared.embedding("embedding of cases", embedding)
    if model == "transformer" and (
        attention != "softmax" or embedding == "onehot" or loss != "sampled"
    ):
        raise ValueError(
            "Expected a transformer of cases to have softmax attention, embeddings of "
            f"width d and loss='sampled'; got {attention!r}, {embedding!r}, {loss!r}."
        )
    own = shared.SIMPLIFIED | {"init": "published"}
    if optimizer == "flow":  # has no batches
        own |= {"loss": "population"}
    if embedding != "onehot":
        own |= {"embedding": embedding, "d": widths["d"]}
    if model == "transformer":
        own |= widths | {"model": model, "init": "usual"}
    return own | {
        "attention": shared.attention(attention),
        "optimizer": shared.optimizer("optimizer of cases", optimizer),
        "learning_rate": common.number("rate of cases", rate, "(0, inf)"),
        "init_scale": common.number("scale of cases", scale, "(0, inf)"),
        "num_steps": shared.budget("steps of cases", steps, check_every),
    }
