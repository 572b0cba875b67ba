"""Tiny runs of `recall_train`, and what they leave."""

import io
from pathlib import Path
from typing import NamedTuple

import jax
from rich.console import Console

from configs import recall_train
from recall.runs import launching, planning

TINY = {
    "d": 8,
    "heads": 2,
    "head_dim": 2,
    "m": 8,
    "size": 4,
    "answers": 2,
    "seeds": (0, 1),
    "training.num_steps": 256,
    "training.check_every": 32,
    "training.learning_rates": (0.03,),
    "reads.length": 8,
    "reads.batch": 16,
    "reads.share": 4,
    "reads.checks": 2,
}


class Trained(NamedTuple):
    """What a run left: where, its rows, and the models as they were in memory."""

    workdir: Path
    rows: list
    models: dict


def config(**changes):
    made = recall_train.get_config("quick")
    made.lock()
    made.update_from_flattened_dict(TINY | changes)
    return made


def run(workdir, **changes):
    """Runs a tiny config; returns all rows of its workdir."""
    made = config(**changes)
    plan = planning.plan_of(made)
    console = Console(file=io.StringIO())
    return launching.run(made, plan, workdir, jax.devices(), console)


def of(rows, kind, seed=None):
    return [r for r in rows if r["kind"] == kind and seed in (None, r["seed"])]
