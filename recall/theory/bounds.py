r"""Bounds that no memory can beat: bits, and the cross-entropy that bits allow.

A learner whose weights take at most 2^B values knows at most B bits about the facts.
For answers f(x) that are independent and uniform on M outputs, and embeddings
independent of them, the cross-entropy at input x is at least H(f(x) | weights) =
ln M - I_x, where I_x <= ln M is the information, in nats, that the weights hold about
f(x); independence of the answers gives sum_x I_x <= B ln 2. All bounds below follow.

Status: derived here; the paper has bounds of this kind (arXiv 2412.06538, section 5).
The tail-average margin is another's, and a reference curve, no bound.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import special

from recall.theory import laws
from recall.theory.laws import Floats, Numbers


def zipf(num_facts: int, exponent: float) -> np.ndarray:
    """Returns probabilities proportional to x^-exponent, x = 1 ... num_facts."""
    weights = np.arange(1.0, num_facts + 1) ** -exponent
    return weights / weights.sum()


def cross_entropy(p: np.ndarray, num_outputs: Numbers, num_bits: Numbers) -> Floats:
    """Returns the least mean cross-entropy, in nats, that B bits allow.

    The minimum of sum_x p_x (ln M - I_x) over 0 <= I_x <= ln M with sum_x I_x <=
    B ln 2 is greedy: it knows the most frequent inputs whole, and one in part. Under
    p ~ x^-a it falls like B^(1 - a). Probabilities p, `[N]`, in any order, sum to one.
    """
    cumulative = _cumulative(p)
    num_known = np.asarray(num_bits, float) / np.log2(num_outputs)
    mass = np.interp(num_known, np.arange(len(cumulative)), cumulative)
    return np.asarray(np.log(num_outputs) * np.maximum(cumulative[-1] - mass, 0.0))


def fewest_bits(loss: Numbers, p: np.ndarray, num_outputs: Numbers) -> Floats:
    """Returns the fewest bits with which any learner reaches a loss in nats.

    The inverse of `cross_entropy`, for the same p; zero for a loss of ln M or more.
    """
    cumulative = _cumulative(p)
    mass = cumulative[-1] - np.asarray(loss, float) / np.log(num_outputs)
    num_known = np.interp(mass, cumulative, np.arange(len(cumulative)))
    return np.asarray(num_known * np.log2(num_outputs))


def _cumulative(p: np.ndarray) -> np.ndarray:
    """Returns the mass of the k most frequent inputs, `[N + 1]` from k = 0."""
    return np.concatenate([[0.0], np.cumsum(np.sort(np.asarray(p, float))[::-1])])


def injective_bits(n: Numbers) -> Floats:
    """Returns log2 N!, the bits of N injective facts: of a permutation of N outputs."""
    return np.asarray(special.gammaln(np.asarray(n, float) + 1) / np.log(2))


@np.vectorize
def _table_bits(S: Any, D: Any, block: Any) -> float:
    """Returns the bits that S draws of a relation give on the D tokens of its block.

    log2 C(block, D) - E log2 C(block - K, D - K), for K tokens drawn at least once.
    """
    k = np.arange(D + 1)
    # Coupon collector: a draw adds a new token with probability 1 - k / D.
    step = np.diag(k / D) + np.diag(1 - k[:-1] / D, 1)
    probs = np.linalg.matrix_power(step, S)[0]
    left = [special.gammaln(n + 1) for n in (block - k, D - k)]
    ln_C = left[0] - left[1] - special.gammaln(block - D + 1)  # C(block - k, D - k)
    return float((ln_C[0] - probs @ ln_C) / np.log(2))


def recall_bits(
    subjects: Numbers,
    relations: Numbers,
    answers: Numbers,
    vocabulary: Numbers | None = None,
) -> Floats:
    """Returns the entropy of the facts of a recall task, in bits.

    S R log2 D says which of its relation's D answers each fact has. If |A| > R D,
    each relation has D random tokens of a block of |A| / R of its own, and R (log2
    C(|A| / R, D) - E log2 C(|A| / R - K, D - K)) is what the facts tell of them, K
    being how many of the D occur. All do, and the last term vanishes, with probability
    1 - delta for S >= D ln(D / delta) draws; without it the sum is no bound: 4.58 bits
    where S = D = 2 draws from a block of 4 have 3.79. A vocabulary of None is R D, as
    in all experiments. Derived here (an exact entropy).

    Raises:
        ValueError: if blocks are not whole, or smaller than D.
    """
    S, R, D = (np.asarray(x, int) for x in (subjects, relations, answers))
    A = R * D if vocabulary is None else np.asarray(vocabulary, int)
    if np.any(A % R) or np.any(A < R * D):
        raise ValueError(
            f"Expected vocabulary to be a multiple of relations={relations} and at "
            f"least relations x answers = {R * D}; got vocabulary={vocabulary}."
        )
    return np.asarray(S * R * np.log2(D) + R * _table_bits(S, D, A // R))


def parameters(num_bits: Numbers, bits_each: Numbers) -> Floats:
    """Returns the fewest parameters of `bits_each` bits that hold B bits (proved)."""
    return np.ceil(np.asarray(num_bits, float) / np.asarray(bits_each, float))


def most_facts(num_bits: Numbers, num_outputs: Numbers | None = None) -> Floats:
    """Returns the facts that B bits hold: B / log2 M; N of log2 N! = B if injective."""
    B = np.asarray(num_bits, float)
    if num_outputs is not None:
        return np.asarray(B / np.log2(num_outputs))
    return laws.last(lambda n: injective_bits(n) <= B, B)


def tail_average_facts(d: Numbers) -> Floats:
    """Returns the facts of the best W by the tail-average margin, a reference curve.

    N / d^2 = 1 / [(k^2 + 1) Phi(k) + k phi(k)] with k = phi(Phi^-1(1 - r)) / r and the
    fraction r = 1 / (N - 1) of the rivals in the tail: a law of 2605.05189 for fixed r,
    extrapolated here to one rival. Conjectured; exact capacities of `separability`
    exceed it, so that it limits nothing.
    """
    d = np.asarray(d, float)
    # r < 1: of two facts one is the only rival.
    return laws.last(lambda n: n <= d**2 * _load(1 / np.maximum(n - 1, 1.001)), d)


def _load(r: Floats) -> Floats:
    """Returns facts a weight at which the worst fraction r of rivals has margin 0."""
    density = lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    k = density(special.ndtri(1 - r)) / r
    return 1 / ((k**2 + 1) * special.ndtr(k) + k * density(k))


class Rung(NamedTuple):
    """The bits N log2 N / parameters of a memory that a law comes to as it grows."""

    name: str
    bits: float
    status: str
    source: str


def _rung(name: str, law: laws.Law, matrices: int = 1) -> Rung:
    bits = 1 / (np.log(2) * law.constant * matrices)  # N log2 N over x = C N ln N
    return Rung(name, float(bits), law.status, law.source)


LADDER = (
    _rung("outer product, all facts", laws.OUTER_PRODUCT_STRICT),
    _rung("best linear, d to infinity", laws.LINEAR_OPTIMUM),
    # The law counts one factor, the memory has two; so has an MLP.
    _rung("best low rank, rank / d to 0", laws.low_rank_law(1e-6), matrices=2),
    _rung("trained linear, 99 %", laws.LINEAR_TRAINED),
    _rung("trained MLP, 99 %", laws.MLP_TRAINED, matrices=2),
)
