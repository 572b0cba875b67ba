"""Training of the one-layer transformer on the recall task, one lane at a time."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from recall import readout, training
from recall.data import recall_task, sequences
from recall.models import population, transformer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """The prompts of a step and of a check; static.

    Attributes:
        layout: one of `sequences.LAYOUTS`.
        contexts: noise contexts of a step, in each of which it reads `facts` facts.
        checks: noise contexts of a check, which asks about every fact in each.
    """

    length: int
    layout: str
    contexts: int
    facts: int
    checks: int


class Problem(NamedTuple):
    """The task and hyperparameters of one lane; all traced, so that lanes may differ.

    Attributes:
        world: the largest world; a probe of size n is about a part of it.
        embeddings: of its tokens, frozen unless params hold trained ones.
        head_dim: `[]` d_h before padding, which scales attention logits.
        seed: `[]` of the noise contexts.
        n_max: `[]` the largest size of a probe.
        initial: the params that every fresh start begins from.
        learning_rates: `[tries]` tried in order until one stores the facts.
        threshold: `[]` fraction of the facts that must be recalled.
    """

    world: recall_task.World
    embeddings: transformer.Embeddings
    head_dim: Int[Array, "*lanes"]
    seed: Int[Array, "*lanes"]
    n_max: Int[Array, "*lanes"]
    initial: transformer.Params
    learning_rates: Float[Array, "*lanes tries"]
    threshold: Float[Array, "*lanes"]


def advance(
    problem: Problem,
    fit: training.Fit,
    n: Int[Array, ""],
    learning_rate: Float[Array, ""],
    *,
    sizes: Callable[[Int[Array, ""]], recall_task.Sizes],
    sampling: Sampling,
    architecture: transformer.Architecture,
    recipe: training.Recipe,
) -> training.Fit:
    """Trains on the world of size n for `check_every` steps, then checks every fact."""
    world = recall_task.take(problem.world, sizes(n))
    # By seed, size and step, not by place in a batch: the same noise in every batch.
    key = jax.random.fold_in(jax.random.key(problem.seed), n)
    loss = sampled_loss(key, problem, world, sampling, architecture)
    fit = training.descend(fit, learning_rate, loss=loss, recipe=recipe)
    right = ask_every_fact(problem, fit.params, world, sampling, architecture)
    total = jnp.asarray(recall_task.num_facts(world) * sampling.checks, jnp.int32)
    return training.check(fit, jnp.sum(right), total)


def sampled_loss(
    key: Key[Array, ""],
    problem: Problem,
    world: recall_task.World,
    sampling: Sampling,
    architecture: transformer.Architecture,
) -> training.StepLoss:
    """Returns the loss of params on the prompts that are drawn for a step."""

    def loss(params: transformer.Params, step: Int[Array, ""]) -> readout.Loss:
        key_step = jax.random.fold_in(key, step)
        reads = sampling.contexts, sampling.facts, sampling.length, sampling.layout
        draw = sequences.sample_draw(key_step, world, *reads)
        rest = world, draw, architecture, problem.head_dim
        return population.loss(params, problem.embeddings, *rest)

    return loss


class Answers(NamedTuple):
    """The fractions of facts recalled: on average, and in every noise context."""

    mean: Float[Array, ""]
    worst: Float[Array, ""]


def evaluate(
    problem: Problem,
    params: transformer.Params,
    sampling: Sampling,
    architecture: transformer.Architecture,
) -> Answers:
    """Measures the accuracy on the whole world in each of `checks` noise contexts."""
    world = problem.world
    right = ask_every_fact(problem, params, world, sampling, architecture)
    n = recall_task.num_facts(world)
    return Answers(
        mean=jnp.sum(right) / (n * sampling.checks),
        worst=jnp.sum(jnp.all(right, axis=0)) / n,
    )


def ask_every_fact(
    problem: Problem,
    params: transformer.Params,
    world: recall_task.World,
    sampling: Sampling,
    architecture: transformer.Architecture,
) -> Bool[Array, "checks S R"]:
    """Marks the live facts that are recalled, in noise contexts that stay fixed."""
    fixed = jax.random.fold_in(jax.random.key(problem.seed), 0)  # no size n is 0
    live = recall_task.live_facts(world)

    def ask(key: Array) -> Array:
        draw = sequences.every_fact(key, world, sampling.length)
        rest = world, draw, architecture, problem.head_dim
        return population.correct(params, problem.embeddings, *rest) & live

    # Not vmapped: answers to all facts in all contexts would be held at once.
    return jax.lax.map(ask, jax.random.split(fixed, sampling.checks))
