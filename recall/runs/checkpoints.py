"""Trained transformers on disk: settings and arrays in one file, by flax."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import serialization

from recall import capacity, training
from recall.data import fact_tables
from recall.experiments.real_facts import searches as fact_searches
from recall.models import fit, transformer
from recall.store import files
from recall.sweeps import transformer_search

SECTIONS = {
    "strategy": capacity.Strategy,
    "recipe": training.Recipe,
    "architecture": transformer.Architecture,
    "reads": transformer_search.Reads,
}


class ModelError(ValueError):
    """A model that cannot be read, in one line."""


class Model(NamedTuple):
    """A trained transformer and all it was trained on.

    Attributes:
        search: its settings.
        problem: its world and embeddings.
        params: its weights.
    """

    search: transformer_search.RecallSearch
    problem: fit.Problem
    params: transformer.Params


def path_of(workdir: Path, seed: int) -> Path:
    """Returns the file that keeps the model of a seed."""
    return workdir / f"model-{seed}.msgpack"


def save(path: Path, model: Model) -> None:
    """Writes a model; no reader ever sees half of it.

    Raises:
        StoreError: if it cannot be written.
    """
    arrays = jax.tree.map(np.asarray, (model.problem, model.params))
    data = serialization.msgpack_serialize(
        {
            "settings": json.dumps(dataclasses.asdict(model.search)),
            "model": serialization.to_state_dict(arrays),
        }
    )
    files.write(path, data)


def keep(models: Iterable[tuple[Any, Any, Any]], workdir: Path) -> None:
    """Saves models, each a search, its problem and its params, by their seeds.

    Raises:
        StoreError: if one cannot be written.
    """
    for search, problem, params in models:
        save(path_of(workdir, search.seed), Model(search, problem, params))


def load(path: Path) -> Model:
    """Reads a model.

    Raises:
        ModelError: if there is none, or its arrays do not fit its settings.
    """
    try:
        document: Any = serialization.msgpack_restore(path.read_bytes())
        search = _search(json.loads(document["settings"]))
        wanted = search.problem(search.own_shape())
        like = (wanted, wanted.initial)  # flax restores into trees of known structure
        document["model"]["0"]["world"].setdefault("given", None)  # absent before
        arrays = serialization.from_state_dict(like, document["model"])
    except OSError as error:
        raise ModelError(
            f"Expected a saved model in {path}: {error.strerror}; train one with "
            "--config=configs/recall_train.py."
        ) from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"Expected a model in {path}; got {reason}.") from error
    _check_shapes(path, like, arrays)
    return Model(search, *jax.tree.map(jnp.asarray, arrays))


def _search(settings: dict[str, Any]) -> transformer_search.RecallSearch:
    for section, kind in SECTIONS.items():
        settings[section] = kind(**settings[section])
    for field in ("learning_rates", "exponents"):  # JSON has lists, a search hashes
        settings[field] = tuple(settings[field])
    settings["table"] = tuple(map(tuple, settings["table"]))
    if "facts_of" not in settings:
        return transformer_search.RecallSearch(**settings)
    subjects, relations, answers, ids = settings.pop("facts_of")
    names = tuple(subjects), tuple(relations), tuple(answers)
    table = fact_tables.FactTable(*names, tuple(map(tuple, ids)))
    return fact_searches.FactSearch(**settings, facts_of=table)


def _check_shapes(path: Path, like: Any, arrays: Any) -> None:
    wanted = jax.tree_util.tree_leaves_with_path(like)
    for (name, leaf), array in zip(wanted, jax.tree.leaves(arrays), strict=True):
        if np.shape(leaf) != np.shape(array):
            raise ModelError(
                f"Expected {jax.tree_util.keystr(name)} of shape {np.shape(leaf)} in "
                f"{path}; got {np.shape(array)}."
            )
