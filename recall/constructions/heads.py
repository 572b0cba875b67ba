r"""Attention heads that attend to tokens of their group, and to the end token if none.

Subjects and relations are split separately into groups of `size` tokens, one head each:
a head with a subject and a relation of the same sequence would mix both. The key k_h of
a head scores 1 on the tokens of its group, 1/2 on the end token, which is thereby a
sink, and less elsewhere:

    K_h^T Q_h / sqrt(d_h) = beta k_h phi(EOS)^T / |phi(EOS)|^2      (rank one),
    V_h rows: duals g_z,  <g_z, phi(z')> = 1[z = z'],  <g_z, phi(EOS)> = 0,
    O_h rows: codes t_z.

As the inverse temperature beta grows, a head writes t_z if the sequence holds a token z
of its group, and exactly 0 if it holds none. Duals need d >= size + 1.

Source: Nichani, Lee, Bietti 2024, Theorems 3 and 4 (https://arxiv.org/abs/2412.06538),
as derived here; the three kinds of keys are ours.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from recall.models import transformer

# "widest" separates 4 tokens a head from a vocabulary of 65 at d = 28 and from 161 at
# d = 32, where "least_squares" needs d >= vocabulary.
KEYS = ("sum", "least_squares", "widest")
RIDGE = 1e-6  # of a Gram matrix, singular where the vocabulary exceeds d


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heads:
    """Static settings: the grouping of tokens into heads, and the keys of heads.

    Attributes:
        size: tokens of a group, which is also d_h.
        keys: "sum" adds the embeddings of a group, less their part along the end
            token: noise sqrt(size / d) on all others. "least_squares" fits 1, 1/2 and
            0 over the vocabulary, exactly if d >= its size. "widest" maximises the gap
            between the group, the end token and others (a linear program): it exists
            whenever any key does, well below d = size of the vocabulary.
        inverse_temperature: beta, of a key whose gaps are 1/2.
    """

    size: int
    keys: str = "least_squares"
    inverse_temperature: float = 60.0  # off by e^-30 at gaps of 1/2

    def __post_init__(self) -> None:
        """Raises a ValueError for heads without tokens, unknown keys and beta <= 0."""
        if self.size < 1:
            raise ValueError(f"Expected head size >= 1 token; got size={self.size}.")
        if self.keys not in KEYS:
            raise ValueError(f"Expected keys in {list(KEYS)}; got {self.keys!r}.")
        if not (beta := self.inverse_temperature) > 0:  # nan is refused, too
            raise ValueError(f"Expected inverse_temperature > 0; got {beta}.")


class Codes(NamedTuple):
    """The vectors t_s and t_r that heads write when they attend to a token."""

    subjects: Float[Any, "S d"]
    relations: Float[Any, "R d"]


def count(num_subjects: int, num_relations: int, size: int) -> int:
    """Returns the number of heads that S subjects and R relations need."""
    return -(-num_subjects // size) - (-num_relations // size)


def construct(
    tokens: transformer.Embeddings, codes: Codes, design: Heads
) -> transformer.Params:
    """Constructs heads that write the codes of the subject and of the relation.

    Raises:
        ValueError: if d is too small for dual values.
    """
    d = tokens.end.shape[0]
    if d < design.size + 1:
        raise ValueError(
            f"Expected d >= head size + 1 = {design.size + 1} for values that are dual "
            f"to the head's tokens and to the end token; got d={d}."
        )
    end = np.asarray(tokens.end, np.float64)
    # sqrt(d_h) undoes the scale of attention: logits are beta <k_h, x>.
    query = design.inverse_temperature * np.sqrt(design.size) * end / (end @ end)
    rows = []
    for group, rest, code in _groups(tokens, codes, design.size):
        duals = np.linalg.pinv(np.concatenate([group, end[None]])).T[: len(group)]
        rows.append((_key(group, end, rest, design.keys), query, duals, code))
    stacked: dict[str, Any] = {
        name: jnp.asarray(
            np.stack([_fill(row[i], design.size) for row in rows]), jnp.float32
        )
        for i, name in enumerate("KQVO")
    }
    return transformer.Params(**stacked)


def gap(params: transformer.Params, tokens: transformer.Embeddings) -> float:
    """Returns the gap between attention logits: beta / 2 at best, <= 0 is failure.

    The least, over all heads, of tokens of the group over the end token and of the end
    token over all others.
    """
    H, size, _ = params.K.shape
    X = transformer.token_table(tokens)
    logits = transformer.key_scores(params, X, tokens.end, size)
    over_end = logits - logits[-1:]  # the end token is the last row
    S, R = tokens.subjects.shape[0], tokens.relations.shape[0]
    head_of = [*np.arange(S) // size, *(-(-S // size) + np.arange(R) // size)]
    head_of += [-1] * (len(X) - S - R)  # noise and the end are in no group
    inside = jnp.asarray(head_of)[:, None] == jnp.arange(H)[None, :]
    least = jnp.min(jnp.where(inside, over_end, jnp.inf))
    most = jnp.max(jnp.where(inside, -jnp.inf, over_end)[:-1])
    return float(jnp.minimum(least, -most))


def _groups(
    tokens: transformer.Embeddings, codes: Codes, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields each head's tokens, the others but for the end, and codes, in float64."""
    tables = [np.asarray(table, np.float64) for table in tokens[:3]]
    everything = np.concatenate(tables)
    first = 0
    for table, code in zip(tables[:2], codes, strict=True):
        for start in range(0, len(table), size):
            group = np.arange(start, min(len(table), start + size))
            rest = np.delete(everything, first + group, axis=0)
            yield table[group], rest, np.asarray(code, np.float64)[group]
        first += len(table)


def _key(group: np.ndarray, end: np.ndarray, rest: np.ndarray, kind: str) -> np.ndarray:
    if kind == "sum":
        summed = group.sum(axis=0)
        return summed + (0.5 - summed @ end) * end / (end @ end)  # 1/2 at the end token
    if kind == "widest":
        return _widest(group, end, rest)
    X = np.concatenate([group, end[None], rest])
    scores = np.zeros(len(X))
    scores[: len(group)], scores[len(group)] = 1.0, 0.5
    return X.T @ np.linalg.solve(X @ X.T + RIDGE * np.eye(len(X)), scores)


def _widest(group: np.ndarray, end: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Returns the key with the largest gap, scaled to 1/2; zero if none separates.

    Entries are within [-1, 1], which makes it a linear program in (key, gap).
    """
    apart = np.concatenate([group - end[None], end[None] - rest])
    d = len(end)
    from scipy import optimize  # costs a run that builds no heads .2 s

    solved = optimize.linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.column_stack([-apart, np.ones(len(apart))]),
        b_ub=np.zeros(len(apart)),
        bounds=[(-1, 1)] * d + [(None, None)],
        method="highs",
    )
    return solved.x[:d] * (0.5 / solved.x[-1] if solved.x[-1] > 1e-9 else 0.0)


def _fill(rows: np.ndarray, size: int) -> np.ndarray:
    """Pads the rows of a head with zeros up to d_h."""
    rows = np.atleast_2d(rows)  # keys and queries have one row: K^T Q is of rank one
    return np.pad(rows, ((0, size - len(rows)), (0, 0)))
