"""Rules of the claims on memories' capacity (S1, S2, S3 and S3')."""

from collections.abc import Iterable

from recall.stats import claims
from recall.stats.claims import Check, Claim


def _linear(tables: claims.Tables) -> Iterable[Check]:
    rows = tables["linear_capacity"]
    trained = claims.family(rows, "linear", 0.99)
    product = claims.family(rows, "outer_product", 1.0)
    yield claims.exponent(
        "exponent of d² in N ln N, trained", trained, least=0.9, most=1.1
    )
    yield claims.exponent(
        "the same, outer products at 100 %", product, least=0.9, most=1.1
    )
    largest = [point for point in trained if point.d == max(p.d for p in trained)]
    yield claims.constant(
        f"C trained, d = {largest[0].d}", largest, least=1.17, most=1.43, limits=True
    )
    yield claims.constant(
        "C of outer products", product, least=7.2, most=8.8, limits=True
    )


def _low_rank(tables: claims.Tables) -> Iterable[Check]:
    rows = tables["linear_capacity"]
    points = claims.family(rows, "low_rank", 1.0)
    full = {p.d: p for p in claims.family(rows, "outer_product", 1.0)}
    kept = [p.median / full[p.d].median for p in points if p.fraction == 0.5]
    yield claims.spread("facts of rank d/2 over full rank", kept, least=0.5)
    widest = [point for point in points if point.d == max(p.d for p in points)]
    yield claims.exponent(
        f"exponent of the rank in N ln N, d = {widest[0].d}",
        widest,
        least=0.8,
        most=1.2,
        limits=True,
    )


def _mlp(tables: claims.Tables) -> Iterable[Check]:
    rows = tables["mlp_capacity"]
    injective = claims.family(rows, "mlp", 0.99, num_outputs=None)
    shared = claims.family(rows, "mlp", 0.99, num_outputs=32)
    yield claims.exponent("exponent of md in N ln N", injective, least=0.9, most=1.1)
    yield claims.exponent(
        "exponent of md in N, 32 outputs", shared, least=0.9, most=1.1
    )
    yield claims.constant("C", injective, least=0.28, most=0.42, limits=True)
    # "or better": fewer weights for each fact than the guide do not limit the claim.
    yield claims.constant("C with 32 outputs", shared, most=1.32, limits=True)


def _cubic(tables: claims.Tables) -> Iterable[Check]:
    rows = tables["mlp_capacity"]
    square = [
        point
        for point in claims.family(rows, "mlp", 0.99, num_outputs=None)
        if point.m == point.d
    ]
    yield claims.exponent("exponent of d² in N ln N at m = d", square, least=1.4)


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
)
