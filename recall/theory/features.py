r"""Laws of constructed MLP memories: Hermite duals, sign gates, feature readouts.

Signal one, noise Gaussian: each law is a budget of variances relative to a fact's own
score, turned into facts by `laws.log_misses`. Letters are those of the constructions:
m hidden units of the plain network, m0 = m / 2 gated ones, k the degree, c_k =
E[sigma'(g) h_k(g)].

The construction is Theorem 2 of Nichani, Lee, Bietti 2024 (arXiv 2412.06538), readouts
are of hebbian-mlps (arXiv 2607.10034). The laws are derived here.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from recall.theory import laws
from recall.theory.laws import Floats, Numbers

# C of x = C N ln N. For all facts own scores dip as far as competitors rise, each to
# sqrt(2 ln N) standard deviations: (2 sqrt(2 ln N))^2. For most, competitors only.
STRICT, TYPICAL = 8.0, 2.0


class Budget(NamedTuple):
    """The variances of scores, relative to the square of a fact's own score.

    Attributes:
        bulk: of finite width, over all other facts: N E[sigma'^2] / (c_k^2 m0 d).
        kernel: of the tail of the kernel at infinite width, N (2k + 1)!! / d^(k + 2).
        own: of the fact's own term on a competitor, E[(sigma' h_k)^2] / (c_k^2 m0); on
            its own score it is three times that, less 1 / m0.
        shared: of the fact that shares its input with the pair, 1 / d, and of the one
            that shares its output, (2k + 1)!! / d^(k + 1).
    """

    bulk: Floats
    kernel: Floats
    own: Floats
    shared: Floats


def odd_factorial(k: Numbers) -> Floats:
    """Returns (2k + 1)!! = E[g^(2k + 2)], of the kernel's tail: 1, 3, 15, 105."""
    return np.asarray(special.factorial2(2 * np.asarray(k) + 1), float)


def fourth_moment(k: int) -> float:
    """Returns E[h_k(g)^4] of the orthonormal Hermite polynomial: 1, 3, 15, 93.

    The gated units at which a fact's own score fluctuates by its mean where
    sigma' = h_k; proved (an exact quadrature).
    """
    g, weights = np.polynomial.hermite_e.hermegauss(2 * k + 1)  # exact to degree 4k + 1
    series = [0.0] * k + [1.0]
    h = np.polynomial.hermite_e.hermeval(g, series) / np.sqrt(special.factorial(k))
    return float(weights @ h**4 / weights.sum())


def hermite_budget(
    n: Numbers, m: Numbers, d: Numbers, k: int, power: float, own: float
) -> Budget:
    """Computes the noise of N facts in m = 2 m0 hidden units.

    `power` is E[sigma'^2] / c_k^2, 1 where sigma' = h_k; `own` is
    E[(sigma' h_k)^2] / c_k^2, which is `fourth_moment(k)` there.
    """
    n, d = np.asarray(n, float), np.asarray(d, float)
    m0 = np.asarray(m, float) / 2
    return Budget(
        bulk=np.asarray(n * power / (m0 * d)),
        kernel=np.asarray(n * odd_factorial(k) / d ** (k + 2)),
        own=np.asarray(own / m0 + 0 * n),  # 0 n broadcasts
        shared=np.asarray(1 / d + odd_factorial(k) / d ** (k + 1) + 0 * n),
    )


def hermite_facts(
    m: Numbers,
    d: Numbers,
    k: int,
    threshold: float = 0.99,
    power: float = 1.0,
    own: float | None = None,
) -> Floats:
    """Returns the facts that the Hermite construction stores in m hidden units.

    Derived: the budget of `hermite_budget`, scores taken as independent Gaussians, f
    injective, embeddings on the sphere. Variances agree with measurement (d = 64,
    m = 512, k = 1, N = 250: .22 and .22 predicted for the standard deviations of own
    and other scores, .21 to .22 and .21 measured), but the two scores of one fact
    depend on the same gates: own scores and the noise around them are correlated by
    .81 to .85, so that what dips is not overtaken. The law is pessimistic by about 2
    where that matters: 120 facts for the 264 measured.
    """
    own = fourth_moment(k) if own is None else own
    m, d = np.broadcast_arrays(np.asarray(m, float), np.asarray(d, float))

    def missed(n: Floats) -> Floats:
        budget = hermite_budget(n, m, d, k, power, own)
        noise = budget.bulk + budget.kernel
        # Three times: E<v, u>^4 = 3 / d^2 on the sphere; less the mean, squared.
        mine = np.sqrt(noise + np.maximum(3 * budget.own - 2 / m, 0))
        return laws.log_misses(n, mine, np.sqrt(noise + budget.own + budget.shared))

    return laws.facts_recalled(missed, threshold, m)


