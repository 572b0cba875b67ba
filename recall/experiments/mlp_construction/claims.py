"""The rule of the claim on constructed MLPs (S5)."""

from collections.abc import Iterable

from recall.stats import claims, points
from recall.stats.claims import Check, Claim


def _activations(tables: claims.Tables) -> Iterable[Check]:
    built = points.capacities(tables["mlp_construction"])
    built = [p for p in built if p.memory == "hermite" and p.threshold == 0.99]
    size = max((p.d, p.m or 0) for p in built)
    degrees = {p.degree: p.median for p in built if (p.d, p.m) == size}
    yield Check(
        f"facts of the best degree over degree 0, d = {size[0]}, m = {size[1]}",
        max(degrees.values()) / degrees[0],
        least=5,
    )
    other = {p.activation: p for p in built if (p.d, p.m, p.degree) == (64, 512, 1)}
    polynomial = other.pop("hermite2").median
    ratios = {p.median / polynomial: p.activation for p in other.values()}
    yield Check(
        f"most facts without a polynomial ({ratios[max(ratios)]}) over those with one, "
        "d = 64, m = 512, k = 1",
        max(ratios),
        most=0.5,
        low=min(ratios),
        high=max(ratios),
        limits=True,
    )
    trained = points.capacities(tables["mlp_activation"])
    relu = {(p.d, p.m): p.median for p in trained if p.activation == "relu"}
    yield claims.spread(
        "facts of other activations over ReLU's, trained",
        [p.median / relu[p.d, p.m] for p in trained if p.activation != "relu"],
        least=0.9,
    )


CLAIMS = (
    Claim(
        "S5",
        "Too low a degree, or no polynomial, breaks the MLP construction; training "
        "does not care",
        "Theorem 2 asks for a polynomial of large degree",
        ("mlp_construction", "mlp_activation"),
        "mlp_construction.py:cpu",
        _activations,
    ),
)
