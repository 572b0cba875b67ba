"""Bias and time of growth against fresh starts, and of giving a fit up early.

Runs the same lanes by every search method, and by a rule that gives a fit up after some
steps without one more fact recalled. Bias is the median over lanes of
capacity / capacity by bisection with full budgets, minus one.

    python -m benchmarks.methods [--seeds 10] [--sizes 8x8 8x32 11x22 16x16]
"""

import argparse
import time
from collections.abc import Sequence
from statistics import median

import jax

from recall import capacity, training
from recall.experiments.memory_capacity import mlp as mlp_capacity
from recall.runs import setup
from recall.sweeps import memory_search, packing, search

VARIANTS = {  # method, patience in steps (0: the full budget)
    "bisect": ("bisect", 0),
    "bisect, patience 2048": ("bisect", 2048),
    "bisect, patience 4096": ("bisect", 4096),
    "grow": ("grow", 0),
    "grow, patience 4096": ("grow", 4096),
    "grow+bisect": ("grow+bisect", 0),
}


def lanes_of(
    sizes: list[tuple[int, int]], seeds: int, method: str, patience: int
) -> list[memory_search.MemorySearch]:
    opening = 1.0 if method == "bisect" else 0.7
    strategy = capacity.Strategy(method=method, resolution=0.02, opening=opening)
    recipe = training.Recipe(
        num_steps=8192, check_every=64, cosine=True, patience=patience
    )
    return [
        memory_search.MemorySearch(
            memory="mlp",
            d=d,
            m=m,
            activation="relu",
            threshold=0.99,
            seed=seed,
            expected=mlp_capacity.expected(d, m, None, "relu"),
            limit=10**6,
            strategy=strategy,
            recipe=recipe,
            learning_rates=(0.03,),
        )
        for d, m in sizes
        for seed in range(seeds)
    ]


def run(searches: Sequence[search.Search]) -> tuple[dict, float, int]:
    """Returns capacities by (d, m, seed), seconds but for compiling, and all steps."""
    capacities, steps, compiling, start = {}, 0, 0.0, time.perf_counter()
    for batch in packing.group(searches):
        spent = 0.0
        for step in batch.run(jax.devices()):
            for row in step.rows:
                steps += row.get("steps", 0)
                if row["kind"] == "capacity":
                    capacities[row["d"], row["m"], row["seed"]] = row["capacity"]
            spent = step.columns.get("compile_seconds", spent)
        compiling += spent
    return capacities, time.perf_counter() - start - compiling, steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sizes", nargs="+", default=["8x8", "8x32", "11x22", "16x16"])
    args = parser.parse_args()
    setup.configure(compile_cache=False)
    sizes = [(int(d), int(m)) for d, m in (s.split("x") for s in args.sizes)]
    reference: dict = {}
    for name, (method, patience) in VARIANTS.items():
        capacities, seconds, steps = run(lanes_of(sizes, args.seeds, method, patience))
        reference = reference or capacities
        bias = [capacities[lane] / reference[lane] - 1 for lane in capacities]
        by_size = [
            f"{d}x{m} {median(capacities[d, m, seed] for seed in range(args.seeds)):g}"
            for d, m in sizes
        ]
        print(
            f"{name}: {seconds:.1f} s, {steps // len(capacities):,} steps a lane, "
            f"median bias {median(bias):+.1%}, N99 {', '.join(by_size)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
