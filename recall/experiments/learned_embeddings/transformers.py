"""The one-layer transformer with learned embeddings, and which of its parts move."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from recall import readout, training
from recall.data import sequences
from recall.models import fit as factual_training
from recall.models import population, transformer

PARTS = ("inputs", "attention", "values", "mlp", "outputs")
_BODY = ("attention", "values", "mlp")
MODES: Mapping[str, tuple[str, ...]] = {
    "frozen": _BODY,
    "inputs": ("inputs", *_BODY),
    "outputs": (*_BODY, "outputs"),
    "both": PARTS,
}


class Task(NamedTuple):
    """What one lane learns.

    Attributes:
        problem: whose first weights hold their own embeddings.
        moves: `[5]` which of PARTS are trained.
    """

    problem: factual_training.Problem
    moves: Array


def moving(parts: Any) -> Bool[Array, "parts"]:
    """The parts of these names move."""
    return jnp.asarray([name in parts for name in PARTS])


def chosen(
    moves: Bool[Array, "parts"], moved: transformer.Params, others: transformer.Params
) -> transformer.Params:
    """For each part the first if it moves, else the second.

    Inputs are all token embeddings, attention is K and Q, values are V and O.
    """

    def pick(part: str, one: Any, other: Any) -> Any:
        move = moves[PARTS.index(part)]
        return jax.tree.map(lambda x, y: jnp.where(move, x, y), one, other)

    one, other = (transformer.used(x, x.embeddings) for x in (moved, others))  # type: ignore[arg-type]
    return transformer.Params(
        *pick("attention", moved[:2], others[:2]),
        *pick("values", moved[2:4], others[2:4]),
        mlp=pick("mlp", moved.mlp, others.mlp),
        embeddings=transformer.Embeddings(
            *pick("inputs", one[:4], other[:4]),
            answers=pick("outputs", one.answers, other.answers),
        ),
    )


def solve(
    task: Task,
    budget: Int[Array, ""],
    *,
    sampling: factual_training.Sampling,
    architecture: transformer.Architecture,
    recipe: training.Recipe,
) -> training.Fit:
    """Trains for a budget of steps, then asks every fact."""
    problem = task.problem
    world, seed = problem.world, jax.random.key(problem.seed)

    def loss(params: transformer.Params, step: Array) -> readout.Loss:
        draw = sequences.sample_draw(
            jax.random.fold_in(seed, step + 1),
            world,
            sampling.contexts,
            sampling.facts,
            sampling.length,
            sampling.layout,
        )
        used = chosen(task.moves, params, jax.lax.stop_gradient(params))
        rest = world, draw, architecture, problem.head_dim
        return population.loss(used, problem.embeddings, *rest)

    def step(fit: training.Fit) -> training.Fit:
        rate = problem.learning_rates[0]
        return training.descend(fit, rate, loss=loss, recipe=recipe)

    begun = training.start(problem.initial)
    return jax.lax.while_loop(lambda fit: fit.steps < budget, step, begun)


def accuracy(
    problem: factual_training.Problem,
    params: transformer.Params,
    sampling: factual_training.Sampling,
    architecture: transformer.Architecture,
) -> Float[Array, ""]:
    """Fraction of all facts that are recalled, over several noise contexts."""
    return factual_training.evaluate(problem, params, sampling, architecture).mean
