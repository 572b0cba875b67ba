"""The trade-off of attention and MLP at a fixed number of facts (Figure 4, right)."""

import itertools
from typing import Any

from recall.experiments.transformer_capacity import shared
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


def plan_of(config: Any) -> Plan:
    """Plans a single probe for every number of heads, of hidden units, and seed.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    searches = shared.searches(config)
    fields.pick("search.method", config.search.method, ("single",))  # N is fixed
    size = fields.integer("size", config.size, 1)
    same = {
        "d": fields.integer("d", config.d, 1),
        "head_dim": fields.integer("head_dim", config.head_dim, 1),
        "threshold": fields.number("threshold", config.threshold, "(0, 1]"),
    }
    cells = itertools.product(
        fields.integers("heads", config.heads, 1),
        fields.integers("m", config.m, 0),
        fields.seeds("seeds", config.seeds),
        searches,
    )
    return packing.plan(
        search(heads=H, m=m, seed=seed, expected=size, limit=size, **same)
        for H, m, seed, search in cells
    )
