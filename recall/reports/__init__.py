"""Tables of rows, for a terminal or a file: by the experiment whose rows they show."""

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from recall import rows as rows_lib
from recall.reports import (
    atlas,
    capacity,
    constructions,
    facts,
    geometry,
    large,
    learned,
    recall,
    scaling_law,
    stages,
    storage,
    weights,
)

WIDTH = 100

TABLES: Mapping[str, Sequence[Callable[[Iterable[rows_lib.Row]], Table]]] = {
    "atlas": (atlas.table,),
    "constructions": (constructions.table,),
    "large_memory": (large.table,),
    "embedding_geometry": (geometry.table, geometry.law_table),
    "real_embeddings": (geometry.table,),
    "learned_embeddings": (
        learned.widths_table,
        learned.survival_table,
        learned.geometry_table,
    ),
    "memory_weights": (weights.weights_table,),
    "real_facts": (facts.table, recall.train_table),
    "recall_train": (recall.train_table,),
    "scaling_law": (scaling_law.table,),
    "sequential_learning": (stages.times_table,),
    "stage_optimizer": (stages.times_table,),
    "stage_ratio": (stages.times_table,),
    "storage_location": (storage.ablation_table, storage.size_table),
    "tradeoff": (recall.grid_table,),
}

CAPACITIES = (capacity.capacity_table, capacity.law_table)


def print_report(rows: Iterable[rows_lib.Row], console: Console | None = None) -> None:
    """Prints the tables of each experiment and where its rows come from."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    experiments: dict[str, list[rows_lib.Row]] = collections.defaultdict(list)
    for row in rows:
        experiments[row["experiment"]].append(row)
    for experiment, own in sorted(experiments.items()):
        ended = [row for row in own if row["kind"] in ("capacity", "run")]
        if not ended:
            console.print(f"{experiment}: no finished searches.")
            continue
        console.print(f"\n{experiment}: {_heading(ended)}", highlight=False)
        for table in TABLES.get(experiment, CAPACITIES):
            console.print(table(own))


def _heading(ended: Sequence[rows_lib.Row]) -> str:
    """What the rows share, and where they come from."""
    points = rows_lib.capacities(ended)
    shared = []
    for field in rows_lib.QUALIFIERS:
        values = {getattr(point, field) for point in points} - {None}
        if len(values) == 1:
            shared.append(f"{field.replace('_', ' ')} {values.pop()}")
    commits = sorted({str(row.get("git_commit"))[:7] for row in ended})
    dirty = " (dirty)" if any(row.get("git_dirty") for row in ended) else ""
    devices = sorted({str(row.get("device")) for row in ended})
    probes = sum(row.get("num_probes") or 0 for row in ended)
    what = f"searches, {probes:,} probes" if points else "runs"
    return (
        f"{', '.join(shared)}\n{len(ended)} {what}; {', '.join(devices)}; commit "
        f"{', '.join(commits)}{dirty}"
    )
