r"""Attention heads that hear their own tokens, and nothing where there are none.

Subjects and relations are split separately into sets of `size` tokens, one head each:
a head that heard a subject and a relation of the same sequence would mix both. The key
k_h of a head scores 1 on its own tokens, 1/2 on the end token, which is thereby a sink,
and less elsewhere:

    K_h^T Q_h / sqrt(d_h) = beta k_h phi(EOS)^T / |phi(EOS)|^2      (rank one),
    V_h rows: duals g_z,  <g_z, phi(z')> = 1[z = z'],  <g_z, phi(EOS)> = 0,
    O_h rows: codes t_z.

As the sharpness beta grows, a head writes t_z if the sequence holds its token z, and
exactly 0 if it holds none. Duals need d >= size + 1.

Source: Nichani, Lee, Bietti 2024, Theorems 3 and 4 (https://arxiv.org/abs/2412.06538),
as derived here; the three kinds of keys are ours.
"""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from recall.models import transformer

KEYS = ("sum", "least_squares", "widest")
RIDGE = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heads:
    """How tokens are shared out among heads; static.

    Attributes:
        size: tokens of a head, which is also d_h.
        keys: "sum" adds the embeddings of a head's tokens, less their part along the
            end token: noise sqrt(size / d) on all others. "least_squares" fits 1, 1/2
            and 0 over the vocabulary, exactly where d >= its size. "widest" maximises
            the gap between own tokens, end token and others (a linear program): it
            exists wherever any key does, well below d = size of the vocabulary.
        sharpness: beta, of a key whose gaps are 1/2.
    """

    size: int
    keys: str = "least_squares"
    sharpness: float = 60.0

    def __post_init__(self) -> None:
        """Refuses heads without tokens, unknown keys, and no sharpness."""
        if self.size < 1:
            raise ValueError(f"Expected head size >= 1 token; got size={self.size}.")
        if self.keys not in KEYS:
            raise ValueError(f"Expected keys in {list(KEYS)}; got {self.keys!r}.")
        if not self.sharpness > 0:
            raise ValueError(f"Expected sharpness > 0; got {self.sharpness}.")


class Codes(NamedTuple):
    """What heads write when they hear a token.

    Attributes:
        subjects: `[S, d]` t_s.
        relations: `[R, d]` t_r.
    """

    subjects: Float[Any, "S d"]
    relations: Float[Any, "R d"]


def count(num_subjects: int, num_relations: int, size: int) -> int:
    """Heads that S subjects and R relations need."""
    return -(-num_subjects // size) - (-num_relations // size)


def construct(
    tokens: transformer.Embeddings, codes: Codes, design: Heads
) -> transformer.Params:
    """Heads that write the codes of the subject and of the relation that they hear.

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
    query = design.sharpness * np.sqrt(design.size) * end / (end @ end)
    rows = [
        (key, query, dual, code)
        for own, rest, code in _sets(tokens, codes, design.size)
        for key, dual in [(_key(own, end, rest, design.keys), _duals(own, end))]
    ]
    stacked = [
        np.stack([_fill(row[part], design.size) for row in rows]) for part in range(4)
    ]
    K, Q, V, O = (jnp.asarray(part, jnp.float32) for part in stacked)  # noqa: E741
    return transformer.Params(K=K, Q=Q, V=V, O=O)


def gap(params: transformer.Params, tokens: transformer.Embeddings) -> float:
    """How far apart attention logits are kept: beta / 2 at best, <= 0 is failure.

    The least, over all heads, of own tokens over the end token and of the end token
    over all others.
    """
    H, size, _ = params.K.shape
    X = transformer.token_table(tokens)
    logits = transformer.key_scores(params, X, tokens.end, size)
    over_end = logits - logits[-1:]
    S, R = tokens.subjects.shape[0], tokens.relations.shape[0]
    head_of = [*np.arange(S) // size, *(-(-S // size) + np.arange(R) // size)]
    own = np.full(len(X), -1)
    own[: S + R] = head_of
    is_own = jnp.asarray(own)[:, None] == jnp.arange(H)[None, :]
    least = jnp.min(jnp.where(is_own, over_end, jnp.inf))
    most = jnp.max(jnp.where(is_own, -jnp.inf, over_end)[:-1])
    return float(jnp.minimum(least, -most))


def _sets(tokens: transformer.Embeddings, codes: Codes, size: int) -> Any:
    """Each head's tokens, the rest of the vocabulary without the end, and codes."""
    tables = [np.asarray(table, np.float64) for table in tokens[:3]]
    everything = np.concatenate(tables)
    first = 0
    for table, code in zip(tables[:2], codes, strict=True):
        for start in range(0, len(table), size):
            own = np.arange(start, min(len(table), start + size))
            rest = np.delete(everything, first + own, axis=0)
            yield table[own], rest, np.asarray(code, np.float64)[own]
        first += len(table)


def _key(own: np.ndarray, end: np.ndarray, rest: np.ndarray, kind: str) -> np.ndarray:
    if kind == "sum":
        summed = own.sum(axis=0)
        return summed + (0.5 - summed @ end) * end / (end @ end)
    if kind == "widest":
        return _widest(own, end, rest)
    X = np.concatenate([own, end[None], rest])
    wanted = np.zeros(len(X))
    wanted[: len(own)], wanted[len(own)] = 1.0, 0.5
    return X.T @ np.linalg.solve(X @ X.T + RIDGE * np.eye(len(X)), wanted)


def _widest(own: np.ndarray, end: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The key of entries within [-1, 1] that keeps the largest gap, scaled to 1/2.

    Zero where no key separates the three.
    """
    apart = np.concatenate([own - end[None], end[None] - rest])
    d = len(end)
    from scipy import optimize  # costs a run that builds no heads .2 s

    found = optimize.linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.column_stack([-apart, np.ones(len(apart))]),
        b_ub=np.zeros(len(apart)),
        bounds=[(-1, 1)] * d + [(None, None)],
        method="highs",
    )
    return found.x[:d] * (0.5 / found.x[-1] if found.x[-1] > 1e-9 else 0.0)


def _duals(own: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.linalg.pinv(np.concatenate([own, end[None]])).T[: len(own)]


def _fill(rows: np.ndarray, size: int) -> np.ndarray:
    """Pads the rows of a head with zeros up to d_h."""
    rows = np.atleast_2d(rows)
    return np.pad(rows, ((0, size - len(rows)), (0, 0)))
