"""Claims about what memories store (S1 to S7)."""

from collections.abc import Iterable

import numpy as np

from recall import rows as rows_lib
from recall.claims import checks
from recall.claims.checks import Check, Claim
from recall.studies import atlas


def _linear(tables: checks.Tables) -> Iterable[Check]:
    found = tables["linear_capacity"]
    trained = checks.family(found, "linear", 0.99)
    product = checks.family(found, "outer_product", 1.0)
    yield checks.exponent(
        "exponent of d² in N ln N, trained", trained, least=0.9, most=1.1
    )
    yield checks.exponent(
        "the same, outer products at 100 %", product, least=0.9, most=1.1
    )
    largest = [point for point in trained if point.d == max(p.d for p in trained)]
    yield checks.constant(
        f"C trained, d = {largest[0].d}", largest, least=1.17, most=1.43, limits=True
    )
    yield checks.constant(
        "C of outer products", product, least=7.2, most=8.8, limits=True
    )


def _low_rank(tables: checks.Tables) -> Iterable[Check]:
    found = tables["linear_capacity"]
    points = checks.family(found, "low_rank", 1.0)
    full = {p.d: p for p in checks.family(found, "outer_product", 1.0)}
    kept = [p.median / full[p.d].median for p in points if p.fraction == 0.5]
    yield checks.spread("facts of rank d/2 over full rank", kept, least=0.5)
    widest = [point for point in points if point.d == max(p.d for p in points)]
    yield checks.exponent(
        f"exponent of the rank in N ln N, d = {widest[0].d}",
        widest,
        least=0.8,
        most=1.2,
        limits=True,
    )


def _mlp(tables: checks.Tables) -> Iterable[Check]:
    found = tables["mlp_capacity"]
    own = checks.family(found, "mlp", 0.99, num_outputs=None)
    shared = checks.family(found, "mlp", 0.99, num_outputs=32)
    yield checks.exponent("exponent of md in N ln N", own, least=0.9, most=1.1)
    yield checks.exponent(
        "exponent of md in N, 32 outputs", shared, least=0.9, most=1.1
    )
    yield checks.constant("C", own, least=0.28, most=0.42, limits=True)
    # "or better": fewer weights for each fact than the guide do not limit the claim.
    yield checks.constant("C with 32 outputs", shared, most=1.32, limits=True)


def _cubic(tables: checks.Tables) -> Iterable[Check]:
    found = tables["mlp_capacity"]
    square = [
        point
        for point in checks.family(found, "mlp", 0.99, num_outputs=None)
        if point.m == point.d
    ]
    yield checks.exponent("exponent of d² in N ln N at m = d", square, least=1.4)


def _activations(tables: checks.Tables) -> Iterable[Check]:
    built = rows_lib.capacities(tables["mlp_construction"])
    built = [p for p in built if p.memory == "hermite" and p.threshold == 0.99]
    size = max((p.d, p.m or 0) for p in built)
    degrees = {p.degree: p.median for p in built if (p.d, p.m) == size}
    yield Check(
        f"facts of the best degree over degree 0, d = {size[0]}, m = {size[1]}",
        max(degrees.values()) / degrees[0],
        least=5,
    )
    other = {p.activation: p for p in built if (p.d, p.m, p.degree) == (64, 512, 1)}
    own = other.pop("hermite2").median
    ratios = {p.median / own: p.activation for p in other.values()}
    yield Check(
        f"most facts without a polynomial ({ratios[max(ratios)]}) over those with one, "
        "d = 64, m = 512, k = 1",
        max(ratios),
        most=0.5,
        low=min(ratios),
        high=max(ratios),
        limits=True,
    )
    trained = rows_lib.capacities(tables["mlp_activation"])
    relu = {(p.d, p.m): p.median for p in trained if p.activation == "relu"}
    yield checks.spread(
        "facts of other activations over ReLU's, trained",
        [p.median / relu[p.d, p.m] for p in trained if p.activation != "relu"],
        least=0.9,
    )


def _bits(tables: checks.Tables) -> Iterable[Check]:
    best = atlas.best(atlas.entries(tables["atlas"]))
    held = [entry.bits for entry in best]
    yield Check(f"most bits a float32 parameter ({best[0].name})", held[0], most=32)
    yield Check("fewest, of the least dense memory", held[-1], most=32)


def _separable(tables: checks.Tables) -> Iterable[Check]:
    found = tables["separability"]
    points = checks.family(found, "linear", 1.0)
    widths = [
        row["undecided"] / row["capacity"]
        for row in found
        if row["memory"] == "linear" and row["kind"] == "capacity"
    ]
    yield Check("widest undecided band, of N", float(np.max(widths)), most=0.02)
    for point in (points[0], points[-1]):
        yield checks.constant(
            f"C at d = {point.d}", [point], least=1.8, most=2.2, limits=True
        )


CLAIMS = (
    Claim(
        "S1",
        "A linear memory stores about d² / log d facts of random embeddings",
        "C = 1.3 trained (Figure 1), 8 by outer products (2605.05189)",
        ("linear_capacity",),
        "linear_capacity.py:cpu",
        _linear,
    ),
    Claim(
        "S2",
        "Rank m stores about m d facts, and rank d/2 keeps most of the capacity",
        "corollary of Theorem 1",
        ("linear_capacity",),
        "linear_capacity.py:cpu",
        _low_rank,
    ),
    Claim(
        "S3",
        "An MLP stores about m d facts, injective or not",
        "C = .35; 1.2 with 32 outputs (Figures 1, 6)",
        ("mlp_capacity",),
        "mlp_capacity.py:cpu",
        _mlp,
    ),
    Claim(
        "S3'",
        "As circulated: an MLP of d² parameters stores of the order of d³ facts",
        "summaries of the paper, not the paper",
        ("mlp_capacity",),
        "mlp_capacity.py:cpu",
        _cubic,
    ),
    Claim(
        "S5",
        "Too low a degree, or no polynomial, breaks the MLP construction; training "
        "does not care",
        "Theorem 2 asks for a polynomial of large degree",
        ("mlp_construction", "mlp_activation"),
        "mlp_construction.py:cpu",
        _activations,
    ),
    Claim(
        "S6",
        "No memory holds more bits than its parameters have",
        "Theorem 7: B >= N log2 M",
        ("atlas",),
        "atlas.py:cpu",
        _bits,
    ),
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