def kernel_ceiling(d: Numbers, k: int, threshold: float = 1.0) -> Floats:
    """Returns the facts that no width passes: d^(k + 2) = C (2k + 1)!! N ln N.

    C = 8 for all facts and 2 for most of them, as for the outer product, which is
    k = 0. Derived; measured at infinite width N ln N (2k + 1)!! / d^(k + 2) = .08 to
    .21 for d = 8 to 24 and k = 0, 1, 2.
    """
    x = np.asarray(d, float) ** (k + 2) / odd_factorial(k)
    return laws.facts_at(x, STRICT if threshold == 1 else TYPICAL)


def sign_gate_facts(m: Numbers, d: Numbers, threshold: float = 0.99) -> Floats:
    """Returns the facts that G = m / (d + 1) block-orthonormal sign gates store.

    Crosstalk N / (G d^2), for the signs of other inputs are random, and the tail
    N c / d of their kernel (2 / pi) arcsin<e, e'> <e, e'>, c = 3 (2 / pi)^2 / d^2; the
    facts that share an input or an output with the pair add 1 / d and 1 / (G d) + c.
    Derived; own scores do not fluctuate. At 99 % and d = 64 88, 179, 338, 605 facts
    for the 125, 227, 405, 722 measured (25 seeds) with G = 1, 2, 4, 8.
    """
    m, d = np.broadcast_arrays(np.asarray(m, float), np.asarray(d, float))
    gates = m / (d + 1)
    tail = 3 * (2 / np.pi) ** 2 / d**2  # E<e, e'>^4 = 3 / d^2

    def missed(n: Floats) -> Floats:
        each = 1 / (gates * d) + tail
        noise = n * each / d
        return laws.log_misses(n, np.sqrt(noise), np.sqrt(noise + 1 / d + each))

    return laws.facts_recalled(missed, threshold, m)


def feature_fraction(n: Numbers, d: Numbers, threshold: float = 1.0) -> Floats:
    """Returns the features per fact, m / N, that a whitened readout needs.

    It recalls signal rho = m / N against noise sqrt(rho (1 - rho) / d) in each score:
    m / N = C ln N / (d + C ln N), C = 8 for all facts and 2 for most. Derived; .61
    against .58 to .70 measured at d = 32, N = 512, all facts. For 99 % of them C = 2
    promises twice what is measured: see `feature_facts`.
    """
    nats = (STRICT if threshold == 1 else TYPICAL) * np.log(np.maximum(n, 1.0))
    return np.asarray(nats / (np.asarray(d, float) + nats))


def feature_facts(m: Numbers, d: Numbers, threshold: float = 1.0) -> Floats:
    """Returns the facts that a whitened readout of m random features stores.

    The same signal and noise, with the 1 / d that a fact's own signal leaves on other
    outputs. Derived; at 99 % 58, 107, 202, 383 facts for the 52, 111, 217, 446 measured
    at d = 32 and m = 32, 64, 128, 256. Bilinear features have rank d (d + 1) / 2 at
    most: m counts no further than that.
    """
    m, d = np.broadcast_arrays(np.asarray(m, float), np.asarray(d, float))

    def missed(n: Floats) -> Floats:
        rho = np.minimum(m / n, 1.0)  # m features of N facts span at most all of R^N
        noise = (1 - rho) / (rho * d)
        return laws.log_misses(n, np.sqrt(noise), np.sqrt(noise + 1 / d))

    return laws.facts_recalled(missed, threshold, m)
