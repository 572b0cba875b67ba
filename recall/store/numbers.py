"""Numbers as rows hold them: short, and nothing that JSON has no word for."""

import math
from typing import Any


def known(value: Any, digits: int = 6) -> float | None:
    """Returns a number to some significant digits, or None if it is not finite."""
    return float(f"{float(value):.{digits}g}") if math.isfinite(value) else None
