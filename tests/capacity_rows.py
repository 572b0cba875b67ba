"""Rows that tests of tables, fits and figures are about."""


def search(capacity, *, seed=0, d=32, m=64, **fields):
    """A capacity row of a trained MLP."""
    row = {
        "kind": "capacity",
        "experiment": "mlp_capacity",
        "memory": "mlp",
        "trained": True,
        "d": d,
        "m": m,
        "rank": None,
        "num_outputs": None,
        "activation": "relu",
        "embedding": "sphere",
        "recipe": "published",
        "method": "bisect",
        "threshold": 0.99,
        "seed": seed,
        "parameters": 2 * (m or d) * d,
        "capacity": capacity,
        "upper": capacity + 1,
        "censored": False,
        "finite": True,
        "num_probes": 8,
        "steps": 4096,
    } | fields
    return row | {"key": repr(sorted(row.items(), key=str))}
