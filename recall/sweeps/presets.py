"""Presets of configs, and the fields that they share. Imports no JAX.

Configs lie beside `recall` in a checkout, and inside of it in a wheel.
"""

import importlib
from pathlib import Path
from types import ModuleType

import ml_collections
from ml_collections import config_dict

PRESETS = ("", "quick", "cpu")
MEMORIES = {
    "thresholds": (0.99, 1.0),  # fractions of the facts that must be recalled
    "embedding": "sphere",
    "n_max": 10**6,  # facts; a memory that stores as many is censored
}
_INSIDE = Path(__file__).parents[1] / "configs"
FOLDER = _INSIDE if _INSIDE.is_dir() else Path(__file__).parents[2] / "configs"


def module(experiment: str) -> ModuleType:
    """Imports the config file of an experiment.

    Raises:
        ImportError: if there is none.
    """
    package = "recall.configs" if FOLDER == _INSIDE else "configs"
    return importlib.import_module(f"{package}.{experiment}")


def config(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Returns the config of another experiment, to be made a part of this one."""
    return module(experiment).get_config(chosen)


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
    """Returns the fields of every experiment on the one-layer transformer."""
    c = _sweep(experiment, chosen)
    c.embedding = "gaussian"  # as in the published code; the paper says sphere
    c.world = "S=R"  # subjects S and relations R grow together
    c.answers = 8  # D of each relation
    c.activation, c.mlp_weight, c.biases = "relu", 1.0, True
    c.train_embeddings = False
    c.subject_exponent = c.relation_exponent = 0.0  # of Zipf laws; 0: uniform
    c.side_by_side = False  # True: a lane for each learning rate, not one after another
    c.reads = {
        "length": 32,  # tokens of a sequence, mostly noise
        "layout": "grid",
        "batch": 1024,  # facts a step; seconds grow in proportion
        "share": 32,  # facts that are asked in one noise context
        "checks": 4,  # noise contexts of a check
    }
    return c


def stages(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Returns the fields of every experiment on how facts are learned, as published."""
    c = _fields(experiment, chosen)
    c.noise, c.length = 20, 32  # noise tokens in all, tokens of a sequence
    c.attention, c.init, c.init_scale = "linear", "published", 1e-5
    c.optimizer, c.loss = "sgd", "sampled"
    c.batch, c.share = 1024, 32  # facts of a step, and of a noise context in it
    c.checks = 4  # noise contexts of a check
    c.check_every = 32  # steps
    return c


def capacity_sweep(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Returns the fields of every sweep over associative memories."""
    c = _sweep(experiment, chosen)
    c.update(MEMORIES)
    return c


def construction_sweep(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Returns the fields of every sweep over constructed, untrained memories."""
    c = _fields(experiment, chosen)
    c.update(MEMORIES)
    c.search = _search("bisect", opening=1.0, headroom=1.3)
    return c


def _sweep(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Returns the fields of every sweep; training fields of None keep the recipe."""
    c = _fields(experiment, chosen)
    c.recipe = "decay"  # of the learning rate; "published" is the paper's
    c.training = {
        "learning_rates": config_dict.placeholder(tuple),
        "num_steps": config_dict.placeholder(int),
        "check_every": config_dict.placeholder(int),
        "cosine": config_dict.placeholder(bool),
        "certificate": config_dict.placeholder(float),
        "patience": config_dict.placeholder(int),
    }
    c.search = _search("grow", opening=0.7, headroom=1.35)
    return c


def _fields(experiment: str, chosen: str) -> ml_collections.ConfigDict:
    """Returns the fields of every experiment."""
    fields = {"experiment": experiment, "preset": chosen, "seeds": (0, 1, 2, 3, 4)}
    return ml_collections.ConfigDict(fields)


def _search(method: str, opening: float, headroom: float) -> dict[str, str | float]:
    """Returns the fields of every search for a capacity."""
    return {
        "method": method,
        "resolution": 0.01,  # gap between stored and not stored, as a fraction
        "widen": 1.25,  # factor of a bracket with one end
        "opening": opening,  # size tried first, as a fraction of what is expected
        "headroom": headroom,  # room for facts, likewise; memory grows in proportion
    }
