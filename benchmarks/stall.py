"""Training stalls below 99 % at tokens that no head attends to above the noise.

Trains transformers near their capacity and asks, of those that stall, which facts are
wrong. A token is missed if in every head its attention logit is below that of one
noise token in twenty, so that in a sequence of 29 it is drowned; facts about it can
only be guessed. Softmax attention to other tokens has saturated by then, so that its
gradient has vanished.

    python -m benchmarks.stall [--size 14] [--seeds 8] [--steps 8192] [--constant]
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from recall import capacity, training
from recall.models import fit, transformer
from recall.runs import setup
from recall.sweeps import lanes, transformer_search

CHECK = 128


def search(args: argparse.Namespace, seed: int) -> transformer_search.RecallSearch:
    recipe = training.Recipe(
        num_steps=args.steps, check_every=CHECK, cosine=not args.constant
    )
    return transformer_search.RecallSearch(
        threshold=0.99,
        seed=seed,
        expected=args.size,
        limit=args.size,
        strategy=capacity.Strategy(method="single", opening=1.0, headroom=1.0),
        embedding="gaussian",
        recipe=recipe,
        learning_rates=(args.rate,),
        world="S=R",
        d=16,
        heads=8,
        head_dim=2,
        m=16,
    )


def attended(
    params: transformer.Params, tables: transformer.Embeddings, X
) -> np.ndarray:
    """Tells whether some head scores each token above 95 % of the noise tokens."""
    scores = lambda V: np.asarray(  # noqa: E731
        transformer.key_scores(params, V, tables.end, params.K.shape[1])
    )
    high = np.quantile(scores(tables.noise), 0.95, axis=0)
    return np.any(scores(X) > high, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=14)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=8192)
    parser.add_argument("--rate", type=float, default=0.03)
    parser.add_argument("--constant", action="store_true")
    args = parser.parse_args()
    setup.configure(compile_cache=True)
    some = [search(args, seed) for seed in range(args.seeds)]
    shape = some[0].own_shape()
    problems = [one.problem(shape) for one in some]
    starts = [capacity.begin(problem, jnp.int32(args.size)) for problem in problems]
    stacks = lanes.stack(problems, len(some)), lanes.stack(starts, len(some))
    mesh = lanes.mesh(jax.local_devices()[: 1 + (len(some) % 2 == 0)])
    fleet = lanes.Fleet(some[0].advance(shape), *stacks, mesh, 1)
    while not (lane := fleet.advance(16)).done.all():
        pass
    for i, problem in enumerate(problems):
        params = jax.tree.map(lambda x, i=i: x[i], lane.fit.params)
        how = some[0].sampling(shape), some[0].architecture
        right = fit.ask_every_fact(problem, params, problem.world, *how)
        correct, tables = np.asarray(right).mean(axis=0), problem.embeddings
        subjects = attended(params, tables, tables.subjects)
        both = subjects[:, None] & attended(params, tables, tables.relations)[None, :]
        missed = correct[~both].mean() if (~both).any() else np.nan
        print(
            f"seed {i}: {correct.mean():.3f} recalled after {lane.fit.steps[i]:,} "
            f"steps; {(~both).mean():.0%} of the facts about a missed token, "
            f"{missed:.2f} of them right, of the others {correct[both].mean():.3f}"
        )


if __name__ == "__main__":
    main()
