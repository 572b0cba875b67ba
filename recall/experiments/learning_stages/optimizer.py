"""Stages under other optimizers, attention, embeddings, and in whole transformers."""

import functools
from typing import Any

from recall.data import geometries
from recall.experiments.learning_stages import lanes as stage_lanes
from recall.experiments.learning_stages import shared
from recall.models import linear_attention, stage_training
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan

CASE = "(model, attention, embedding, optimizer, learning rate, initial scale, steps)"


def plan_of(config: Any) -> Plan:
    """Plans the runs of all cases and seeds; rows of checks are not kept.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    sizes = config.subjects, config.relations, config.answers, config.structured
    lane = functools.partial(
        stage_lanes.StageLane,
        **shared.world(*sizes),
        **shared.reads(config),
        until_learned=True,
    )
    seeds = fields.seeds("seeds", config.seeds)
    cases = [_case(config, case) for case in fields.nonempty("cases", config.cases)]
    lanes = [lane(**case, seed=seed) for case in cases for seed in seeds]
    return packing.plan(shared.batches_of(lanes))


def _case(config: Any, case: Any) -> dict[str, Any]:
    """Reads one of the cases, and the fields that only some of them need."""
    if not isinstance(case, tuple | list) or len(case) != 7:
        raise ValueError(f"Expected cases to be {CASE}; got {case!r}.")
    model, attention, embedding, optimizer, rate, scale, steps = case
    fields.pick("model of cases", model, stage_lanes.MODELS)
    if embedding != "onehot":
        try:
            geometries.sampler(str(embedding))
        except ValueError as error:
            message = f"Expected embedding of cases of 'onehot', or: {error}"
            raise ValueError(message) from None
    loss = fields.pick("loss", config.loss, stage_training.LOSSES)
    # Theory has the simplified model alone: a transformer is there to compare with.
    if model == "transformer" and (
        attention != "softmax" or embedding == "onehot" or loss != "sampled"
    ):
        raise ValueError(
            "Expected a transformer of cases to have softmax attention, embeddings of "
            f"width d and loss='sampled'; got {attention!r}, {embedding!r}, {loss!r}."
        )
    widths = {
        name: fields.integer(name, config[name], least)
        for name, least in (("d", 1), ("heads", 1), ("head_dim", 1), ("m", 0))
    }
    lane = shared.SIMPLIFIED | {"init": "published"}
    if embedding != "onehot":
        lane |= {"embedding": embedding, "d": widths["d"]}
    if model == "transformer":
        lane |= widths | {"model": model, "init": "usual"}
    return lane | {
        "attention": fields.pick("attention", attention, linear_attention.ATTENTIONS),
        "optimizer": shared.optimizer("optimizer of cases", optimizer),
        "loss": "population" if optimizer == "flow" else loss,  # a flow has no batches
        "learning_rate": fields.number("rate of cases", rate, "(0, inf)"),
        "init_scale": fields.number("scale of cases", scale, "(0, inf)"),
        "num_steps": shared.budget("steps of cases", steps, config.check_every),
    }
