"""A training step of the one-layer transformer against the plain loop, in one run.

python -m benchmarks.recall_step             step times
python -m benchmarks.recall_step --accuracy  accuracy after as many steps, 5 seeds

The plain step reads i.i.d. sequences position by position, one jitted call for every
step, with sequences drawn in large blocks, as the published code does. Ours is a lane
of `recall_train`, on all devices, sampling and checks included. Medians of five.
"""

import argparse
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from recall import capacity, training
from recall.data import sequences
from recall.models import transformer
from recall.runs import setup
from recall.sweeps import lanes, transformer_search

LENGTH, BATCH, BLOCK = 32, 1024, 64
CHECK = 256


def search(widths: tuple, size: int, seed: int, layout: str, share: int, steps: int):
    d, heads, head_dim, m = widths
    return transformer_search.RecallSearch(
        threshold=1.1,  # never reached: every lane makes all its steps
        seed=seed,
        expected=size,
        limit=size,
        strategy=capacity.Strategy(method="single", opening=1.0, headroom=1.0),
        embedding="gaussian",
        recipe=training.Recipe(num_steps=steps, check_every=CHECK),
        learning_rates=(0.01,),
        world="S=R",
        d=d,
        heads=heads,
        head_dim=head_dim,
        m=m,
        reads=transformer_search.Reads(layout=layout, share=share, batch=BATCH),
    )


def plain(one: transformer_search.RecallSearch):
    """Returns a jitted step on sequences, a sampler of blocks of them, and a state."""
    problem = one.problem(one.own_shape())

    def loss(params, tokens, answers):
        read = lambda t: transformer.apply(params, problem.embeddings, t)  # noqa: E731
        scores = jax.vmap(read)(tokens) @ problem.embeddings.answers.T
        nll = -jax.nn.log_softmax(scores)
        return nll[jnp.arange(len(answers)), answers].mean()

    adam = optax.adam(one.learning_rates[0])

    @jax.jit
    def step(params, state, batch):
        grads = jax.grad(loss)(params, *batch)
        updates, state = adam.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    @jax.jit
    def block(key):
        drawn = sequences.sample_batch(key, problem.world, BLOCK * BATCH, LENGTH)
        return tuple(x.reshape(BLOCK, BATCH, *x.shape[1:]) for x in drawn)

    initial: Any = problem.initial  # optax knows no NamedTuples
    return step, block, (initial, adam.init(initial))


def plain_seconds(one: transformer_search.RecallSearch) -> float:
    """Returns the seconds of a plain step, sampling included."""
    step, block, state = plain(one)

    def run(key):
        nonlocal state
        batches = block(key)
        for i in range(BLOCK):
            state = step(*state, tuple(x[i] for x in batches))
        jax.block_until_ready(state)

    run(jax.random.key(0))
    return timed(lambda i: run(jax.random.key(i))) / BLOCK


def fleet_of(some) -> lanes.Fleet:
    shape = some[0].own_shape()
    problems = [one.problem(shape) for one in some]
    starts = [capacity.begin(problem, jnp.int32(shape.n_max)) for problem in problems]
    stacks = lanes.stack(problems, len(some)), lanes.stack(starts, len(some))
    mesh = lanes.mesh(jax.local_devices())
    return lanes.Fleet(some[0].advance(shape), *stacks, mesh, 1)


def lane_seconds(some) -> float:
    """Returns the seconds of a step of one lane, all devices at work, with checks."""
    fleet = fleet_of(some)
    fleet.advance(1)
    return timed(lambda _: fleet.advance(1)) / CHECK / len(some)


def timed(call) -> float:
    seconds = []
    for i in range(5):
        start = time.perf_counter()
        call(i)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def times() -> None:
    for widths in ((32, 8, 8, 64), (16, 8, 2, 16)):
        names = dict(zip(("d", "H", "d_h", "m"), widths, strict=True))
        print(f"\n{names}, S = R = 32, D = 8, T = {LENGTH}, batch {BATCH}")
        slow = plain_seconds(search(widths, 32, 0, "grid", 32, 10**6))
        print(f"  plain step              {1e3 * slow:7.2f} ms")
        for name, layout, share in (
            ("pairs, 32 contexts", "pairs", 32),
            ("grid, 32 contexts", "grid", 32),
        ):
            some = [search(widths, 32, s, layout, share, 10**6) for s in range(4)]
            fast = lane_seconds(some)
            print(f"  {name:23} {1e3 * fast:7.2f} ms a run, {slow / fast:5.1f} times")


def accuracies(num_seeds: int, steps: int) -> None:
    """Prints the accuracy over all facts after as many steps of each estimator."""
    kinds = {"i.i.d.": ("pairs", 1), "pairs": ("pairs", 32), "grid": ("grid", 32)}
    for widths, size in (((32, 8, 8, 64), 32), ((16, 8, 2, 16), 13)):
        print(f"\nwidths {widths}, S = R = {size}, {steps} steps, {num_seeds} seeds")
        for name, (layout, share) in kinds.items():
            some = [
                search(widths, size, seed, layout, share, steps)
                for seed in range(num_seeds)
            ]
            some += some[-1:] * (len(some) % len(jax.local_devices()))
            fit = fleet_of(some).advance(steps // CHECK).fit
            recalled = (fit.correct / fit.asked)[:num_seeds]
            listed = " ".join(f"{x:.3f}" for x in np.sort(recalled))
            print(f"  {name:7} median {np.median(recalled):.3f}   {listed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2048)
    args = parser.parse_args()
    setup.configure(compile_cache=True)
    if args.accuracy:
        accuracies(args.seeds, args.steps)
    else:
        times()


if __name__ == "__main__":
    main()
