"""Trains a one-layer transformer, keeps its curve and the model (a demonstration)."""

import dataclasses
import warnings
from typing import Any

import numpy as np

from recall.data import recall_task
from recall.experiments.transformer_capacity import shared
from recall.sweeps import fields, packing
from recall.sweeps.batch import Plan


def plan_of(config: Any) -> Plan:
    """Plans a single probe for every seed; facts of a file replace its name.

    Raises:
        ValueError: naming a field that is wrong, its value, and what is allowed.
    """
    if isinstance(config.table, str):
        with config.ignore_type():  # facts, not the name of a file, are the question
            config.table = read_table(config.table)
    searches = shared.searches(config)
    fields.pick("search.method", config.search.method, ("single",))
    fields.pick("side_by_side", config.side_by_side, (False,))  # one model a seed
    size = fields.integer("size", config.size, 1)
    lanes = [
        search(
            d=fields.integer("d", config.d, 1),
            heads=fields.integer("heads", config.heads, 1),
            head_dim=fields.integer("head_dim", config.head_dim, 1),
            m=fields.integer("m", config.m, 0),
            threshold=fields.number("threshold", config.threshold, "(0, 1]"),
            seed=seed,
            expected=size,
            limit=size,
        )
        for seed in fields.seeds("seeds", config.seeds)
        for search in searches
    ]
    if config.table:
        # Raises for the table of another world.
        recall_task.world_of(config.table, lanes[0].sizes(size))
        facts = tuple(tuple(map(int, row)) for row in config.table)
        lanes = [dataclasses.replace(lane, table=facts) for lane in lanes]
    return packing.plan(lanes, trace=True)


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
