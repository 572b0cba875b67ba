"""Times of steps against width, facts, units, lanes and devices: rows of a table.

    python -m benchmarks.scaling [--tiny] [--only sweep launchers weak lanes grid]

sweep   the quick sweep of linear memories on one device and on two, cold and warm
launchers   a sweep of a minute in one process, and by Dask workers
weak    a step of a large memory with as many facts on each of 1 to 8 devices; virtual
        ones of a CPU share its cores, so that their times add up
lanes   steps a second of MLP and transformer lanes, more and more of them at once
grid    the work of all searches that the paper's grids ask for, by closed formulas

Rows go to results/scaling.csv, those of other kinds stay; `recall.theory.costs` fits
them, `python scripts/make_results.py` draws them.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import launches
from configs import linear_capacity, mlp_capacity, recall_capacity, tradeoff
from recall import capacity, training
from recall.experiments.large_memory import measure as large_memories
from recall.experiments.large_memory import programs as large_programs
from recall.memories import kinds
from recall.runs import planning, setup
from recall.store import csv_files, provenance
from recall.store.row import Row
from recall.sweeps import lanes, memory_search, transformer_search
from recall.sweeps import search as search_lib
from recall.theory import costs

TABLE = Path(__file__).parents[1] / "results" / "scaling.csv"
GRIDS = {
    "linear_capacity": linear_capacity,
    "mlp_capacity": mlp_capacity,
    "recall_capacity": recall_capacity,
    "tradeoff": tradeoff,
}
FOREVER = training.Recipe(num_steps=10**6, check_every=16)
CHECKS = 4  # between two looks of the host, which cost as much as small steps
SINGLE = capacity.Strategy(method="single", opening=1.0, headroom=1.0)


def weak(tiny: bool) -> Iterator[Row]:
    """Times steps of a linear memory, as many facts on each of 1, 2, 4, 8 devices."""
    d, rows = (8, 16) if tiny else (128, 512)
    for parts in (1, 2, 4, 8):
        memory = large_programs.Memory(
            kind="linear",
            design=kinds.Design(d=d),
            n=rows * parts,
            embedding="sphere",
            chunk=rows,
            recipe=training.Recipe(num_steps=64, check_every=1),
            learning_rate=10.0,
        )
        over = large_programs.mesh(jax.devices()[:parts])
        made = large_programs.programs(memory, over)
        points, fit = made.draw(large_programs.SEED), made.begin(large_programs.SEED)
        advance = lambda fit: made.advance(points, fit)  # noqa: B023, E731
        spent = _median_seconds(advance, fit, 3 if tiny else 12)
        cost = large_memories.cost(memory, parts)
        yield {
            **{"devices": parts, "d": d, "n": memory.n, "seconds": spent},
            **{"sent": cost.ring, "summed": cost.summed, "held": cost.held},
            "flops": cost.flops,
        }


def lane_counts(tiny: bool) -> Iterator[Row]:
    """Times steps of lanes that have no end, on one device and on two."""
    for search in _searches(tiny):
        for devices in (1, 2)[: len(jax.devices())]:
            yield from launches.alone(devices, _lanes_rows, search, devices, tiny)


def _lanes_rows(search: Any, devices: int, tiny: bool) -> list[Row]:
    counts = [1, 4] if tiny else [1, 2, 8, 32]
    if not tiny and search.num_scores(search.own_shape()) >= 2e5:
        counts = [1, 2]
    if not tiny and jax.default_backend() != "cpu":
        counts = [4**power for power in range(7)]  # to 4096
    kept = counts if devices == 1 else counts[-1:]
    product = {"product_flops": devices * _product_flops(512 if tiny else 2048)}
    there = jax.devices()[:devices]
    return [_lanes_row(search, count, there) | product for count in kept]


def _product_flops(size: int) -> float:
    """Measures operations a second in a large product of matrices on one device."""
    x = jnp.ones((size, size))
    return 2 * size**3 / _median_seconds(jax.jit(lambda y: x @ y / size), x, 7)


def grid(tiny: bool) -> Iterator[Row]:
    """Adds up the steps and the work of all searches of the paper's grids."""
    for name, module in GRIDS.items():
        plan = planning.plan_of(module.get_config("quick" if tiny else ""))
        searches = plan.lanes
        works = [_work(s).times(_steps(s)) for s in searches]
        total = costs.Work(*map(sum, zip(*works, strict=True)))
        longest = max(searches, key=lambda s: _work(s).flops * _steps(s))
        yield {
            **{
                "experiment_of": name,
                "searches": len(searches),
                "cells": len(plan.batches),
            },
            **{"steps": total.steps, "flops": total.flops, "bytes": total.bytes},
            "longest_steps": _steps(longest),
            "longest_flops": _work(longest).flops * _steps(longest),
            "core_seconds": sum(s.core_seconds(s.own_shape()) for s in searches),
        }


