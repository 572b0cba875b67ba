"""The rule of the claim on bits for each parameter (S6)."""

from collections.abc import Iterable

from recall.experiments.atlas import summary
from recall.stats import claims
from recall.stats.claims import Check, Claim


def _bits(tables: claims.Tables) -> Iterable[Check]:
    best = summary.best(summary.entries(tables["atlas"]))
    held = [entry.bits for entry in best]
    yield Check(f"most bits a float32 parameter ({best[0].name})", held[0], most=32)
    yield Check("fewest, of the least dense memory", held[-1], most=32)


CLAIMS = (
    Claim(
        "S6",
        "No memory holds more bits than its parameters have",
        "Theorem 7: B >= N log2 M",
        ("atlas",),
        "atlas.py:cpu",
        _bits,
    ),
)
