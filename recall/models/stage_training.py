"""Training of one lane of the dynamics with plain optimizers, and its checks."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from jaxtyping import Array, Float, Int, Key

from recall.data import recall_task, sequences
from recall.models import (
    gradient_flow,
    linear_attention,
    population,
    prompts,
    stages,
    transformer,
)


def _last_two(tree: Any) -> Any:
    """Tells Muon that every weight is a matrix, or a stack of them."""
    axes = optax.contrib.MuonDimensionNumbers(reduction_axis=-2, output_axis=-1)
    return jax.tree.map(lambda _: axes, tree)


MOMENTUM = 0.9
LOSSES = ("sampled", "population")
OPTIMIZERS: Mapping[str, Callable[[Any], optax.GradientTransformation]] = {
    "sgd": optax.sgd,
    "momentum": lambda rate: optax.sgd(rate, momentum=MOMENTUM),
    "adam": optax.adam,
    "sign": optax.sign_sgd,
    "muon": lambda rate: optax.chain(
        optax.contrib.scale_by_muon(beta=MOMENTUM, weight_dimension_numbers=_last_two),
        optax.scale_by_learning_rate(rate),
    ),
    "flow": optax.sgd,  # for its empty state; `advance` does not call it
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Static settings of a step: its optimizer and its prompts.

    Attributes:
        optimizer: one of OPTIMIZERS.
        attention: one of `linear_attention.ATTENTIONS`; a transformer has softmax.
        loss: "sampled", batches of prompts; "population", all facts in the expected
            context, which is exact as long as noise tokens are alike.
        length: tokens T of a sequence.
        num_noise: noise tokens, dead ones included.
        batch: sampled prompts of a step.
        share: prompts that share a noise context; 1 for i.i.d. prompts. 32 give the
            same stage times in 1.8 instead of 8.9 CPU seconds for 8,192 steps.
    """

    optimizer: str
    attention: str
    loss: str
    length: int
    num_noise: int
    batch: int
    share: int


class Problem(NamedTuple):
    """The task and hyperparameters of one lane; all traced, so that lanes may differ.

    Attributes:
        world: the task.
        embeddings: `linear_attention.Embeddings`, or None for one-hot, of the
            simplified model; `transformer.Embeddings` of a transformer.
        head_dim: `[]` d_h of a transformer.
        seed: `[]` of batches.
        contexts: `[C, T - 3]` noise tokens of the contexts that checks read.
    """

    world: recall_task.World
    embeddings: Any
    head_dim: Int[Array, "*lanes"]
    learning_rate: Float[Array, "*lanes"]
    seed: Int[Array, "*lanes"]
    contexts: Int[Array, "*lanes C noise"]


class State(NamedTuple):
    """The state of one lane in training, and the steps that it has taken."""

    params: Any
    opt_state: Any
    step: Int[Array, "*lanes"]


def start(problem: Problem, params: Any, recipe: Recipe) -> State:
    """Returns the state of a lane before its first step."""
    optimizer = OPTIMIZERS[recipe.optimizer](problem.learning_rate)
    step = jnp.zeros((), jnp.int32)  # a weak type would compile twice
    return State(params, optimizer.init(_matrices(params)), step)


def advance(problem: Problem, state: State, recipe: Recipe, num_steps: int) -> State:
    """Takes some steps, or follows gradient flow for as long."""
    if recipe.optimizer == "flow":
        key = jax.random.key(problem.seed)  # of nothing: the population has no batch
        of_all = lambda params: loss(params, problem, recipe, key)  # noqa: E731
        time = problem.learning_rate * num_steps
        params = gradient_flow.follow(state.params, of_all, time)
        return State(params, state.opt_state, state.step + num_steps)
    optimizer = OPTIMIZERS[recipe.optimizer](problem.learning_rate)

    def step(state: State, _: None) -> tuple[State, None]:
        key = jax.random.fold_in(jax.random.key(problem.seed), state.step)
        gradient = jax.grad(loss)(state.params, problem, recipe, key)
        old = _matrices(state.params)
        change, opt_state = optimizer.update(_matrices(gradient), state.opt_state, old)
        new = optax.apply_updates(old, change)
        params = jax.tree.map(lambda x, y: x.reshape(y.shape), new, state.params)
        return State(params, opt_state, state.step + 1), None

    return jax.lax.scan(step, state, length=num_steps)[0]


def check(problem: Problem, params: Any, recipe: Recipe) -> stages.Measures:
    """Measures all facts in noise contexts that stay fixed."""
    world, C = problem.world, problem.contexts.shape[0]
    counts = prompts.noise_counts(problem.contexts, recipe.num_noise)
    every = prompts.every_fact(world, counts, jnp.full(C, 1 / C))
    ids = every.subjects, every.relations
    draw = sequences.Draw(problem.contexts, *(jnp.repeat(x, C, axis=0) for x in ids))
    scores = logits(params, problem, recipe, draw)
    return stages.measure(scores, world, *ids, every.weights)


def logits(
    params: Any, problem: Problem, recipe: Recipe, draw: sequences.Draw
) -> Float[Array, "C F A"]:
    """Computes the logits of a model, simplified or a transformer, for a draw."""
    if isinstance(params, transformer.Params):
        tables = transformer.used(params, problem.embeddings)
        rest = draw, transformer.Architecture(), problem.head_dim
        scores = population.recalled(params, tables, *rest) @ tables.answers.T
        return scores.reshape(draw.subjects.shape[0], draw.relations.shape[1], -1)
    table = linear_attention.tables(params, problem.embeddings)
    reads = prompts.sampled(draw, recipe.num_noise)
    return linear_attention.logits(table, problem.world, reads, recipe.attention)


def attention(params: Any, problem: Problem, recipe: Recipe) -> Float[Array, "4"]:
    """Computes mean attention to subject, relation, all noise tokens and the end."""
    world = problem.world
    counts = prompts.mean_context(world, recipe.num_noise, recipe.length)
    reads = prompts.every_fact(world, counts, jnp.ones(1))
    table = linear_attention.tables(params, problem.embeddings)
    return linear_attention.attention_mass(table, world, reads, recipe.attention)


def loss(
    params: Any, problem: Problem, recipe: Recipe, key: Key[Array, ""]
) -> Float[Array, ""]:
    """Computes the loss of one step, on a batch or on the population."""
    world = problem.world
    if recipe.loss == "population":
        counts = prompts.mean_context(world, recipe.num_noise, recipe.length)
        reads = prompts.every_fact(world, counts, jnp.ones(1))
        table = linear_attention.tables(params, problem.embeddings)
        scores = linear_attention.logits(table, world, reads, recipe.attention)
    else:
        C, F = recipe.batch // recipe.share, recipe.share
        draw = sequences.sample_draw(key, world, C, F, recipe.length, "pairs")
        reads = prompts.sampled(draw, recipe.num_noise)
        scores = logits(params, problem, recipe, draw)
    ids = reads.subjects, reads.relations
    return stages.cross_entropy(scores, world, *ids, reads.weights)


def _matrices(params: Any) -> Any:
    """Makes vectors matrices of one column: to Muon W_KQ phi(end) is one."""
    return jax.tree.map(lambda x: x[:, None] if x.ndim == 1 else x, params)
