"""The rule of the claim on loss under Zipf facts (Q2)."""

from collections.abc import Iterable

from recall.experiments.scaling_law import summary
from recall.stats import claims
from recall.stats.claims import Check, Claim


def _exponents(tables: claims.Tables) -> Iterable[Check]:
    rows = tables["scaling_law"]
    yield Check("points below the bound", len(summary.below(rows)), most=0)
    for curve in summary.best_bits(summary.curves(rows)):
        if curve.method not in ("trained", "outer_product"):
            continue  # the claim is on memories of all facts
        slope, expected = summary.exponents(curve).loss, 1 - curve.alpha
        ends = {"low": slope.low, "high": slope.high, "most": 0.85 * expected}
        if curve.method == "trained":
            name = (
                f"exponent of bits at alpha = {curve.alpha:g}, trained {curve.memory}"
            )
            yield Check(name, slope.value, least=1.15 * expected, **ends)
        else:  # a construction that wastes bits limits the claim, no more
            name = f"the same at alpha = {curve.alpha:g}, outer product"
            yield Check(name, slope.value, limits=True, **ends)


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
