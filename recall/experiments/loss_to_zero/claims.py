"""The rule that judges the claim on the loss under gradient flow (L5).

Written on 2026-11-27, before the rows that it judges; a pilot of one world (S = 16,
R = 4, D = 8; seed 0) had been seen, with slopes within 4 % of theory at loss 3e-4.
"""

import statistics
from collections.abc import Iterable

from recall.stats import claims
from recall.stats.claims import Check, Claim


def _to_zero(tables: claims.Tables) -> Iterable[Check]:
    runs = [row for row in tables["loss_to_zero"] if row["kind"] == "run"]
    for method in ("flow", "descent"):
        own = [row for row in runs if row["method"] == method]
        # Half a thousandth of a nat: each fact has a probability above .99 then.
        losses = [row["loss"] if row["finite"] else float("inf") for row in own]
        yield Check(
            f"largest loss at the end, of {len(own)} runs by {method}",
            max(losses, default=float("nan")),
            most=5e-4,
        )
        # Theory lacks terms of order 1/ln^3 u, and the margin still grows: 10 %.
        ratios = [r["slope"] / r["predicted_slope"] for r in own if r["slope"]]
        yield Check(
            f"slope of the loss over that of theory, median, by {method}",
            statistics.median(ratios) if ratios else float("nan"),
            least=0.9,
            most=1.1,
            low=min(ratios, default=float("nan")),
            high=max(ratios, default=float("nan")),
        )


CLAIMS = (
    Claim(
        "L5",
        "Gradient flow drives the loss to zero, and descent follows it, at the rate of "
        "logits that are homogeneous of degree 2",
        "Theorem 5; the rate is derived here",
        ("loss_to_zero",),
        "loss_to_zero.py:cpu",
        _to_zero,
    ),
)
