"""Searches on the host for the size at which an answer changes from no to yes.

A search goes on from a guess by a stride until both ends are known, then it halves.
Each experiment brings its stride: sizes that committed rows hold stay the sizes that
are probed. Searches of lanes that train side by side are narrowed by `capacity`.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping

Stride = Callable[[int, int], int]  # from an end, +1 up or -1 down, to a size


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bracket:
    """Two sizes between which the answer changes.

    Attributes:
        low: largest size below `high` that was answered by no; None if none was.
        high: smallest size that was answered by yes; None if none was.
    """

    low: int | None = None
    high: int | None = None


def of(answers: Mapping[int, bool]) -> Bracket:
    """Returns the bracket that the answers by size leave, monotone or not."""
    high = min((size for size, yes in answers.items() if yes), default=None)
    # A no above the smallest yes decides nothing: training fails by chance, too.
    end = math.inf if high is None else high
    below = (size for size, yes in answers.items() if not yes and size < end)
    return Bracket(low=max(below, default=None), high=high)


def next_size(
    bracket: Bracket, sizes: range, guess: int, stride: Stride, gap: int = 1
) -> int | None:
    """Returns the size to probe next, or None once the bracket is closed.

    Args:
        bracket: the ends so far.
        sizes: all that may be probed, in steps of one.
        guess: the size to probe first; the largest of `sizes` if it lies beyond.
        stride: where to look for an end that is missing.
        gap: how far apart both ends may stay.
    """
    low = sizes.start - 1 if bracket.low is None else bracket.low
    high = sizes.stop if bracket.high is None else bracket.high
    both = bracket.low is not None and bracket.high is not None
    # A missing end is beyond the sizes: a gap to it would leave sizes unprobed.
    if high - low <= (gap if both else 1):
        return None
    if both:
        return (low + high) // 2
    if bracket.high is not None:
        return max(stride(high, -1), low + 1)
    return min(guess if bracket.low is None else stride(low, 1), high - 1)


def doubling(guess: int) -> Stride:
    """Returns the stride that goes as far again as the search is from its guess."""
    return lambda end, sign: end + sign * max(1, abs(end - guess))


def geometric(up: float, down: float) -> Stride:
    """Returns the stride by a factor, to the next integer that is further away."""
    # Rounded away from the end, or a small end would be probed again and again.
    return lambda end, sign: math.ceil(up * end) if sign > 0 else int(end / down)


def halving(sizes: range) -> Stride:
    """Returns the stride to the middle between an end and the last of the sizes."""
    return lambda end, sign: (end + (sizes.stop if sign > 0 else sizes.start - 1)) // 2


WIDTHS = geometric(1.12, 1.12)  # to the smallest width that stores all facts
