"""Training a part of a transformer while the rest of its weights stay as they are."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from recall import readout, training
from recall.data import sequences
from recall.models import fit as factual_training
from recall.models import population, transformer

Free = Any  # a boolean for each array of params: whether it is trained


def all_free(params: transformer.Params) -> Free:
    """Every weight is trained."""
    return jax.tree.map(lambda _: jnp.asarray(True), params)


def only_mlp(params: transformer.Params) -> Free:
    """Attention stays."""
    no = jnp.asarray(False)
    return all_free(params)._replace(K=no, Q=no, V=no, O=no)


def without_values(params: transformer.Params) -> Free:
    """V and O stay."""
    return all_free(params)._replace(V=jnp.asarray(False), O=jnp.asarray(False))


def copy_map(heads: int, head_dim: int, d: int) -> Float[Array, "H d_h d"]:
    """V = O of heads that copy what they attend to, head_dim coordinates each.

    Head h copies coordinates h d_h to (h + 1) d_h - 1, counted round and round: where d
    divides H d_h, the heads' maps O^T V add up to H d_h / d times the identity.
    """
    rows = jnp.eye(d)[jnp.arange(heads * head_dim) % d]
    return rows.reshape(heads, head_dim, d)


def fit(
    problem: factual_training.Problem,
    free: Free,
    learning_rate: Float[Array, ""],
    *,
    sampling: factual_training.Sampling,
    architecture: transformer.Architecture,
    recipe: training.Recipe,
) -> training.Fit:
    """Trains the free weights for all steps of a recipe, on the whole world.

    The rest has no gradient, and Adam leaves what never had one exactly where it is.
    """
    key = jax.random.fold_in(jax.random.key(problem.seed), problem.n_max)

    def loss(params: transformer.Params, step: Array) -> readout.Loss:
        held = jax.tree.map(
            lambda p, f: jnp.where(f, p, jax.lax.stop_gradient(p)), params, free
        )
        draw = sequences.sample_draw(
            jax.random.fold_in(key, step),
            problem.world,
            sampling.contexts,
            sampling.facts,
            sampling.length,
            sampling.layout,
        )
        rest = problem.world, draw, architecture, problem.head_dim
        return population.loss(held, problem.embeddings, *rest)

    begun = training.start(problem.initial)
    return training.descend(begun, learning_rate, loss=loss, recipe=recipe)
