"""Claims about what the paper leaves open (S4 and Q1 to Q5)."""

from collections.abc import Iterable

import numpy as np

from recall import rows as rows_lib
from recall.claims import checks
from recall.claims.checks import Check, Claim
from recall.studies import fact_summary, geometry_laws, storage_summary, zipf_summary


def _orthogonal(tables: checks.Tables) -> Iterable[Check]:
    found = tables["embedding_geometry"]
    same = {"d": 64}
    bases, random = (
        checks.family(found, "outer_product", 0.99, embedding=embedding, **same)[0]
        for embedding in ("orthonormal_blocks", "sphere")
    )
    yield checks.spread(
        "facts of a union of orthonormal bases over d, d = 64",
        [facts / bases.d for facts in bases.values],
        most=1.0,
    )
    yield Check(
        "facts of that union over those of random points",
        bases.median / random.median,
        most=1.0,
    )


def _geometry(tables: checks.Tables) -> Iterable[Check]:
    entries = geometry_laws.entries(tables["embedding_geometry"])
    groups = geometry_laws.by_memory(entries)
    product = groups["outer product, d = 64"]
    law = geometry_laws.law(product)
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


def _exponents(tables: checks.Tables) -> Iterable[Check]:
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


def _location(tables: checks.Tables) -> Iterable[Check]:
    cells = storage_summary.grid(tables["storage_location"])
    alone = storage_summary.trend(cells, "free.held_mlp_mean")
    both = storage_summary.trend(cells, "free.held_both_mean")
    yield Check(
        "rank correlation of the MLP's part of the weights and facts it holds alone",
        alone.rank_correlation,
        least=0.8,
    )
    yield Check("facts it holds alone, highest third", alone.high, least=0.5)
    yield Check("lowest third", alone.low, most=0.5)
    yield Check("facts held twice, highest third", both.high, most=0.2, limits=True)


def _real(tables: checks.Tables) -> Iterable[Check]:
    found = tables["real_embeddings"]
    facts = {
        (point.memory, point.embedding): point.median
        for point in rows_lib.capacities(found)
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


def _named(tables: checks.Tables) -> Iterable[Check]:
    cases = {
        (case.method, case.facts, case.embedding): case
        for case in fact_summary.cases(tables["real_facts"])
    }
    for method in ("trained", "mlp"):
        real, twin = (
            cases[method, facts, "sphere"].spread("parameters_100")[0]
            for facts in ("real", "synthetic")
        )
        name = "transformer" if method == "trained" else "MLP"
        yield Check(
            f"weights for all real facts over those for synthetic ones, {name}",
            real / twin,
            least=0.75,
            most=1.33,
        )
    names = cases["mlp", "real", "names"].spread("parameters_100")[0]
    random = cases["mlp", "real", "sphere"].spread("parameters_100")[0]
    yield Check(
        "weights with embeddings of names over those with random ones, MLP",
        names / random,
        least=0.75,
        most=1.33,
        limits=True,
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
        "Q2",
        "Of Zipf facts the loss falls as bits^(1 - alpha), and never below the bound",
        "lower bound of the paper; memories open",
        ("scaling_law",),
        "scaling_law.py:cpu",
        _exponents,
    ),
    Claim(
        "Q3",
        "Trained models of 256 facts hold them in the MLP as far as it has the weights",
        "open in the paper",
        ("storage_location",),
        "storage_location.py:cpu",
        _location,
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
    Claim(
        "Q5",
        "Real facts take as many weights as synthetic ones",
        "open in the paper",
        ("real_facts",),
        "real_facts.py:cpu",
        _named,
    ),
)
