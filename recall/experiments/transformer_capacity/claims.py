"""Rules that judge the claims on a transformer's capacity (R1 and R2)."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.transformer_capacity import summary
from recall.stats import claims
from recall.stats import points as rows_lib
from recall.stats.claims import Check, Claim


def _capacity(tables: claims.Tables) -> Iterable[Check]:
    points = rows_lib.capacities(tables["recall_capacity"])
    # At d = 8 the answers themselves do not fit: see R5.
    wide = [p for p in points if p.d > 8 and p.world == "S=R" and rows_lib.usable(p)]
    # Weights of attention that is wider than d add nothing.
    slim = [p for p in wide if (p.heads or 0) * (p.head_dim or 0) <= p.d]
    yield claims.exponent(
        "exponent of parameters in facts, H d_h <= d", slim, least=0.85, most=1.15
    )
    yield claims.spread(
        "facts a parameter, H d_h <= d",
        [point.median / point.parameters for point in slim],
        least=0.12,
        most=0.18,
        limits=True,
    )


def _tradeoff(tables: claims.Tables) -> Iterable[Check]:
    cells = summary.grid(tables["tradeoff"])
    line = summary.line(cells)
    yield Check("slope of MLP against attention at 99 %", line.slope, -0.7, -0.3)
    # A minimum exists if the least attention of the grid is not enough, ever.
    attention = float(line.least_attention or np.nan)
    yield Check(
        f"least attention that any MLP mends (grid from {cells.attention[0]:,})",
        attention,
        least=float(cells.attention[1]),
    )
    yield Check("the same, as published", attention, least=640, most=1920, limits=True)
    yield Check("intercept", line.intercept, least=1840, most=2760, limits=True)


CLAIMS = (
    Claim(
        "R1",
        "A one-layer transformer stores facts in proportion to its parameters",
        "facts = .15 parameters at D = 8 (Figure 4)",
        ("recall_capacity",),
        "recall_capacity.py:cpu",
        _capacity,
    ),
    Claim(
        "R2",
        "Attention and MLP trade off along a line, beyond a minimum of attention",
        "MLP = 2300 - attention / 2; attention >= 1280 (Figure 4)",
        ("tradeoff",),
        "tradeoff.py:cpu",
        _tradeoff,
    ),
)
