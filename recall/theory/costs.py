"""The cost of a step of training, and the time that a machine takes for it.

Closed counts of arithmetic, memory traffic and what devices send to one another, and a
model that adds their times up. The counts are derived here from the programs (compared
with what the compiler counts in the tests); the rates of a machine are fitted to
measured steps, or published peaks, and then an assumption.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize

from recall.theory import laws

FLOAT = 4  # bytes
Number = int | float


class Work(NamedTuple):
    """The work of each device in one step, or in many; bytes `sent` go to others."""

    steps: float  # each pays the fixed costs once
    flops: float
    bytes: float
    sent: float = 0.0

    def times(self, count: Number) -> "Work":
        """Returns the work of `count` such steps."""
        return Work(*(count * part for part in self))


class Machine(NamedTuple):
    """The rates a second of one device, its seconds a step, and the bytes it holds."""

    step: float
    flops: float
    bytes: float
    sent: float = np.inf
    memory: float = np.inf


# Published peaks, float32 without tensor cores, an assumption of every prediction: H100
# SXM5, 67 TFLOP/s, 3.35 TB/s and 80 GB; NVLink 4, 450 GB/s a direction, within a
# host of eight; 400 Gbit/s of InfiniBand for each device between hosts. A step is taken
# to cost 50 us of launches.
H100 = Machine(step=5e-5, flops=6.7e13, bytes=3.35e12, sent=4.5e11, memory=8e10)
H100_HOSTS = H100._replace(sent=5e10)
ATTAINED = 0.5  # of peak rates: assumed
LIMITS = ("launches", "compute", "memory traffic", "collectives")


def memory_step(
    n: Number, outputs: Number, d: Number, weights: Number, parts: int = 1
) -> Work:
    """Counts one step of Adam of an associative memory, its facts on `parts` devices.

    Scores and the gradient of the recalled vectors take 2 N M d each, the weights 2 N
    for each of them in three products. Scores are written and read some five times.
    """
    rows = n / parts
    return Work(
        steps=1.0,
        flops=4.0 * rows * outputs * d + 6.0 * rows * weights,
        bytes=FLOAT * (5.0 * rows * outputs + 6.0 * (rows + outputs) * d + 9 * weights),
        # A ring: every block of outputs passes by, and one all-reduce of the gradient.
        sent=FLOAT * ((parts - 1) * rows * d + (weights if parts > 1 else 0.0)),
    )


def recall_step(
    facts: Number,
    answers: Number,
    d: Number,
    heads: Number,
    head_dim: Number,
    m: Number,
) -> Work:
    """Counts one step of Adam of the one-layer transformer, which reads `facts` facts.

    Heads, their outputs and the MLP once forward and twice backward, and scores of all
    answers likewise; keys and values of the vocabulary, about as many as there are
    answers twice over, are made once a step.
    """
    attention, units = heads * head_dim * d, m * d
    each = 6.0 * (attention + 2.0 * units + answers * d)
    activations = 4.0 * heads * head_dim + 4.0 * m + 5.0 * answers + 4.0 * d
    weights = 4.0 * attention + 2.0 * units
    return Work(
        steps=1.0,
        flops=facts * each + 24.0 * answers * attention,
        bytes=FLOAT * (3.0 * facts * activations + 9.0 * weights),
    )


def held(
    n: Number, d: Number, weights: Number, parts: int, *, chunk: int = 4096, m: int = 0
) -> float:
    """Returns the bytes on each of `parts` devices of a memory spread over them.

    Two blocks of embeddings, recalled and expected vectors, two blocks that travel;
    scores of a chunk and their exponentials, or m hidden units with their gradients if
    these are more; weights, state of Adam and gradient.
    """
    rows = n / parts
    scores = max(2.0 * min(rows, chunk) ** 2, 3.0 * rows * m)
    return FLOAT * (6.0 * rows * d + scores + 4.0 * weights)


def parts_of(work: Work, machine: Machine) -> np.ndarray:
    """Returns the seconds of launches, compute, memory traffic and collectives."""
    rates = 1 / machine.step if machine.step else np.inf, *machine[1:4]
    return np.asarray(work, float) / np.asarray(rates, float)


def seconds(work: Work, machine: Machine) -> float:
    """Returns the seconds of a device, one part after the other: an upper estimate."""
    return float(parts_of(work, machine).sum())


def limit(work: Work, machine: Machine) -> str:
    """Returns the part that takes longest, one of LIMITS."""
    return LIMITS[int(parts_of(work, machine).argmax())]


def attained(machine: Machine, fraction: Number = ATTAINED) -> Machine:
    """Returns a machine that attains a fraction of its rates, with the same memory."""
    return machine._replace(
        step=machine.step / fraction,
        flops=machine.flops * fraction,
        bytes=machine.bytes * fraction,
        sent=machine.sent * fraction,
    )


def fit(works: Sequence[Work], measured: Sequence[float]) -> Machine:
    """Fits rates to measured seconds, by least squares of relative errors.

    Raises:
        ValueError: if there are fewer steps than rates.
    """
    if len(works) < 3:
        raise ValueError(f"Expected three measured steps or more; got {len(works)}.")
    parts = np.asarray(works, float)[:, :3] / np.asarray(measured, float)[:, None]
    scale = parts.max(axis=0)  # of 1 to 1e12: columns of one size for the solver
    # Non-negative: a machine cannot gain time by doing more.
    costs = optimize.nnls(parts / scale[None, :], np.ones(len(works)))[0] / scale
    with np.errstate(
        divide="ignore"
    ):  # an infinite rate was not needed to explain them
        return Machine(costs[0], *(1.0 / costs[1:]))


def linear_run(d: int, steps: Number, parts: int, constant: float = 1.3) -> Work:
    """Counts training the linear memory at its capacity d^2 = C N ln N, on devices."""
    n = float(laws.facts_at(d**2, constant))
    return memory_step(n, n, d, d**2, parts).times(steps)
