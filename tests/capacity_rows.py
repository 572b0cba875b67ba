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


def transformer(capacity, *, seed=0, d=16, m=16, heads=8, head_dim=2, **fields):
    """A capacity row of a one-layer transformer."""
    kind = {
        "experiment": "recall_capacity",
        "memory": "transformer",
        "heads": heads,
        "head_dim": head_dim,
        "world": "S=R",
        "num_outputs": 8,
        "embedding": "gaussian",
        "recipe": "decay",
        "method": "grow",
        "parameters": 4 * heads * head_dim * d + 2 * m * d,
    }
    return search(capacity, seed=seed, d=d, m=m, **kind | fields)


def probe(best_accuracy, *, heads=2, m=16, seed=0, **fields):
    """A probe of a transformer of a grid over attention and MLP."""
    row = transformer(0, heads=heads, m=m, seed=seed, d=32, head_dim=8)
    told = {
        "kind": "probe",
        "experiment": "tradeoff",
        "method": "single",
        "n": 1024,
        "accuracy": best_accuracy,
        "best_accuracy": best_accuracy,
        "stored": best_accuracy == 1,
        "learning_rate": 0.01,
    }
    row |= told | fields
    return row | {"key": repr(sorted(row.items(), key=str))}


def trace(steps, loss, accuracy, *, seed=0, **fields):
    """A check of a transformer in training."""
    row = transformer(0, seed=seed)
    told = {
        "kind": "trace",
        "experiment": "recall_train",
        "method": "single",
        "n": 100,
        "subjects": 10,
        "relations": 10,
        "answers": 8,
        "steps": steps,
        "loss": loss,
        "accuracy": accuracy,
        "finite": True,
        "learning_rate": 0.03,
    }
    row |= told | fields
    return row | {"key": f"{seed}:{row['learning_rate']}:{steps}"}


def model(*, seed=0, **fields):
    """How good a trained transformer is."""
    told = {"kind": "model", "accuracy": 1.0, "worst_accuracy": 1.0}
    return trace(1024, 0.05, 1.0, seed=seed) | told | fields | {"key": f"{seed}:model"}
