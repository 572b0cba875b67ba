"""Signatures of failure: functions from rows to an observation with advice, or None.

They look at rows of any experiment and at three kinds that `diagnose` adds: "planned"
(searches of the config), "head" (attention of a saved model) and "embedding" (how much
the points of a kind overlap).
"""

from collections.abc import Sequence

from recall.diagnosis import memories, searches, stages, transformers
from recall.diagnosis.finding import Finding, Row, Signature

SERIOUS: Sequence[Signature] = (  # results are wrong or missing
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
)
TO_KNOW: Sequence[Signature] = (  # before rows are read
    searches.few_seeds,
    searches.lenient_threshold,
    searches.changed_code,
    memories.hermite_degree,
    memories.shared_outputs,
    stages.no_stage,
)
SIGNATURES = (*SERIOUS, *TO_KNOW)


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Returns the findings in the rows of one experiment, serious ones first."""
    return [
        Finding(signature.__name__, signature in SERIOUS, *symptom)
        for signature in SIGNATURES
        if (symptom := signature(rows))
    ]
