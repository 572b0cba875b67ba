"""Time of 64 lanes over the time of one, warm: the price of another seed.

python -m benchmarks.lanes

On 2 CPU cores with jax 0.10.2: 21 to 27 times on two devices, 58 to 67 on one.
"""

import time
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

from recall import capacity, training
from recall.runs import setup
from recall.sweeps import lanes, memory_search


def search(memory: str, d: int, m: int | None, seed: int) -> memory_search.MemorySearch:
    return memory_search.MemorySearch(
        memory=memory,
        d=d,
        m=m,
        activation=None if m is None else "relu",
        threshold=1.0,
        seed=seed,
        expected=10 * d,  # more than fits: every lane trains through every chunk
        limit=10 * d,
        strategy=capacity.Strategy(method="bisect", opening=1.0, headroom=1.0),
        recipe=training.Recipe(num_steps=10**6, check_every=32),
        learning_rates=(0.03,),
    )


def seconds(memory: str, d: int, m: int | None, count: int, devices: Any) -> float:
    """Returns the median seconds of 16 checks, that is, 512 steps of every lane."""
    searches = [search(memory, d, m, seed) for seed in range(count)]
    shape = searches[0].own_shape()
    group = lanes.group_size(count, shape.n_max**2, devices, trained=True)
    padded = lanes.padded_count(count, group, len(devices))
    problems = [each.problem(shape) for each in searches]
    starts = [capacity.begin(p, jnp.int32(shape.n_max)) for p in problems]
    stacked = lanes.stack(problems, padded), lanes.stack(starts, padded)
    stacked[1].done[count:] = True  # lanes that only fill a group
    step = searches[0].advance(shape)
    fleet = lanes.Fleet(step, *stacked, lanes.mesh(devices), group)
    fleet.advance(16)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        fleet.advance(16)
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    setup.configure(compile_cache=False)
    for memory, d, m in (("linear", 8, None), ("linear", 16, None), ("mlp", 8, 8)):
        for devices in (jax.devices()[:1], jax.devices()):
            one = seconds(memory, d, m, 1, devices)
            many = seconds(memory, d, m, 64, devices)
            size = f"{memory} d={d}" + ("" if m is None else f" m={m}")
            print(
                f"{size}, {len(devices)} device(s): 1 lane {one * 1e3:.1f} ms, "
                f"64 lanes {many * 1e3:.1f} ms, ratio {many / one:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
