"""Training of a part of a transformer, with the rest of its weights frozen."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from recall import readout, training
from recall.models import fit as factual_training
from recall.models import transformer

Free = Any  # a boolean for each array of params: whether it is trained


def all_free(params: transformer.Params) -> Free:
    """Returns the mask under which every weight is trained."""
    return jax.tree.map(lambda _: jnp.asarray(True), params)


def only_mlp(params: transformer.Params) -> Free:
    """Returns the mask under which attention stays as it is."""
    no = jnp.asarray(False)
    return all_free(params)._replace(K=no, Q=no, V=no, O=no)


def without_values(params: transformer.Params) -> Free:
    """Returns the mask under which V and O stay as they are."""
    return all_free(params)._replace(V=jnp.asarray(False), O=jnp.asarray(False))


def copy_map(heads: int, head_dim: int, d: int) -> Float[Array, "H d_h d"]:
    """Returns V = O of heads that copy `head_dim` coordinates of the attended token.

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
    """Trains the free weights for `check_every` steps, on the whole world."""
    key = jax.random.fold_in(jax.random.key(problem.seed), problem.n_max)
    prompts = problem.world, sampling, architecture
    loss_of_all = factual_training.sampled_loss(key, problem, *prompts)

    def loss(params: transformer.Params, step: Array) -> readout.Loss:
        # Adam leaves weights that never had a gradient exactly where they are. A traced
        # mask, and not another tree of params: one program for all parts.
        mask = lambda p, f: jnp.where(f, p, jax.lax.stop_gradient(p))  # noqa: E731
        return loss_of_all(jax.tree.map(mask, params, free), step)

    start = training.start(problem.initial)
    return training.descend(start, learning_rate, loss=loss, recipe=recipe)
