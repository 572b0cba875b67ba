"""Facts that a trained one-layer transformer stores (Figure 4)."""

PLANS = {
    "recall_capacity": "capacity",
    "recall_train": "train",
    "tradeoff": "tradeoff",
}
