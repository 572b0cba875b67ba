"""Rules of the claims on embeddings (S4, Q1 and Q4)."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.embedding_geometry import summary
from recall.stats import claims, points
from recall.stats.claims import Check, Claim


def _orthogonal(tables: claims.Tables) -> Iterable[Check]:
    rows = tables["embedding_geometry"]
    bases, random = (
        claims.family(rows, "outer_product", 0.99, embedding=embedding, d=64)[0]
        for embedding in ("orthonormal_blocks", "sphere")
    )
    yield claims.spread(
        "facts of a union of orthonormal bases over d, d = 64",
        [facts / bases.d for facts in bases.values],
        most=1.0,
    )
    yield Check(
        "facts of that union over those of random points",
        bases.median / random.median,
        most=1.0,
    )


def _geometry(tables: claims.Tables) -> Iterable[Check]:
    entries = summary.entries(tables["embedding_geometry"])
    groups = summary.by_memory(entries)
    product = groups["outer product, d = 64"]
    law = summary.law(product)
    yield Check("geometries of an outer product, d = 64", law.num, least=20)
    yield Check(
        "rank correlation of its facts with what second moments predict",
        law.ranks["predicted"],
        least=0.9,
    )
    yield Check("their error, a factor", law.unfitted, most=1.5)
    whitened = [entry.relative for entry in groups["whitened, d = 64"]]
    yield Check(
        "facts of whitened memories over those of random points, median",
        float(np.median(whitened)),
        least=0.8,
    )
    yield Check("the same, least", min(whitened), least=0.8, limits=True)


def _real(tables: claims.Tables) -> Iterable[Check]:
    facts = {
        (point.memory, point.embedding): point.median
        for point in points.capacities(tables["real_embeddings"])
        if (point.d, point.threshold) == (64, 0.99)
    }
    yield Check(
        "facts of an outer product over those of random points, d = 64",
        facts["outer_product", "minilm"] / facts["outer_product", "sphere"],
        most=0.5,
    )
    white = facts["whitened", "sphere"]
    yield Check(
        "the same, whitened",
        facts["whitened", "minilm"] / white,
        least=0.8,
        limits=True,
    )
    yield Check(
        "the same, of centred embeddings of equal norms",
        facts["whitened", "unit:centred:minilm"] / white,
        least=0.8,
        limits=True,
    )
    yield Check(
        "facts whitened over plain",
        facts["whitened", "minilm"] / facts["outer_product", "minilm"],
        least=2.0,
    )


CLAIMS = (
    Claim(
        "S4",
        "As circulated: with orthogonal embeddings capacity drops to d",
        "true of d orthogonal vectors; the paper's remark",
        ("embedding_geometry",),
        "embedding_geometry.py:cpu",
        _orthogonal,
    ),
    Claim(
        "Q1",
        "Capacity falls with the coherence of embeddings, as their second moments say, "
        "and whitening gives it back",
        "open in the paper; derived here",
        ("embedding_geometry",),
        "embedding_geometry.py:cpu",
        _geometry,
    ),
    Claim(
        "Q4",
        "Token embeddings of a real transformer are far from random; whitening gives "
        "their capacity back",
        "open in the paper",
        ("real_embeddings",),
        "real_embeddings.py:cpu",
        _real,
    ),
)
