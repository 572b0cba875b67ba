r"""Probes that locate a fact in attention or in the MLP.

The recalled vector is F = x + c MLP(x) with x = MHSA(X), so that the score of an answer
is a sum of a term from attention and a term from the MLP,

    <u_a, F> = <u_a, x> + <u_a, c MLP(x)>.

`attribute` splits scores that way; `ABLATIONS` take one of the parts away. Attention
has two paths: x joins the sum directly, and the MLP reads it. "direct" ablations change
the first alone, "ov" ablations both, as if the matrices O^T V were replaced.

An open question of Nichani, Lee, Bietti 2024 (https://arxiv.org/abs/2412.06538); the
split is known as direct logit attribution. All of it is measured, none of it proved.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key
from scipy import special

from recall import facts as facts_lib
from recall import readout
from recall.data import recall_task, sequences
from recall.models import transformer

Read = Callable[[Float[Array, "N d"]], Float[Array, "N d"]]  # x -> c MLP(x)
Recall = Callable[[Float[Array, "N d"], Read], Float[Array, "N d"]]


def _mean(x: Float[Array, "N d"]) -> Float[Array, "N d"]:
    """Replaces every row by the mean over facts and noise contexts."""
    return jnp.broadcast_to(jnp.mean(x, axis=0, keepdims=True), x.shape)


ABLATIONS: Mapping[str, Recall] = {
    "none": lambda x, read: x + read(x),
    "mlp_zero": lambda x, read: x,
    "mlp_mean": lambda x, read: x + _mean(read(x)),  # zero is unlike any training
    "direct_zero": lambda x, read: read(x),
    "direct_mean": lambda x, read: _mean(x) + read(x),
    "ov_zero": lambda x, read: read(jnp.zeros_like(x)),
    "ov_mean": lambda x, read: _mean(x) + read(_mean(x)),
}
AGAINST = ("nothing", "mean", "rival")  # subtracted from the score of the right answer


class Attribution(NamedTuple):
    """The scores of right answers, from <., x> and from <., c MLP(x)>."""

    attention: Float[Array, " N"]
    mlp: Float[Array, " N"]


class Holders(NamedTuple):
    """Fractions of the recalled facts, by the parts that recall them alone."""

    attention: Float[Array, ""]
    mlp: Float[Array, ""]
    both: Float[Array, ""]
    neither: Float[Array, ""]  # only attention and the MLP together do


class Ranks(NamedTuple):
    """The effective ranks of a matrix with singular values s.

    Attributes:
        participation: (sum s^2)^2 / sum s^4.
        entropy: exp of the entropy of s / sum s (Roy and Vetterli 2007).
    """

    participation: Float[Any, "*lanes"]
    entropy: Float[Any, "*lanes"]


def ask_every_fact(
    key: Key[Array, ""], world: recall_task.World, length: int, contexts: int
) -> sequences.Draw:
    """Draws all facts `contexts` times, with new noise contexts for each subject."""
    keys = jax.random.split(key, contexts)
    draws = [sequences.every_fact(k, world, length) for k in keys]
    return draws[0]._replace(
        noise=jnp.concatenate([draw.noise for draw in draws]),
        subjects=jnp.concatenate([draw.subjects for draw in draws]),
    )


def reader(params: transformer.Params, architecture: transformer.Architecture) -> Read:
    """Returns the function x -> c MLP(x) of a model."""
    return lambda x: transformer.read_mlp(params, x, architecture)


def directions(
    vectors: Float[Array, "N d"], facts: facts_lib.Facts, against: str
) -> Float[Array, "N d"]:
    """Returns the direction that each F is read along: u_a* less a reference.

    One of AGAINST: nothing, the mean over answers, or the wrong answer that scores
    highest on F.
    """
    right, live = facts.outputs[facts.targets], facts_lib.live_outputs(facts)
    if against == "nothing":
        return right
    if against == "mean":
        mean = jnp.sum(jnp.where(live[:, None], facts.outputs, 0.0), axis=0)
        return right - mean[None, :] / facts.num_outputs
    rival = jnp.arange(facts.outputs.shape[0])[None, :] != facts.targets[:, None]
    scores = jnp.where(rival, readout.scores(vectors, facts), -jnp.inf)
    return right - facts.outputs[jnp.argmax(scores, axis=1)]


def attribute(
    x: Float[Array, "N d"],
    added: Float[Array, "N d"],
    facts: facts_lib.Facts,
    against: str,
) -> Attribution:
    """Splits the scores of the right answers between x and what the MLP added."""
    along = directions(x + added, facts, against)
    return Attribution(jnp.sum(along * x, axis=1), jnp.sum(along * added, axis=1))


def conservation(
    x: Float[Array, "N d"], added: Float[Array, "N d"], facts: facts_lib.Facts
) -> Float[Array, ""]:
    """Returns the worst error of the parts, over the largest score of an answer."""
    total = x + added
    sums = {"nothing": readout.own_scores, "rival": readout.margins}
    errors = [
        jnp.max(jnp.abs(sum(attribute(x, added, facts, against)) - score(total, facts)))
        for against, score in sums.items()
    ]
    largest = jnp.max(jnp.abs(readout.own_scores(total, facts)))
    return jnp.maximum(*errors) / largest


def holders(
    intact: Bool[Array, " N"],
    without_mlp: Bool[Array, " N"],
    without_attention: Bool[Array, " N"],
) -> Holders:
    """Counts the facts that each part recalls alone; nan if the model recalls none."""
    a, b = intact & without_mlp, intact & without_attention
    kinds = a & ~b, b & ~a, a & b, intact & ~a & ~b
    return Holders(*(jnp.sum(kind) / jnp.sum(intact) for kind in kinds))


def right_relation(
    vectors: Float[Array, "N d"], facts: facts_lib.Facts, answers: Int[Array, ""]
) -> Bool[Array, " N"]:
    """Marks the facts whose best answer is one of the right relation."""
    best = jnp.argmax(readout.scores(vectors, facts), axis=1)
    return best // answers == facts.targets // answers  # blocks of D answers


def ov(params: transformer.Params) -> Float[np.ndarray, "H d d"]:
    """Returns O_h^T V_h, the map of each head from an attended token to its output."""
    O, V = np.asarray(params.O), np.asarray(params.V)  # noqa: E741
    return np.einsum("hkd,hke->hde", O, V)


def ranks(M: Float[np.ndarray, "*lanes d d"]) -> Ranks:
    """Computes the effective ranks of matrices; nan for zeros."""
    # By numpy: batches of singular value decompositions on two CPU devices at a time
    # never return (jaxlib 0.10.2).
    s = np.linalg.svd(np.asarray(M, np.float64), compute_uv=False)
    squares = s**2
    with np.errstate(invalid="ignore"):  # 0 / 0 of a matrix of zeros
        p = s / s.sum(axis=-1, keepdims=True)
        participation = squares.sum(axis=-1) ** 2 / (squares**2).sum(axis=-1)
    nats = special.entr(p).sum(axis=-1)
    return Ranks(participation=participation, entropy=np.exp(nats))
