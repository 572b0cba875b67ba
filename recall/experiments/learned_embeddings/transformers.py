"""The one-layer transformer with learned embeddings, and which of its parts move."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Key

from recall import readout, training
from recall.data import sequences
from recall.experiments.learned_embeddings import parts
from recall.models import fit as factual_training
from recall.models import population, transformer

_BODY = ("attention", "values", "mlp")
MODES: Mapping[str, tuple[str, ...]] = {
    "frozen": _BODY,
    "inputs": ("inputs", *_BODY),
    "outputs": (*_BODY, "outputs"),
    "both": ("inputs", *_BODY, "outputs"),
}


class Parts(NamedTuple):
    """The weights of a transformer by what they do, or a flag about each part.

    Inputs are all tables of `transformer.Embeddings` but that of answers; attention is
    K and Q, values are V and O.
    """

    inputs: Any
    attention: Any
    values: Any
    mlp: Any
    outputs: Any

    def shuffled(self, key: Key[Array, ""]) -> "Parts":
        """Permutes the rows of each array, by orders of their own."""
        return split(parts.shuffled(key, join(self)))


def split(params: transformer.Params) -> Parts:
    """Returns the parts of weights that hold their own embeddings."""
    assert params.embeddings is not None
    *inputs, outputs = params.embeddings
    return Parts(tuple(inputs), params[:2], params[2:4], params.mlp, outputs)


def join(those: Parts) -> transformer.Params:
    """Returns the weights that `split` took apart."""
    tokens = transformer.Embeddings(*those.inputs, answers=those.outputs)
    return transformer.Params(
        *those.attention, *those.values, mlp=those.mlp, embeddings=tokens
    )


def advance(
    problem: parts.Problem,
    fit: training.Fit,
    *,
    sampling: factual_training.Sampling,
    architecture: transformer.Architecture,
    recipe: training.Recipe,
) -> training.Fit:
    """Trains the parts that move for `check_every` steps; facts are not counted."""
    task = problem.facts
    seed = jax.random.key(task.seed)

    def loss(params: Parts, step: Array) -> readout.Loss:
        key = jax.random.fold_in(seed, step + 1)
        sizes = sampling.contexts, sampling.facts, sampling.length
        draw = sequences.sample_draw(key, task.world, *sizes, sampling.layout)
        used = join(parts.trained(problem.moves, params))
        rest = task.world, draw, architecture, task.head_dim
        return population.loss(used, task.embeddings, *rest)

    return training.descend(fit, problem.learning_rate, loss=loss, recipe=recipe)


@functools.cache
def programs(
    sampling: factual_training.Sampling,
    architecture: transformer.Architecture,
    recipe: training.Recipe,
) -> tuple[Callable, Callable]:
    """Compiles `parts.solve` of stacked transformers, and the accuracy of one."""
    fixed = {"sampling": sampling, "architecture": architecture}
    train = functools.partial(advance, **fixed, recipe=recipe)

    def accuracy(task: factual_training.Problem, params: Parts) -> Float[Array, ""]:
        return factual_training.evaluate(task, join(params), **fixed).mean

    return parts.program(train), jax.jit(accuracy)
