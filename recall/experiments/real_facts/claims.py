"""The rule of the claim on facts of the world (Q5)."""

from collections.abc import Iterable

from recall.experiments.real_facts import summary
from recall.stats import claims
from recall.stats.claims import Check, Claim


def _named(tables: claims.Tables) -> Iterable[Check]:
    cases = {
        (case.method, case.facts, case.embedding): case
        for case in summary.cases(tables["real_facts"])
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
        "Q5",
        "Real facts take as many weights as synthetic ones",
        "open in the paper",
        ("real_facts",),
        "real_facts.py:cpu",
        _named,
    ),
)
