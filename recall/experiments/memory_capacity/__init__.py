"""Facts that linear and MLP memories store, against their parameters."""

PLANS = {"linear_capacity": "linear", "mlp_capacity": "mlp", "mlp_activation": "mlp"}
