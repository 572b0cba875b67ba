"""Capacity laws in closed form: the number of facts that a memory should store.

Numpy and scipy only, so that tables and figures are redrawn without JAX. Letters are
the paper's: `d` the embedding dimension, `m` the hidden width, `N` facts, `M` outputs.
A law reads x = C N ln N (or x = C N when M is fixed), where x counts weights of one
matrix: d^2 for a linear memory, md for an MLP, rank x d for a low-rank one.

Each law says its status: *derived* (an argument with Gaussian noise that agrees with
measurement), *conjectured* (by others, not proved), *guide* (a line that its authors
drew through measurements of trained memories, at 99 % of the facts).

Sources: Nichani, Lee, Bietti, arXiv 2412.06538; sharp laws of linear memories, arXiv
2605.05189 and 2605.10795.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

Numbers = int | float | Sequence[int | float] | np.ndarray | np.number
Floats = np.ndarray  # without axes where the arguments are scalars

# E[f(g)] of a standard Gaussian g is _WEIGHTS @ f(_NODES); Phi^(N - 1) is steep in g.
_NODES, _weights = special.roots_hermitenorm(128)
_WEIGHTS = _weights / _weights.sum()
_BISECTIONS = 44  # of intervals up to 35: to a part in 10^12


class Law(NamedTuple):
    """A capacity law x = C N ln N, or x = C N.

    Attributes:
        constant: C, weights per fact (per fact and nat where logarithmic).
        logarithmic: whether the law has the factor ln N.
        status: "derived", "conjectured" or "guide".
    """

    constant: float
    logarithmic: bool
    status: str
    source: str


OUTER_PRODUCT_STRICT = Law(8.0, True, "derived", "2605.05189, Prop. 1")
LINEAR_OPTIMUM = Law(2.0, True, "conjectured", "2605.05189, 2605.10795")
LINEAR_TRAINED = Law(1.3, True, "guide", "2412.06538, Figure 1 left")
MLP_TRAINED = Law(0.35, True, "guide", "2412.06538, Figure 1 right")
MLP_FIXED_OUTPUTS = Law(1.2, False, "guide", "2412.06538, Figure 6")
TRANSFORMER_TRAINED = Law(1 / 0.15, False, "guide", "2412.06538, Figure 4, left")


def facts_at(x: Numbers, constant: Numbers) -> Floats:
    """Returns the facts N that solve x = C N ln N; 1 fact at x <= 0."""
    y = np.maximum(np.asarray(x, float) / np.asarray(constant, float), 0.0)
    # N ln N = y is ln N e^(ln N) = y: ln N is the Lambert function of y.
    return np.asarray(np.exp(special.lambertw(y).real))


def constant_at(x: Numbers, n: Numbers) -> Floats:
    """Returns the constant C = x / (N ln N) of N facts on x weights; nan for N <= 1."""
    n = np.asarray(n, float)
    nats = n * np.log(np.where(n > 1, n, np.nan))  # not positive at one fact
    return np.asarray(np.asarray(x, float) / nats)


def law_facts(law: Law, x: Numbers) -> Floats:
    """Returns the number of facts that a law gives x weights."""
    if law.logarithmic:
        return facts_at(x, law.constant)
    return np.asarray(np.asarray(x, float) / law.constant)


def law_constant(x: Numbers, n: Numbers, logarithmic: bool) -> Floats:
    """Returns the weights per fact, x / (N ln N) or x / N; nan where undefined."""
    if logarithmic:
        return constant_at(x, n)
    n = np.asarray(n, float)
    return np.asarray(np.asarray(x, float) / np.where(n > 0, n, np.nan))


def linear_optimum(d: Numbers) -> Floats:
    """Returns the facts of the best W in R^{d x d} as d grows: d^2 = 2 N ln N.

    Conjectured (2605.05189; 2605.10795 for a decoupled model), for all facts. At the
    d of an experiment more are separable: N ln N / d^2 = .93, .89, .83 at d = 32, 64,
    128 against the asymptotic 1/2. A reference curve, not a limit.
    """
    return law_facts(LINEAR_OPTIMUM, np.asarray(d, float) ** 2)


def _broadcast(*values: Numbers) -> tuple[Floats, ...]:
    return tuple(np.broadcast_arrays(*(np.asarray(v, float) for v in values)))


def log_misses(n: Numbers, own: Numbers, other: Numbers) -> Floats:
    """Returns the log probability that one of N facts is missed.

    The score of the fact is 1 + own g and each of N - 1 competitors scores other g',
    with independent standard Gaussians: 1 - E_g Phi((1 + own g) / other)^(N - 1), by
    Gauss-Hermite quadrature. Derived.
    """
    n, own, other = _broadcast(n, own, other)
    log_hit = special.log_ndtr((1 + own[..., None] * _NODES) / other[..., None])
    misses = -np.expm1((n - 1)[..., None] * log_hit) @ _WEIGHTS  # 1e-15 too
    return np.asarray(np.log(np.maximum(misses, np.finfo(float).tiny)))


def _log_misses(n: Floats, d: Floats, energy: Floats) -> Floats:
    """Returns log(1 - `outer_product_accuracy`), which keeps small differences."""
    own = np.sqrt((n - 1) / (energy * d**2))
    other = np.sqrt(np.maximum(n - 2, 0) / (energy * d**2) + 2 / d)
    return log_misses(n, own, other)


def outer_product_accuracy(n: Numbers, d: Numbers, energy: Numbers = 1.0) -> Floats:
    """Returns the expected fraction of N facts that W = sum_x u_f(x) e_x^T recalls.

    E_g Phi((1 + s1 g) / s2)^(N - 1) with s1^2 = (N - 1)/d^2 the variance of a fact's
    own score and s2^2 = (N - 2)/d^2 + 2/d that of a competitor, by Gauss-Hermite
    quadrature. Derived: scores taken as independent Gaussians, f injective. `energy`
    is the fraction f of ||W||_F^2 that a truncation keeps (1 for W itself): the signal
    falls to f and the crosstalk to sqrt(f N)/d.
    """
    n, d, energy = _broadcast(np.maximum(n, 1.0), d, energy)
    return np.asarray(-np.expm1(_log_misses(n, d, energy)))


def last(holds: Callable[[Floats], np.ndarray | np.bool_], like: Floats) -> Floats:
    """Returns the largest N >= 1 at which a condition holds, which fails from there on.

    N, and what `holds` returns, have the shape of `like`.
    """
    # In ln N: the relative error is the same from one fact to 10^15.
    low, high = np.zeros_like(like), np.full_like(like, np.log(1e15))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        held = holds(np.asarray(np.exp(middle)))
        low, high = np.where(held, middle, low), np.where(held, high, middle)
    return np.asarray(np.exp(low))


def outer_product_facts(
    d: Numbers, threshold: float = 0.99, energy: Numbers = 1.0
) -> Floats:
    """Returns the facts at which an outer product still recalls `threshold` of them.

    Inverts `outer_product_accuracy` by `facts_recalled`. Derived; N at 99 % is 91,
    395, 1597, 6191 for d = 64, 128, 256, 512 (measured 118, 429, 1702), and at 100 %
    approaches d^2 = 8 N ln N.
    """
    d, energy = _broadcast(d, energy)
    return facts_recalled(lambda n: _log_misses(n, d, energy), threshold, d)


def facts_recalled(
    missed: Callable[[Floats], Numbers], threshold: float, like: Floats
) -> Floats:
    """Returns the facts at which a memory still recalls the fraction `threshold`.

    The mean accuracy is `threshold`, or half of the draws miss no fact, whichever N is
    larger: of fewer than 1 / (1 - threshold) facts none may be missed.

    `missed` is the log probability that one of N facts is missed, increasing in N; the
    answer has the shape of `like`.

    Raises:
        ValueError: if the threshold is no fraction.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"Expected 0 < threshold <= 1; got threshold={threshold}.")
    # N misses of probability p each: none with probability e^(-N p) = 1/2.
    strict = last(lambda n: missed(n) + np.log(n) < np.log(np.log(2)), like)
    if threshold == 1:
        return strict
    typical = last(lambda n: missed(n) <= np.log1p(-threshold), like)
    return np.asarray(np.maximum(typical, strict))


