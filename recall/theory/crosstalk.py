"""Facts that an outer product stores, from two moments of the embeddings.

The score of output y for input x is sum_x' <u_y, u_x'> <e_x', e_x>. With moments
M = E z z^T, mean m and covariance C = M - m m^T of inputs and of outputs, of N facts

    signal      |e|^2 <u, u - m_u> - tr C_u <m_e, e> + N <u - m_u, m_u> <m_e, e>
    own noise   N ((u - m_u)^T M_u (u - m_u) e^T M_e e - <u - m_u, m_u>^2 <m_e, e>^2)
    of another  |e|^4 u^T C_u u + tr(M_u)^2 e^T C_e e + N tr(C_u M_u) e^T M_e e
                + N^2 m_u^T C_u m_u <m_e, e>^2

in which a fact's own score beats N - 1 competitors, all Gaussian. Without means on
the sphere these are the 1/d and N/d^2 of `laws.outer_product_accuracy`. A spectrum
costs N tr C_e^2 tr C_u^2; what a mean costs grows as N^2. Derived for points drawn
independently; nothing in it is fitted.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from recall.theory import laws

_NODES, _weights = special.roots_hermitenorm(24)  # few: each is a pass over the sample
_WEIGHTS = _weights / _weights.sum()


class Side(NamedTuple):
    """The moments of n inputs or outputs, with m and M of the other points.

    Attributes:
        square: `[n]` |z|^2.
        energy: `[n]` z^T M z.
        along: `[n]` <m, z>.
        trace: tr C.
        purity: tr(C M).
        mean_energy: m^T C m.
        centred_energy: `[n]` (z - m)^T M (z - m).
    """

    square: np.ndarray
    energy: np.ndarray
    along: np.ndarray
    trace: float
    purity: float
    mean_energy: float
    centred_energy: np.ndarray


def side(points: np.ndarray) -> Side:
    """Computes the moments of a sample, `[n, d]`; each point is left out of its own."""
    points = np.asarray(points, float)
    n = len(points)
    M, m = points.T @ points / n, points.mean(axis=0)
    square = np.sum(points**2, axis=1)
    quadratic = np.einsum("ni,ij,nj->n", points, M, points, optimize=True)
    # With itself left in, a point of |z| = 1 would add 1 to sums that are n / d.
    energy = np.maximum(n * quadratic - square**2, 0) / (n - 1)
    along = (n * points @ m - square) / (n - 1)
    mean_square = np.mean(along)  # |m|^2 without bias
    pairs = np.mean(energy)  # tr M^2 without bias
    mean_M = np.mean(along**2)  # m^T M m, each point left out of its own m
    return Side(
        square=square,
        energy=energy,
        along=along,
        trace=float(np.mean(square) - mean_square),
        purity=float(pairs - mean_M),
        mean_energy=float(max(mean_M - mean_square**2, 0.0)),  # estimates may cross 0
        centred_energy=np.maximum(energy - 2 * points @ M @ m + m @ M @ m, 0.0),
    )


def misses(n: float | int, inputs: Side, outputs: Side, orthogonal: int = 0) -> float:
    """Returns the probability that one of n facts is missed, over both samples.

    `orthogonal` other facts do not interfere with it at all: d - 1 of a union of
    orthonormal bases. The samples have as many points.
    """
    k, e, u = max(n - 1 - orthogonal, 0.0), inputs, outputs
    coherent = (u.along - np.mean(u.along)) * e.along  # <u - m_u, m_u> <m_e, e>
    signal = e.square * (u.square - u.along) - u.trace * e.along + k * coherent
    own = np.maximum(k * (u.centred_energy * e.energy - coherent**2), 0.0)
    own_pair = e.square**2 * (u.energy - u.along**2)
    other_pair = np.mean(u.square) ** 2 * np.maximum(e.energy - e.along**2, 0.0)
    crowd = k * u.purity * e.energy + k**2 * u.mean_energy * e.along**2
    noise = np.sqrt(np.maximum(own_pair, 0.0) + other_pair + crowd)
    margin = signal[:, None] + np.sqrt(own)[:, None] * _NODES[None, :]
    beats_all = (n - 1) * special.log_ndtr(margin / noise[:, None])  # ln Phi^(n - 1)
    return float(np.mean(-np.expm1(beats_all) @ _WEIGHTS))


def facts(
    inputs: Side, outputs: Side, threshold: float = 0.99, orthogonal: int = 0
) -> float:
    """Returns the facts that are still recalled: see `laws.facts_recalled`."""

    def missed(n: np.ndarray) -> np.ndarray:
        prob = misses(float(n), inputs, outputs, orthogonal)
        return np.asarray(np.log(max(prob, np.finfo(float).tiny)))

    return float(laws.facts_recalled(missed, threshold, np.asarray(0.0)))