def _steps(search: search_lib.Search) -> float:
    """Returns the steps that a search is expected to take; passes of a construction."""
    steps = search_lib.BUDGETS[search.strategy.method] * search.recipe.num_steps
    return steps if search.trained else 4.0 * steps


def _work(search: Any) -> costs.Work:
    """Returns the work of a step of a search at its expected size."""
    if isinstance(search, memory_search.MemorySearch):
        outputs = search.num_outputs or search.expected
        weights = search.num_parameters
        return costs.memory_step(search.expected, outputs, search.d, weights)
    sampling = search.sampling(search.own_shape())
    answers = search.sizes(search.expected).relations * search.answers
    facts = sampling.contexts * sampling.facts
    return costs.recall_step(
        facts, answers, search.d, search.heads, search.head_dim, search.m
    )


def _searches(tiny: bool) -> list[Any]:
    """Returns lanes of several widths that train for ever, on too many facts."""
    sizes = [(8, 0), (8, 8)] if tiny else [(16, 0), (32, 0), (64, 0), (90, 0)]
    sizes += [] if tiny else [(8, 8), (16, 16), (16, 32), (32, 64)]
    searches: list[Any] = [
        memory_search.MemorySearch(
            memory="mlp" if m else "linear",
            d=d,
            m=m or None,
            activation="relu" if m else None,
            expected=int(1.3 * d**2 / 8) if not m else int(0.7 * d * m),
            **_same(),
        )
        for d, m in sizes
    ]
    shapes = [(8, 2, 2, 8)] if tiny else [(16, 8, 2, 16), (32, 8, 8, 64)]
    return searches + [
        transformer_search.RecallSearch(
            **{"d": d, "heads": heads, "head_dim": head_dim, "m": m, "world": "S=R"},
            **{"answers": 2 if tiny else 8, "expected": 8 if tiny else d},
            **_same(),
        )
        for d, heads, head_dim, m in shapes
    ]


def _same() -> Row:
    return {
        **{"threshold": 1.0, "seed": 0, "limit": 10**6, "strategy": SINGLE},
        **{"recipe": FOREVER, "learning_rates": (1e-6,)},
    }


def _lanes_row(search: Any, count: int, devices: Any) -> Row:
    shape = search.own_shape()
    group = lanes.group_size(count, search.num_scores(shape), devices, trained=True)
    padded = lanes.padded_count(count, group, len(devices))
    problem = search.problem(shape)
    start = capacity.begin(problem, jnp.int32(search.expected))
    stacked = lanes.stack([problem], padded), lanes.stack([start], padded)
    mesh = lanes.mesh(devices)
    fleet = lanes.Fleet(search.advance(shape), *stacked, mesh, group)
    spent = _median_seconds(lambda _: fleet.advance(CHECKS), None, 5) / CHECKS
    work = _work(search)
    columns = search.columns()
    return {
        **{
            name: columns.get(name)
            for name in ("memory", "d", "m", "heads", "head_dim")
        },
        **{"n": search.facts(search.expected), "lanes": count},
        **{"devices": len(devices), "seconds": spent / FOREVER.check_every},
        **{"flops": work.flops, "bytes": work.bytes},
    }


def _median_seconds(step: Callable[[Any], Any], carry: Any, count: int) -> float:
    """Returns the median seconds of so many calls, after one that is not counted."""
    carry, times = jax.block_until_ready(step(carry)), []
    for _ in range(count):
        start = time.perf_counter()
        carry = jax.block_until_ready(step(carry))
        times.append(time.perf_counter() - start)
    return median(times)


PARTS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "sweep": launches.sweep,
    "launchers": launches.launchers,
    "weak": weak,
    "lanes": lane_counts,
    "grid": grid,
}


def rows(only: Iterable[str], *, tiny: bool) -> Iterator[Row]:
    """Measures the named parts, and prints each row as it comes."""
    same = {"experiment": "scaling", "device": provenance.device(jax.devices()[:2])}
    same |= provenance.source()
    for kind in only:
        for row in PARTS[kind](tiny):
            print(kind, row, flush=True)
            yield {"kind": kind} | row | same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--table", type=Path, default=TABLE)
    args = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", 8)
    with tempfile.TemporaryDirectory() as folder:
        setup.configure(compile_cache=True)  # of this benchmark's own, cold at first
        jax.config.update("jax_compilation_cache_dir", folder)
        for kind in args.only:
            measured = list(rows([kind], tiny=args.tiny))
            there = csv_files.read(args.table) if args.table.exists() else []
            kept = [row for row in there if row["kind"] != kind]
            table = sorted(kept + measured, key=lambda r: r["kind"])
            csv_files.write(args.table, table)


if __name__ == "__main__":
    main()