def outer_product_law(d: Numbers, threshold: float = 0.99) -> Floats:
    """Returns the facts of an outer product as d grows: d^2 = (sqrt(2 ln N) + z)^2 N.

    Phi(z) = threshold, so that z = 2.33 at 99 %; d^2 = 8 N ln N at 100 %, where a
    fact's own score dips as far as its best competitor rises. Derived.
    """
    d = np.asarray(d, float)
    if threshold == 1:
        return law_facts(OUTER_PRODUCT_STRICT, d**2)
    z = special.ndtri(threshold)
    return last(lambda n: (np.sqrt(2 * np.log(n)) + z) ** 2 * n <= d**2, d)


def low_rank_energy(rho: Numbers) -> Floats:
    """Returns the fraction f of ||M||_F^2 in the top fraction rho of singular values.

    For M = sum_x u_f(x) e_x^T with N >> d, whose singular values follow the
    quarter-circle law: with s = 2 cos(t), rho = (2t - sin 2t)/pi and
    f = (2t - sin(4t)/2)/pi. Derived; f(1/4) = .623, f(1/2) = .894.
    """
    rho = np.clip(np.asarray(rho, float), 0.0, 1.0)
    low, high = np.zeros_like(rho), np.full_like(rho, np.pi / 2)
    for _ in range(_BISECTIONS):  # rho(t) increases, and has no inverse in closed form
        t = (low + high) / 2
        below = (2 * t - np.sin(2 * t)) / np.pi < rho
        low, high = np.where(below, t, low), np.where(below, high, t)
    t = (low + high) / 2
    return np.asarray((2 * t - np.sin(4 * t) / 2) / np.pi)


