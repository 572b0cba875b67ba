"""Stage times of a pair of loss curves, measured or predicted.

The relation is known once the relation-only loss, -ln of the mass on the answers of the
relation, has halved; the facts are known once the total loss is below half of H(a | r),
the entropy of the answers of a relation, ln D where they are balanced. In between a
model may predict p(a | r), which no prompt asked for: a hallucination, at a loss of
H(a | r). Accuracy is no clock: on the default world 99 % of the answers have the
largest logit while the loss is still near H(a | r).
"""

from typing import NamedTuple

import numpy as np

NEAR = 0.1  # nats between the total loss and H(a | r), in the plateau


class Stages(NamedTuple):
    """The times at which stages begin and end; nan for what did not happen.

    Attributes:
        relation: when the relation-only loss falls below half of ln R, interpolated
            between checks.
        plateau_start: first check after it with the loss within .1 of H(a | r).
        plateau_end: last check, without a gap, of that kind.
        facts: when the loss falls below H(a | r) / 2, interpolated.
    """

    relation: float
    plateau_start: float
    plateau_end: float
    facts: float


def stages(
    at: np.ndarray,
    loss: np.ndarray,
    relation_loss: np.ndarray,
    entropy: float,
    relation_entropy: float,
) -> Stages:
    """Reads stage times off checks in order of time, `[checks]`; all losses in nats.

    `entropy` is H(a | r), `relation_entropy` ln R.
    """
    # Once learned, always learned: losses of batches cross the line more than once.
    learned = np.logical_or.accumulate(relation_loss < relation_entropy / 2)
    near = learned & (np.abs(loss - entropy) < NEAR)
    start = int(np.argmax(near)) if near.any() else len(near)
    gaps = np.flatnonzero(~near[start:])
    end = start + (gaps[0] if gaps.size else len(near) - start) - 1
    none = start == len(near)
    return Stages(
        relation=crossing(at, relation_loss, relation_entropy / 2),
        plateau_start=np.nan if none else float(at[start]),
        plateau_end=np.nan if none else float(at[end]),
        facts=crossing(at, loss, entropy / 2),
    )


def crossing(at: np.ndarray, loss: np.ndarray, level: float) -> float:
    """Returns when a loss first falls below a level, interpolated; nan for never."""
    below = loss < level
    if not below.any():
        return float("nan")
    if (i := int(np.argmax(below))) == 0:
        return float(at[0])  # learned before the first check: nothing to interpolate
    part = (loss[i - 1] - level) / (loss[i - 1] - loss[i])
    return float(at[i - 1] + part * (at[i] - at[i - 1]))
