"""Widths d that constructed one-layer transformers need for S R facts, D a relation."""

import math


def attention_only(S: int, R: int, D: int) -> float:
    """Returns 4 (R + D) ln(S R (R + D)), the width for plain codes of random answers.

    The margin is 1; a wrong score is a sum of at most R + D inner products of variance
    1 / d for each of the two tokens, so that its difference to the right one has
    variance 2 (R + D) / d, and there are S R (R + D) that matter. Derived here, for
    Theorem 3 of Nichani, Lee, Bietti 2024 (d >~ max(R, D) up to logarithms).
    """
    return 4 * (R + D) * math.log(S * R * (R + D))


def decorrelated(R: int, D: int) -> int:
    """Returns R D: below this width answers have no duals (a dimension count)."""
    return R * D


def fitted(S: int, R: int) -> float:
    """Returns the width near which codes separate all facts: .28 facts a weight, D = 8.

    Measured on three worlds of 256 and 1,024 facts: .24 to .40; a guide of where to
    search, not a law.
    """
    return S * R / (0.28 * (S + R))  # codes hold (S + R) d weights
