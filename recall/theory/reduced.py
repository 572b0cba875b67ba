r"""Training reduced to eight numbers: the steps of an optimizer on symmetric weights.

Structured answers, one-hot embeddings, weights alike at first (see `stages`): then full
training on the population loss keeps every score of a kind alike, and two values for
subjects and two for relations, that of right answers and that of wrong ones. Any
optimizer that treats like entries alike may be run on these numbers, step by step, for
the price of a loop in numpy. Unlike flows it knows of step size, momentum, and how
Adam and Newton-Schulz treat small gradients. Derived here; tested against training.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recall.theory import clock, stages

Floats = np.ndarray
Rule = Callable[[stages.Task, Floats, Any, int], tuple[Floats, Any]]

MOMENTUM, ADAM_MEMORY, ADAM_EPSILON = 0.9, 0.999, 1e-8  # as in optax


def gradient(task: stages.Task, attention: str, x: Floats) -> Floats:
    """Returns minus the gradient of the population loss, `[8]`.

    x holds the scores of a subject, a relation, a noise token and the end; then the
    values V(a, s) of right and wrong indices, V(a, r) of the right and other blocks.
    """
    S, R, D = task.S, task.R, task.D
    y = np.array([*x[:4], x[4] - x[5], x[6] - x[7]])
    a, e, slope = stages.pulls(task, attention, y)
    of_s, of_r = a[0] * e[0] / (S * R), a[1] * e[1] / (R * D)
    return np.array([*slope, of_s, -of_s / (D - 1), of_r, -of_r / (R - 1)])


def run(
    task: stages.Task,
    optimizer: str,
    attention: str,
    w0: float,
    learning_rate: float,
    num_steps: int,
) -> clock.Stages:
    """Computes stage times, in steps, of training from scores w0 and values zero."""
    x, state = np.array([w0] * 4 + [0.0] * 4), None
    gaps = np.empty((num_steps + 1, 2))
    for step in range(num_steps + 1):
        y = np.array([*x[:4], x[4] - x[5], x[6] - x[7]])
        gaps[step] = stages.gaps(task, attention, y)
        g = gradient(task, attention, x)
        change, state = RULES[optimizer](task, g, state, step)
        x = x + learning_rate * change
    of_s = stages.part_loss(gaps[:, 0], task.D)
    of_r = stages.part_loss(gaps[:, 1], task.R)
    entropies = np.log(task.D), np.log(task.R)
    return clock.stages(np.arange(num_steps + 1), of_s + of_r, of_r, *entropies)


def _momentum(task: stages.Task, g: Floats, state: Any, at: int) -> tuple[Floats, Any]:
    del task, at
    speed = g if state is None else MOMENTUM * state + g
    return speed, speed


def _adam(task: stages.Task, g: Floats, state: Any, step: int) -> tuple[Floats, Any]:
    del task
    mean, square = (0.0, 0.0) if state is None else state
    mean = MOMENTUM * mean + (1 - MOMENTUM) * g
    square = ADAM_MEMORY * square + (1 - ADAM_MEMORY) * g**2
    scale = np.sqrt(square / (1 - ADAM_MEMORY ** (step + 1))) + ADAM_EPSILON
    return mean / (1 - MOMENTUM ** (step + 1)) / scale, (mean, square)


def _muon(task: stages.Task, g: Floats, state: Any, step: int) -> tuple[Floats, Any]:
    """Applies Nesterov's momentum, then five steps of Newton-Schulz to W_KQ and V.

    The singular values of V's gradient are two: its gap between right and wrong values
    times sqrt(S R / D), D - 1 times, for subjects, and times sqrt D, R - 1 times, for
    relations. All are divided by the Frobenius norm first.
    """
    mean = (1 - MOMENTUM) * g + (0.0 if state is None else MOMENTUM * state)
    ahead = MOMENTUM * mean / (1 - MOMENTUM ** (step + 2))  # optax corrects its bias
    ahead = ahead + (1 - MOMENTUM) * g / (1 - MOMENTUM ** (step + 1))
    counts = np.array([task.S, task.R, task.N, 1])  # tokens that share each score
    length = np.sqrt(counts @ ahead[:4] ** 2)
    # A vector has one singular value, which is 1 after the division by its norm.
    scores = ahead[:4] / max(length, 1e-300) * _orthogonalised(1.0)
    widths = np.sqrt([task.S * task.R / task.D, task.D])
    sizes = np.array([ahead[4] - ahead[5], ahead[6] - ahead[7]]) * widths
    norm = np.sqrt([task.D - 1, task.R - 1] @ sizes**2)
    slopes = [_orthogonalised(size / max(norm, 1e-300)) for size in sizes] / widths
    D, R = task.D, task.R  # right and wrong values of a token sum to zero
    values = [slopes[0] * (1 - 1 / D), -slopes[0] / D]
    values += [slopes[1] * (1 - 1 / R), -slopes[1] / R]
    return np.array([*scores, *values]), mean


def _orthogonalised(size: float) -> float:
    """Applies five steps of Newton-Schulz to a singular value: near 1, not equal."""
    a, b, c = 3.4445, -4.775, 2.0315  # Muon's: they trade exactness for speed
    for _ in range(5):
        size = a * size + b * size**3 + c * size**5
    return float(size)


RULES: Mapping[str, Rule] = {
    "sgd": lambda task, g, state, step: (g, state),
    "momentum": _momentum,
    "adam": _adam,
    "sign": lambda task, g, state, step: (np.sign(g), state),
    "muon": _muon,
}
