"""What configs share: presets, and the fields of every capacity sweep."""

import ml_collections
from ml_collections import config_dict

PRESETS = ("", "quick", "cpu")


def preset(arg: str | None, allowed: tuple[str, ...] = PRESETS) -> str:
    """Returns the preset after the colon: "" is the paper's grid.

    Raises:
        ValueError: if it is unknown.
    """
    if (arg or "") not in allowed:
        names = ", ".join(repr(name) for name in allowed)
        raise ValueError(f"Expected preset (after the colon) in {names}; got {arg!r}.")
    return arg or ""


def recall_sweep(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Fields of every experiment on the one-layer transformer."""
    c = _sweep(experiment, chosen)
    c.embedding = "gaussian"  # as in the published code; the paper says sphere
    c.world = "S=R"
    c.answers = 8
    c.activation, c.mlp_weight, c.biases = "relu", 1.0, True
    c.train_embeddings = False
    c.subject_exponent = c.relation_exponent = 0.0
    c.side_by_side = False
    c.reads = {"length": 32, "layout": "grid", "batch": 1024, "share": 32, "checks": 4}
    return c


def stages(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Fields of every experiment on how facts are learned, as published."""
    c = ml_collections.ConfigDict({"experiment": experiment, "preset": chosen})
    c.seeds = (0, 1, 2, 3, 4)
    c.noise, c.length = 20, 32
    c.attention, c.init, c.init_scale = "linear", "published", 1e-5
    c.optimizer, c.loss = "sgd", "sampled"
    c.batch, c.share, c.checks = 1024, 32, 4
    c.check_every = 32
    return c


def capacity_sweep(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Fields of every sweep over associative memories."""
    c = _sweep(experiment, chosen)
    c.thresholds = (0.99, 1.0)
    c.embedding = "sphere"
    c.n_max = 10**6
    return c


def construction_sweep(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Fields of every sweep over memories that are constructed, not trained."""
    c = ml_collections.ConfigDict({"experiment": experiment, "preset": chosen})
    c.seeds = (0, 1, 2, 3, 4)
    c.thresholds = (0.99, 1.0)
    c.embedding = "sphere"
    c.n_max = 10**6
    c.search = {
        "method": "bisect",
        "resolution": 0.01,
        "widen": 1.25,
        "opening": 1.0,
        "headroom": 1.3,
    }
    return c


def _sweep(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Fields of every sweep; a training field of None keeps the recipe's."""
    c = ml_collections.ConfigDict({"experiment": experiment, "preset": chosen})
    c.seeds = (0, 1, 2, 3, 4)
    c.recipe = "decay"
    c.training = {
        "learning_rates": config_dict.placeholder(tuple),
        "num_steps": config_dict.placeholder(int),
        "check_every": config_dict.placeholder(int),
        "cosine": config_dict.placeholder(bool),
        "certificate": config_dict.placeholder(float),
        "patience": config_dict.placeholder(int),
    }
    c.search = {
        "method": "grow",
        "resolution": 0.01,
        "widen": 1.25,
        "opening": 0.7,
        "headroom": 1.35,
    }
    return c
