"""How attention and MLP trade off at a fixed number of facts (Figure 4, right)."""

import dataclasses
import itertools
from typing import Any

from recall.experiments.transformer_capacity import shared
from recall.sweeps import fields, packing, transformer_search
from recall.sweeps.batch import Plan


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The grid and how each of its cells is trained.

    Attributes:
        d: width of the embeddings.
        head_dim: of each head.
        heads: numbers of heads.
        m: hidden units.
        size: of the world.
        threshold: accuracy at which training stops.
        seeds: of worlds, embeddings and initial weights.
        model: what all transformers share.
    """

    d: int
    head_dim: int
    heads: tuple[int, ...]
    m: tuple[int, ...]
    size: int
    threshold: float
    seeds: tuple[int, ...]
    model: shared.Model


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    chosen = Settings(
        d=fields.integer("d", config.d, 1),
        head_dim=fields.integer("head_dim", config.head_dim, 1),
        heads=fields.integers("heads", config.heads, 1),
        m=fields.integers("m", config.m, 0),
        size=fields.integer("size", config.size, 1),
        threshold=fields.number("threshold", config.threshold, "(0, 1]"),
        seeds=fields.seeds("seeds", config.seeds),
        model=shared.model(config),
    )
    fields.pick("search.method", chosen.model.strategy.method, ("single",))
    return chosen


def plan_of(config: Any) -> Plan:
    """Plans what a config asks for.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    chosen = settings(config)
    return packing.plan(plan(chosen))


def plan(chosen: Settings) -> list[transformer_search.RecallSearch]:
    """Lists the searches, a single probe each, for every cell of the grid and seed."""
    found = []
    for heads, m, seed in itertools.product(chosen.heads, chosen.m, chosen.seeds):
        found += shared.searches_of(
            chosen.model,
            {"d": chosen.d, "heads": heads, "head_dim": chosen.head_dim, "m": m},
            threshold=chosen.threshold,
            seed=seed,
            expected=chosen.size,
            limit=chosen.size,
        )
    return found
