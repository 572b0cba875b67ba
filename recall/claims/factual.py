"""Claims about transformers that recall facts (R1 to R5)."""

from collections.abc import Iterable

import numpy as np

from recall import rows as rows_lib
from recall.claims import checks
from recall.claims.checks import Check, Claim
from recall.studies import built, tradeoffs

_ATTENTION_ONLY = ("plain", "decorrelated", "fitted")
_WITH_MLP = ("product_duals", "fitted_gates")


def _capacity(tables: checks.Tables) -> Iterable[Check]:
    points = rows_lib.capacities(tables["recall_capacity"])
    # At d = 8 the answers themselves do not fit: see R5.
    wide = [p for p in points if p.d > 8 and p.world == "S=R" and rows_lib.usable(p)]
    # Weights of attention that is wider than d add nothing.
    slim = [p for p in wide if (p.heads or 0) * (p.head_dim or 0) <= p.d]
    yield checks.exponent(
        "exponent of parameters in facts, H d_h <= d", slim, least=0.85, most=1.15
    )
    yield checks.spread(
        "facts a parameter, H d_h <= d",
        [point.median / point.parameters for point in slim],
        least=0.12,
        most=0.18,
        limits=True,
    )


def _tradeoff(tables: checks.Tables) -> Iterable[Check]:
    cells = tradeoffs.grid(tables["tradeoff"])
    line = tradeoffs.line(cells)
    yield Check("slope of MLP against attention at 99 %", line.slope, -0.7, -0.3)
    attention = float(line.least_attention or np.nan)
    yield Check(
        f"least attention that any MLP mends (grid from {cells.attention[0]:,})",
        attention,
        least=float(cells.attention[1]),
    )
    yield Check("the same, as published", attention, least=640, most=1920, limits=True)
    yield Check("intercept", line.intercept, least=1840, most=2760, limits=True)


def _stored(found: list[built.Summary], least: int) -> Check:
    shares = [summary.claim_stored / summary.seeds for summary in found]
    what = f"seeds that recall every fact at the stated size, of {least} worlds or more"
    value = min(shares) if len(found) >= least else np.nan
    return Check(what, value, least=1.0)


def _attention_only(tables: checks.Tables) -> Iterable[Check]:
    found = built.summaries(tables["constructions"])
    own = [summary for summary in found if summary.construction in _ATTENTION_ONLY]
    yield _stored(own, 3)
    for name in ("plain", "fitted"):
        size = {s.world: s.spread("size")[0] for s in own if s.construction == name}
        yield Check(
            f"smallest d at S = R = 32 over S = R = 16, {name} codes",
            size[32, 32, 8] / size[16, 16, 8],
            least=1.6,
            most=2.5,
            limits=name == "fitted",
        )


def _with_mlp(tables: checks.Tables) -> Iterable[Check]:
    found = built.summaries(tables["constructions"])
    own = [summary for summary in found if summary.construction in _WITH_MLP]
    yield _stored(own, 3)
    dense = [s.spread("facts_per_parameter")[0] for s in own if s.rows]
    yield Check("facts a parameter of the densest", max(dense), least=0.1, limits=True)


def _widths(tables: checks.Tables) -> Iterable[Check]:
    found = built.summaries(tables["constructions"])
    fitted = {s.world: s for s in found if s.construction == "fitted"}
    gated = [s for s in found if s.construction == "fitted_gates"]
    narrow = [s for s in gated if s.claim_stored == s.seeds and s.width is not None]
    least = {
        s.world: min(t.width or 0 for t in narrow if t.world == s.world) for s in narrow
    }
    size = {world: summary.spread("size")[0] for world, summary in fitted.items()}
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
        "R1",
        "A one-layer transformer stores facts in proportion to its parameters",
        "facts = .15 parameters at D = 8 (Figure 4)",
        ("recall_capacity",),
        "recall_capacity.py:cpu",
        _capacity,
    ),
    Claim(
        "R2",
        "Attention and MLP trade off along a line, beyond a minimum of attention",
        "MLP = 2300 - attention / 2; attention >= 1280 (Figure 4)",
        ("tradeoff",),
        "tradeoff.py:cpu",
        _tradeoff,
    ),
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
