"""Rules of the claims on constructed transformers (R3 to R5)."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.constructions import summary
from recall.stats import claims
from recall.stats import points as rows_lib
from recall.stats.claims import Check, Claim

_ATTENTION_ONLY = ("plain", "decorrelated", "fitted")
_WITH_MLP = ("product_duals", "fitted_gates")


def _stored(groups: list[summary.Summary]) -> Check:
    fractions = [group.claim_stored / group.seeds for group in groups]
    what = "seeds that recall every fact at the stated size, of 3 worlds or more"
    value = min(fractions) if len(groups) >= 3 else np.nan  # fewer would say little
    return Check(what, value, least=1.0)


def _attention_only(tables: claims.Tables) -> Iterable[Check]:
    groups = summary.summaries(tables["constructions"])
    groups = [group for group in groups if group.construction in _ATTENTION_ONLY]
    yield _stored(groups)
    for name in ("plain", "fitted"):
        size = {s.world: s.spread("size")[0] for s in groups if s.construction == name}
        yield Check(
            f"smallest d at S = R = 32 over S = R = 16, {name} codes",
            size[32, 32, 8] / size[16, 16, 8],
            least=1.6,
            most=2.5,
            limits=name == "fitted",
        )


def _with_mlp(tables: claims.Tables) -> Iterable[Check]:
    groups = summary.summaries(tables["constructions"])
    groups = [group for group in groups if group.construction in _WITH_MLP]
    yield _stored(groups)
    dense = [s.spread("facts_per_parameter")[0] for s in groups if s.rows]
    yield Check("facts a parameter of the densest", max(dense), least=0.1, limits=True)


def _widths(tables: claims.Tables) -> Iterable[Check]:
    groups = summary.summaries(tables["constructions"])
    fitted = {s.world: s for s in groups if s.construction == "fitted"}
    gated = [s for s in groups if s.construction == "fitted_gates"]
    narrow = [s for s in gated if s.claim_stored == s.seeds and s.width is not None]
    least = {
        s.world: min(t.width or 0 for t in narrow if t.world == s.world) for s in narrow
    }
    size = {world: group.spread("size")[0] for world, group in fitted.items()}
    yield Check(
        "smallest d as R doubles, attention only, fitted codes",
        size[32, 32, 8] / size[16, 16, 8],
        least=1.6,
    )
    yield Check(
        "given d as R doubles, with an MLP",
        least[32, 32, 8] / least[16, 16, 8],
        most=1.0,
    )
    points = rows_lib.capacities(tables["recall_capacity"])
    small = [p.median / p.parameters for p in points if p.d == 8]
    wide = [p.median / p.parameters for p in points if p.d == 32]
    yield Check(
        "facts a parameter trained at d = 8 over those at d = 32",
        float(np.median(small) / np.median(wide)),
        least=0.5,
        limits=True,
    )


CLAIMS = (
    Claim(
        "R3",
        "Attention alone, of explicit weights, recalls all facts at d like max(R, D)",
        "Theorem 3",
        ("constructions",),
        "constructions.py:cpu",
        _attention_only,
    ),
    Claim(
        "R4",
        "Heads that copy, and an MLP from phi(s) + phi(r) to phi(a), recall all facts",
        "Theorem 4",
        ("constructions",),
        "constructions.py:cpu",
        _with_mlp,
    ),
    Claim(
        "R5",
        "Embeddings may be small with an MLP, and grow like max(R, D) without",
        "Theorems 3 and 4",
        ("constructions", "recall_capacity"),
        "constructions.py:cpu",
        _widths,
    ),
)
