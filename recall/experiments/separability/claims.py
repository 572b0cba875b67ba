"""The rule that judges the claim on certified capacities (S7)."""

from collections.abc import Iterable

import numpy as np

from recall.stats import claims
from recall.stats.claims import Check, Claim


def _separable(tables: claims.Tables) -> Iterable[Check]:
    rows = tables["separability"]
    points = claims.family(rows, "linear", 1.0)
    widths = [
        row["undecided"] / row["capacity"]
        for row in rows
        if row["memory"] == "linear" and row["kind"] == "capacity"
    ]
    yield Check("widest undecided band, of N", float(np.max(widths)), most=0.02)
    for point in (points[0], points[-1]):  # C falls to 2 slowly: see both ends
        yield claims.constant(
            f"C at d = {point.d}", [point], least=1.8, most=2.2, limits=True
        )


CLAIMS = (
    Claim(
        "S7",
        "What a linear memory can store is certified both ways and follows "
        "d² = 2 N ln N",
        "C = 2, conjectured for large d (2605.05189, 2605.10795)",
        ("separability",),
        "separability.py:cpu",
        _separable,
    ),
)
