r"""The one-layer transformer F(X) = MHSA(X) + c MLP(MHSA(X)), read at the end token.

MHSA(X) = sum_h O_h^T V_h X^T softmax(X K_h^T Q_h x_T / sqrt(d_h)).

The answer is the one whose embedding has the largest inner product with F(X). There is
no residual stream from x_T and no positional encoding.

Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538), section 4.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from recall import embeddings
from recall.data import recall_task
from recall.memories import mlp as mlp_lib


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """Static hyperparameters that the shapes of the weights do not determine.

    Attributes:
        activation: of the MLP, one of `mlp.ACTIVATIONS`.
        mlp_weight: c, the factor of the MLP before it joins the residual.
        biases: whether hidden units have biases; else they stay zero.
    """

    activation: str = "relu"
    mlp_weight: float = 1.0
    biases: bool = True

    def __post_init__(self) -> None:
        """Raises a ValueError for an unknown activation."""
        if self.activation not in mlp_lib.ACTIVATIONS:
            names = sorted(mlp_lib.ACTIVATIONS)
            raise ValueError(
                f"Expected activation in {names}; got {self.activation!r}."
            )


class Embeddings(NamedTuple):
    """The vectors of all tokens, and the unembedding of answers."""

    subjects: Float[Array, "*lanes S d"]
    relations: Float[Array, "*lanes R d"]
    noise: Float[Array, "*lanes N d"]
    end: Float[Array, "*lanes d"]
    answers: Float[Array, "*lanes A d"]


class Params(NamedTuple):
    """The trained weights; trained embeddings take the place of the frozen ones."""

    K: Float[Array, "*lanes H d_h d"]
    Q: Float[Array, "*lanes H d_h d"]
    V: Float[Array, "*lanes H d_h d"]
    O: Float[Array, "*lanes H d_h d"]  # noqa: E741
    mlp: mlp_lib.Params | None = None
    embeddings: Embeddings | None = None


def draw_embeddings(
    key: Key[Array, ""], sampler: embeddings.Sampler, sizes: recall_task.Sizes, d: int
) -> Embeddings:
    """Draws all embeddings independently; tables are nested in the sizes."""
    keys = jax.random.split(key, 5)
    S, R, D, N = sizes
    return Embeddings(
        subjects=sampler(keys[0], S, d),
        relations=sampler(keys[1], R, d),
        noise=sampler(keys[2], N, d),
        end=sampler(keys[3], 1, d)[0],
        answers=sampler(keys[4], R * D, d),  # relations share no answer
    )


def token_table(tokens: Embeddings) -> Float[Array, "vocabulary d"]:
    """Returns the token embeddings in the order of the ids of `recall_task`."""
    return jnp.concatenate([*tokens[:3], tokens.end[None]])


def init(key: Key[Array, ""], d: int, heads: int, head_dim: int, m: int) -> Params:
    """Draws K, Q, V with entries N(0, 1/d_h), O with N(0, 1/d), and the MLP.

    Raises:
        ValueError: if there is no head, or heads have no dimension.
    """
    if heads < 1 or head_dim < 1:
        raise ValueError(
            f"Expected heads >= 1 and head_dim >= 1; got heads={heads}, "
            f"head_dim={head_dim}."
        )
    *keys, key_mlp = jax.random.split(key, 5)
    shape, scales = (heads, head_dim, d), [head_dim**-0.5] * 3 + [d**-0.5]
    draws = [s * jax.random.normal(k, shape) for k, s in zip(keys, scales, strict=True)]
    return Params(*draws, mlp=mlp_lib.init(key_mlp, d, m) if m else None)


def apply(
    params: Params,
    frozen: Embeddings,
    tokens: Int[Array, " T"],
    architecture: Architecture = Architecture(),
) -> Float[Array, " d"]:
    """Computes the recalled vector F(X) of one sequence, position by position."""
    X = token_table(used(params, frozen))[tokens]
    attention = attend(params, X)
    values = jnp.einsum("td,hkd->htk", X, params.V)
    mixed = jnp.einsum("ht,htk,hkd->d", attention, values, params.O)
    return add_mlp(params, mixed[None, :], architecture)[0]


def attend(params: Params, X: Float[Array, "T d"]) -> Float[Array, "H T"]:
    """Computes the attention of each head from the last position to each position."""
    # Training that stalls below 99 % has saturated here: in the worst of 8 seeds facts
    # about tokens that every head scores below one noise token in twenty are recalled
    # at .54 to .59, others at .98 (`benchmarks.stall`, d = 16). Another start helps.
    return jax.nn.softmax(key_scores(params, X, X[-1], params.K.shape[1]).T, axis=-1)


def key_scores(
    params: Params, X: Float[Array, "T d"], end: Float[Array, " d"], head_dim: Any
) -> Float[Array, "T H"]:
    """Computes attention logits of tokens: x^T K^T Q x_T / sqrt(d_h).

    `head_dim` is the d_h of the scale: heads may be padded beyond it.
    """
    query = jnp.einsum("hkd,d->hk", params.Q, end) / jnp.sqrt(head_dim)
    return X @ jnp.einsum("hk,hkd->dh", query, params.K)


def add_mlp(
    params: Params, x: Float[Array, "N d"], architecture: Architecture
) -> Float[Array, "N d"]:
    """Returns x + c MLP(x), or x where there is no MLP."""
    return x + read_mlp(params, x, architecture)


def read_mlp(
    params: Params, x: Float[Array, "N d"], architecture: Architecture
) -> Float[Array, "N d"]:
    """Returns c MLP(x), or zeros where there is no MLP."""
    if params.mlp is None:
        return jnp.zeros_like(x)
    # Times 0, biases have no gradient and stay zero: no second tree of params.
    weights = params.mlp._replace(b=params.mlp.b * architecture.biases)
    return architecture.mlp_weight * mlp_lib.apply(weights, x, architecture.activation)


def used(params: Params, frozen: Embeddings) -> Embeddings:
    """Returns the embeddings in use: the trained ones, if there are any."""
    return frozen if params.embeddings is None else params.embeddings


def num_parameters(d: int, heads: int, head_dim: int, m: int) -> int:
    """Returns 4 H d_h d + 2 m d, the paper's count, without biases and embeddings."""
    return 4 * heads * head_dim * d + 2 * m * d


def pad(params: Params, d: int, heads: int, head_dim: int, m: int) -> Params:
    """Appends silent heads, head dimensions, units and coordinates: the same model.

    The scale 1 / sqrt(d_h) is the one before padding, and is to be passed along. Zeros
    stay zero under training.
    """
    heads_of = [_widen(weights, (heads, head_dim, d)) for weights in params[:4]]
    units = None if params.mlp is None else mlp_lib.pad(params.mlp, d, m)
    return Params(*heads_of, mlp=units, embeddings=params.embeddings)


def pad_embeddings(tables: Embeddings, sizes: recall_task.Sizes, d: int) -> Embeddings:
    """Appends zero rows and zero coordinates up to sizes and a width d."""
    S, R, D, N = sizes
    shapes = (S, d), (R, d), (N, d), (d,), (R * D, d)
    return Embeddings(*map(_widen, tables, shapes))


def _widen(table: Array, shape: tuple[int, ...]) -> Array:
    room = [(0, new - old) for new, old in zip(shape, table.shape, strict=True)]
    return jnp.pad(table, room)
