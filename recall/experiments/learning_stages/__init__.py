"""The order in which facts are learned: relations first (section 5)."""

PLANS = {
    "sequential_learning": "sequential",
    "stage_optimizer": "optimizer",
    "stage_ratio": "ratio",
}
