"""Trains a one-layer transformer, keeps its curve and the model (a demonstration)."""

import dataclasses
import warnings
from typing import Any

import numpy as np

from recall.data import recall_task
from recall.experiments.transformer_capacity import shared
from recall.sweeps import fields, packing, transformer_search
from recall.sweeps.batch import Plan


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """One transformer, and how many times it is trained.

    Attributes:
        d: width of the embeddings.
        heads: H.
        head_dim: d_h.
        m: hidden units; 0 for attention only.
        size: of the world.
        threshold: accuracy at which training stops.
        seeds: of worlds, embeddings and initial weights.
        model: what all of them share.
        table: the facts, as `recall_task.world_of` takes them; random facts if empty.
    """

    d: int
    heads: int
    head_dim: int
    m: int
    size: int
    threshold: float
    seeds: tuple[int, ...]
    model: shared.Model
    table: tuple[tuple[int, ...], ...]


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    size, model = fields.integer("size", config.size, 1), shared.model(config)
    fields.pick("search.method", model.strategy.method, ("single",))
    fields.pick("side_by_side", model.side_by_side, (False,))  # one model a seed
    return Settings(
        d=fields.integer("d", config.d, 1),
        heads=fields.integer("heads", config.heads, 1),
        head_dim=fields.integer("head_dim", config.head_dim, 1),
        m=fields.integer("m", config.m, 0),
        size=size,
        threshold=fields.number("threshold", config.threshold, "(0, 1]"),
        seeds=fields.seeds("seeds", config.seeds),
        model=model,
        table=_table(config.table, model, size),
    )


def _table(given: Any, model: shared.Model, size: int) -> tuple:
    """Checks a table of facts against the world that it is to be."""
    if not given:
        return ()
    S, R = transformer_search.WORLDS[model.world](size)
    sizes = recall_task.Sizes(S, R, answers=model.answers or size, noise=S + R)
    recall_task.world_of(given, sizes)
    return tuple(tuple(int(answer) for answer in row) for row in given)


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    if isinstance(config.table, str):
        with config.ignore_type():  # facts, not the name of a file, are the question
            config.table = read_table(config.table)
    return packing.plan(plan(settings(config)), trace=True)


def read_table(path: str) -> tuple[tuple[float, ...], ...]:
    """Reads a table of facts: a line for each subject, a number for each relation.

    Raises:
        ValueError: if there is no such file, or it holds other things than numbers.
    """
    if not path:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # NumPy only warns of an empty file
            rows = np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError, UserWarning) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"Expected table={path!r} to be a file of comma-separated integers, a line "
            f"for each subject; got {reason}"
        ) from error
    return tuple(tuple(row) for row in rows.tolist())


def plan(chosen: Settings) -> list[transformer_search.RecallSearch]:
    """Lists a single probe for every seed."""
    widths = {"d": chosen.d, "heads": chosen.heads}
    widths |= {"head_dim": chosen.head_dim, "m": chosen.m}
    found = []
    for seed in chosen.seeds:
        found += shared.searches_of(
            chosen.model,
            widths,
            threshold=chosen.threshold,
            seed=seed,
            expected=chosen.size,
            limit=chosen.size,
            table=chosen.table,
        )
    return found
