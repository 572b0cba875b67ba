"""How attention and MLP trade off at a fixed number of facts (Figure 4, right)."""

import dataclasses
import itertools
from typing import Any

from recall import recall_searches
from recall.experiments import common, recall_common


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
    model: recall_common.Model


def settings(config: Any) -> Settings:
    """Reads and checks a config; a bad field is named in a ValueError."""
    chosen = Settings(
        d=common.integer("d", config.d, 1),
        head_dim=common.integer("head_dim", config.head_dim, 1),
        heads=common.integers("heads", config.heads, 1),
        m=common.integers("m", config.m, 0),
        size=common.integer("size", config.size, 1),
        threshold=common.number("threshold", config.threshold, "(0, 1]"),
        seeds=common.seeds("seeds", config.seeds),
        model=recall_common.model(config),
    )
    common.pick("search.method", chosen.model.strategy.method, ("single",))
    return chosen


def plan(chosen: Settings) -> list[recall_searches.RecallSearch]:
    """Lists the searches, a single probe each, for every cell of the grid and seed."""
    found = []
    for heads, m, seed in itertools.product(chosen.heads, chosen.m, chosen.seeds):
        found += recall_common.searches_of(
            chosen.model,
            {"d": chosen.d, "heads": heads, "head_dim": chosen.head_dim, "m": m},
            threshold=chosen.threshold,
            seed=seed,
            expected=chosen.size,
            limit=chosen.size,
        )
    return found
