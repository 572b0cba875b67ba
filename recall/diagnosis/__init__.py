"""Signatures of failure: each a function from rows to a finding, or None.

They look at rows of any experiment and at three kinds that `diagnose` adds: "planned"
(searches of the config), "head" (attention of a saved model) and "embedding" (how much
the points of a kind overlap).
"""

from collections.abc import Sequence

from recall.diagnosis import memories, searches, stages, transformers
from recall.diagnosis.finding import Finding, Row, Signature

SIGNATURES: Sequence[Signature] = (
    searches.unfinished,
    searches.diverged,
    searches.censored,
    searches.still_rising,
    memories.coherent_embeddings,
    memories.enough_parameters,
    memories.below_theory,
    stages.slow,
    stages.cut_short,
    stages.hallucinates,
    transformers.mixed_heads,
    transformers.soft_attention,
    transformers.blunt_softmax,
    transformers.narrow_vocabulary,
    searches.few_seeds,
    searches.lenient_threshold,
    searches.changed_code,
    memories.hermite_degree,
    memories.shared_outputs,
    stages.no_stage,
)


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Returns the findings in the rows of one experiment, serious ones first."""
    results = (signature(rows) for signature in SIGNATURES)
    return sorted(filter(None, results), key=lambda finding: not finding.serious)
