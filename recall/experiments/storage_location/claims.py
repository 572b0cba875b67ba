"""The rule that judges the claim on where facts are stored (Q3)."""

from collections.abc import Iterable

from recall.experiments.storage_location import summary
from recall.stats import claims
from recall.stats.claims import Check, Claim


def _location(tables: claims.Tables) -> Iterable[Check]:
    cells = summary.grid(tables["storage_location"])
    # Parts replaced by their means: zeros would take a constant away as well.
    alone = summary.trend(cells, "free.held_mlp_mean")
    both = summary.trend(cells, "free.held_both_mean")
    yield Check(
        "rank correlation of the MLP's part of the weights and facts it holds alone",
        alone.rank_correlation,
        least=0.8,
    )
    yield Check("facts it holds alone, highest third", alone.high, least=0.5)
    yield Check("lowest third", alone.low, most=0.5)
    yield Check("facts held twice, highest third", both.high, most=0.2, limits=True)


CLAIMS = (
    Claim(
        "Q3",
        "Trained models of 256 facts hold them in the MLP as far as it has the weights",
        "open in the paper",
        ("storage_location",),
        "storage_location.py:cpu",
        _location,
    ),
)
