"""Trains a one-layer transformer, keeps its curve and the model (a demonstration)."""

import dataclasses
from typing import Any

from recall.data import recall_task
from recall.experiments.transformer_capacity import shared
from recall.sweeps import fields, transformer_search

TRACE = True  # rows of every check, and a saved model for every seed


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