def low_rank_law(rho: float, full_rank: Law = LINEAR_OPTIMUM) -> Law:
    """Returns the law of a rank rho d memory, d^2 f = C N ln N: x = (C rho / f) N ln N.

    Here x = rank x d = rho d^2 weights of one factor, and C belongs to the memory of
    full rank: 2 for the best W, 8 for the truncated outer product at 100 %. Derived
    for rank >> ln N; it flatters small ranks (d = 128, rank 32: 263 facts for 182).
    """
    constant = full_rank.constant * rho / float(low_rank_energy(rho))
    return Law(constant, True, "derived", "quarter-circle law, after 2605.10795")


def trained_law(
    memory: str, num_outputs: int | None, threshold: float, rho: float = 1.0
) -> Law | None:
    """Returns the law to hold a trained memory against, None if there is none.

    Published guides were drawn at 99 % of the facts; for all the facts of a linear
    memory the conjectured optimum stands in.
    """
    if memory == "transformer":
        return TRANSFORMER_TRAINED if num_outputs == 8 else None  # D of the figure
    if memory == "mlp":
        return {None: MLP_TRAINED, 32: MLP_FIXED_OUTPUTS}.get(num_outputs)
    if num_outputs is not None or memory not in ("linear", "low_rank"):
        return None
    if memory == "low_rank":
        return low_rank_law(rho)
    return LINEAR_OPTIMUM if threshold == 1 else LINEAR_TRAINED


def bits(n: Numbers, num_outputs: Numbers | None = None) -> Floats:
    """Returns the bits of N facts over M outputs, N log2 M; M = N for None.

    The paper's count, for outputs drawn freely; an injective map of N facts onto N
    outputs holds log2 N! = N log2 N - 1.44 N bits, a little less.
    """
    n = np.asarray(n, float)
    M = n if num_outputs is None else np.asarray(num_outputs, float)
    return np.asarray(n * np.log2(np.maximum(M, 1.0)))
