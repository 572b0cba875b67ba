"""Runs of tiny sweeps, in this process, and what they found."""

import io
import json
from typing import Any

import jax
from rich.console import Console

from configs import linear_capacity
from recall.runs import launching, planning
from recall.store import journal

# Columns that say when and by which code, not what.
PROVENANCE = {"wall_seconds", "compile_seconds", "git_commit", "git_dirty", "device"}
TINY = {
    "memories": ("outer_product", "linear"),
    "d": (4,),
    "thresholds": (1.0,),
    "seeds": (0,),
    "constructed_seeds": (0, 1, 2, 3),
    "training.num_steps": 64,
}
BUILT: dict[str, Any] = {"memories": ("outer_product",)}


def config(**changes):
    made = linear_capacity.get_config("quick")
    made.lock()
    made.update_from_flattened_dict(TINY | changes)
    return made


def run(workdir, part=None, **changes):
    """Runs a sweep, or a part of it; returns all rows of its workdir."""
    made = config(**changes)
    plan = planning.plan_of(made) if part is None else part
    console = Console(file=io.StringIO())
    return launching.run(made, plan, workdir, jax.devices()[:1], console)


def results(rows):
    """What was found, by key; numbers to six digits, for groups of lanes may differ."""
    return {
        row["key"]: {k: _six(v) for k, v in row.items() if k not in PROVENANCE}
        for row in rows
    }


def _six(value):
    return float(f"{value:.6g}") if isinstance(value, float) else value


def written(workdir):
    """Keys of all lines of a run's journal, repeated ones as often as they are."""
    lines = [
        line
        for path in sorted((workdir / "rows").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert journal.read_rows(workdir)
    return [json.loads(line)["key"] for line in lines]
