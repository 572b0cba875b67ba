"""One training step of 50,000 facts at d = 256 in a few GiB: the chunked readout.

The scores alone would take 10 GB in float32; whole, forward and backward, thrice that.

    python -m benchmarks.large [--facts 50000] [--d 256] [--steps 1]
"""

import argparse
import resource
import time

import jax
import jax.numpy as jnp

from recall import embeddings, facts, training
from recall.memories import linear
from recall.runs import setup


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=50_000)
    parser.add_argument("--d", type=int, default=256)
    parser.add_argument("--steps", type=int, default=1)
    args = parser.parse_args()
    setup.configure(compile_cache=False)
    key_in, key_out, key_params = jax.random.split(jax.random.key(0), 3)
    inputs = embeddings.sphere(key_in, args.facts, args.d)
    outputs = embeddings.sphere(key_out, args.facts, args.d)
    params = linear.init(key_params, args.d)
    problem = training.Problem(
        facts=facts.injective(inputs, outputs),
        initial=params,
        learning_rates=jnp.ones(1),
        drawn=(),
        threshold=jnp.float32(1.0),
    )
    recipe = training.Recipe(num_steps=args.steps, check_every=1)

    @jax.jit
    def step(problem: training.Problem, fit: training.Fit) -> training.Fit:
        n, rate = problem.facts.n, problem.learning_rates[0]
        return training.advance(
            problem, fit, n, rate, apply=linear.apply, recipe=recipe
        )

    fit = training.start(params)
    compiled = step.lower(problem, fit).compile()
    for _ in range(args.steps):
        start = time.perf_counter()
        fit = jax.block_until_ready(compiled(problem, fit))
        spent = time.perf_counter() - start
        print(f"step and count: {spent:.1f} s, {int(fit.correct):,} facts recalled")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"N = {args.facts:,}, d = {args.d}: peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
