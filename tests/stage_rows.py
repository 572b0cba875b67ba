"""Rows of runs whose stages were watched, made up."""

SETTING = {
    "experiment": "stage_ratio",
    "kind": "run",
    "subjects": 16,
    "relations": 4,
    "answers": 8,
    "noise": 20,
    "length": 32,
    "structured": True,
    "model": "simplified",
    "attention": "linear",
    "embedding": "onehot",
    "init": "published",
    "init_scale": 1e-5,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "seed": 0,
    "steps": 1000,
    "finite": True,
    "relation_step": 100.0,
    "plateau_start_step": 120.0,
    "plateau_end_step": 320.0,
    "facts_step": 400.0,
    "predicted_relation": 100.0,
    "predicted_start": 130.0,
    "predicted_end": 330.0,
    "predicted_facts": 500.0,
    "escape_relation": 90.0,
    "escape_facts": 380.0,
    "reduced_relation": None,
    "reduced_facts": None,
    "distance_least": 0.01,
    "device": "cpu",
    "git_commit": "0123456",
}


def run(**fields):
    """The end of one run."""
    return SETTING | fields
