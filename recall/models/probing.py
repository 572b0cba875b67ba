r"""Where a fact is held: by attention or by the MLP.

The recalled vector is F = x + c MLP(x) with x = MHSA(X), so that the score of an answer
is a sum of what attention writes of it directly and what the MLP adds,

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
    """Every row replaced by the mean over facts and noise contexts."""
    return jnp.broadcast_to(jnp.mean(x, axis=0, keepdims=True), x.shape)


ABLATIONS: Mapping[str, Recall] = {
    "none": lambda x, read: x + read(x),
    "mlp_zero": lambda x, read: x,
    "mlp_mean": lambda x, read: x + _mean(read(x)),
    "direct_zero": lambda x, read: read(x),
    "direct_mean": lambda x, read: _mean(x) + read(x),
    "ov_zero": lambda x, read: read(jnp.zeros_like(x)),
    "ov_mean": lambda x, read: _mean(x) + read(_mean(x)),
}
AGAINST = ("nothing", "mean", "rival")  # what the score of the right answer is less


class Attribution(NamedTuple):
    """Scores of right answers, in two parts, fact by fact.

    Attributes:
        attention: `[N]` from <., x>.
        mlp: `[N]` from <., c MLP(x)>.
    """

    attention: Float[Array, " N"]
    mlp: Float[Array, " N"]


class Holders(NamedTuple):
    """Shares of the facts recalled, by which part recalls them without the other.

    Attributes:
        attention: attention alone does, the MLP alone does not.
        mlp: the other way round.
        both: either does.
        neither: only both together do.
    """

    attention: Float[Array, ""]
    mlp: Float[Array, ""]
    both: Float[Array, ""]
    neither: Float[Array, ""]


class Ranks(NamedTuple):
    """Effective ranks of a matrix with singular values s.

    Attributes:
        participation: (sum s^2)^2 / sum s^4.
        entropy: exp of the entropy of s / sum s (Roy and Vetterli 2007).
    """

    participation: Float[Any, "*lanes"]
    entropy: Float[Any, "*lanes"]


def ask_every_fact(
    key: Key[Array, ""], world: recall_task.World, length: int, contexts: int
) -> sequences.Draw:
    """All facts, `contexts` times: each subject has as many noise contexts."""
    keys = jax.random.split(key, contexts)
    draws = [sequences.every_fact(k, world, length) for k in keys]
    return draws[0]._replace(
        noise=jnp.concatenate([draw.noise for draw in draws]),
        subjects=jnp.concatenate([draw.subjects for draw in draws]),
    )


def reader(params: transformer.Params, architecture: transformer.Architecture) -> Read:
    """What the MLP of a model makes of what attention writes."""
    return lambda x: transformer.read_mlp(params, x, architecture)


def directions(
    found: Float[Array, "N d"], facts: facts_lib.Facts, against: str
) -> Float[Array, "N d"]:
    """What F is read along, for each fact: u_a* less what it is held against.

    Args:
        found: F, which decides who the strongest rival is.
        facts: right answers, and the embeddings of all.
        against: one of AGAINST: nothing, the mean over answers, or the wrong answer
            that scores highest.
    """
    own, live = facts.outputs[facts.targets], facts_lib.live_outputs(facts)
    if against == "nothing":
        return own
    if against == "mean":
        mean = jnp.sum(jnp.where(live[:, None], facts.outputs, 0.0), axis=0)
        return own - mean[None, :] / facts.num_outputs
    wrong = jnp.arange(facts.outputs.shape[0])[None, :] != facts.targets[:, None]
    rivals = jnp.where(wrong, readout.scores(found, facts), -jnp.inf)
    return own - facts.outputs[jnp.argmax(rivals, axis=1)]


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
    """The worst error of parts that should add up, of scores and margins by `readout`.

    Relative to the largest score of a right answer.
    """
    found = x + added
    wanted = {"nothing": readout.own_scores, "rival": readout.margins}
    errors = []
    for against, of in wanted.items():
        parts = attribute(x, added, facts, against)
        errors.append(jnp.max(jnp.abs(sum(parts) - of(found, facts))))
    largest = jnp.max(jnp.abs(readout.own_scores(found, facts)))
    return jnp.maximum(*errors) / largest


def holders(
    intact: Bool[Array, " N"],
    without_mlp: Bool[Array, " N"],
    without_attention: Bool[Array, " N"],
) -> Holders:
    """Who holds the facts that the intact model recalls; nan where it recalls none."""
    a, b = intact & without_mlp, intact & without_attention
    kinds = a & ~b, b & ~a, a & b, intact & ~a & ~b
    return Holders(*(jnp.sum(kind) / jnp.sum(intact) for kind in kinds))


def right_relation(
    found: Float[Array, "N d"], facts: facts_lib.Facts, answers: Int[Array, ""]
) -> Bool[Array, " N"]:
    """Whether the highest score is that of an answer of the right relation."""
    best = jnp.argmax(readout.scores(found, facts), axis=1)
    return best // answers == facts.targets // answers


def ov(params: transformer.Params) -> Float[np.ndarray, "H d d"]:
    """What each head makes of a token that it attends to: O_h^T V_h."""
    O, V = np.asarray(params.O), np.asarray(params.V)  # noqa: E741
    return np.einsum("hkd,hke->hde", O, V)


def ranks(M: Float[np.ndarray, "*lanes d d"]) -> Ranks:
    """Effective ranks of matrices; nan for zeros.

    By numpy: batches of singular value decompositions on two CPU devices at a time
    never return (jaxlib 0.10.2).
    """
    s = np.linalg.svd(np.asarray(M, np.float64), compute_uv=False)
    squares = s**2
    with np.errstate(invalid="ignore"):
        p = s / s.sum(axis=-1, keepdims=True)
        participation = squares.sum(axis=-1) ** 2 / (squares**2).sum(axis=-1)
    return Ranks(
        participation=participation,
        entropy=np.exp(special.entr(p).sum(axis=-1)),
    )
