"""Why training stalls below 99 %: tokens that no head can hear above the noise.

Trains transformers near their capacity and asks, of those that stall, which facts are
wrong. A token is unheard if in every head its attention logit is below that of one
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


def search(chosen: argparse.Namespace, seed: int) -> transformer_search.RecallSearch:
    recipe = training.Recipe(
        num_steps=chosen.steps, check_every=CHECK, cosine=not chosen.constant
    )
    return transformer_search.RecallSearch(
        threshold=0.99,
        seed=seed,
        expected=chosen.size,
        limit=chosen.size,
        strategy=capacity.Strategy(method="single", opening=1.0, headroom=1.0),
        embedding="gaussian",
        recipe=recipe,
        learning_rates=(chosen.rate,),
        world="S=R",
        d=16,
        heads=8,
        head_dim=2,
        m=16,
    )


def heard(params: transformer.Params, tables: transformer.Embeddings, X) -> np.ndarray:
    """Whether some head scores each token above 95 % of the noise tokens."""
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
    chosen = parser.parse_args()
    setup.configure(compile_cache=True)
    some = [search(chosen, seed) for seed in range(chosen.seeds)]
    shape = some[0].own_shape()
    problems = [one.problem(shape) for one in some]
    begun = [capacity.begin(problem, jnp.int32(chosen.size)) for problem in problems]
    stacks = lanes.stack(problems, len(some)), lanes.stack(begun, len(some))
    mesh = lanes.mesh(jax.local_devices()[: 1 + (len(some) % 2 == 0)])
    fleet = lanes.Fleet(some[0].advance(shape), *stacks, mesh, 1)
    while not (lane := fleet.advance(16)).done.all():
        pass
    for i, problem in enumerate(problems):
        params = jax.tree.map(lambda x, i=i: x[i], lane.fit.params)
        how = some[0].sampling(shape), some[0].architecture
        right = fit.ask_every_fact(problem, params, problem.world, *how)
        share, tables = np.asarray(right).mean(axis=0), problem.embeddings
        subjects = heard(params, tables, tables.subjects)
        both = subjects[:, None] & heard(params, tables, tables.relations)[None, :]
        unheard = share[~both].mean() if (~both).any() else np.nan
        print(
            f"seed {i}: accuracy {share.mean():.3f} after {lane.fit.steps[i]:,} steps; "
            f"{(~both).mean():.0%} of the facts about an unheard token: {unheard:.2f} "
            f"of them right, of the others {share[both].mean():.3f}"
        )


if __name__ == "__main__":
    main()
