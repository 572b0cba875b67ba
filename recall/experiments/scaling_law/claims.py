"""The rule that judges the claim on loss under Zipf facts (Q2)."""

from collections.abc import Iterable

from recall.experiments.scaling_law import summary as zipf_summary
from recall.stats import claims
from recall.stats.claims import Check, Claim


def _exponents(tables: claims.Tables) -> Iterable[Check]:
    found = tables["scaling_law"]
    yield Check("points below the bound", len(zipf_summary.below(found)), most=0)
    for curve in zipf_summary.best_bits(zipf_summary.curves(found)):
        if curve.way == "trained":
            slope = zipf_summary.exponents(curve).loss
            expected = 1 - curve.alpha
            yield Check(
                f"exponent of bits at alpha = {curve.alpha:g}, trained {curve.memory}",
                slope.value,
                least=1.15 * expected,
                most=0.85 * expected,
                low=slope.low,
                high=slope.high,
            )
        elif curve.way == "outer_product":
            slope = zipf_summary.exponents(curve).loss
            yield Check(
                f"the same at alpha = {curve.alpha:g}, outer product",
                slope.value,
                most=0.85 * (1 - curve.alpha),
                low=slope.low,
                high=slope.high,
                limits=True,
            )


CLAIMS = (
    Claim(
        "Q2",
        "Of Zipf facts the loss falls as bits^(1 - alpha), and never below the bound",
        "lower bound of the paper; memories open",
        ("scaling_law",),
        "scaling_law.py:cpu",
        _exponents,
    ),
)
