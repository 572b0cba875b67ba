"""Experiments: a folder for each, found by its name. Adding a folder registers it.

A folder answers one question. `plan.py` turns a config into lanes, `figure.py` draws
rows (`draw`), `table.py` tabulates them (`tables`), `claims.py` judges them (`CLAIMS`).
A folder that answers several configs maps their names to its modules in `PLANS`.
"""

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any


@functools.cache
def plans() -> Mapping[str, str]:
    """Returns the module that plans each experiment, as "folder.module", by name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        package = importlib.import_module(f"{__name__}.{module.name}")
        own = getattr(package, "PLANS", {module.name: "plan"})
        found |= {name: f"{module.name}.{plan}" for name, plan in own.items()}
    return found


def plan(name: str | None) -> ModuleType:
    """Imports the module that plans an experiment.

    Raises:
        ValueError: if there is no such experiment.
    """
    if name is None or name not in plans():
        raise ValueError(f"Expected experiment in {sorted(plans())}; got {name!r}.")
    return importlib.import_module(f"{__name__}.{plans()[name]}")


def part(name: str, kind: str) -> ModuleType | None:
    """Imports the `kind` of an experiment: its "figure", "table" or "claims".

    Returns None where the experiment is unknown, or its folder has no such module.
    """
    if name not in plans():
        return None
    path = f"{__name__}.{plans()[name].partition('.')[0]}.{kind}"
    return importlib.import_module(path) if importlib.util.find_spec(path) else None


def parts(kind: str) -> list[ModuleType]:
    """Imports the `kind` of every folder that has one."""
    first = {path.partition(".")[0]: name for name, path in plans().items()}
    return [module for name in first.values() if (module := part(name, kind))]


def draw(name: str, rows: Iterable[Mapping[str, Any]]) -> Any:
    """Draws the figure of an experiment from its rows, without JAX.

    Raises:
        ValueError: if the experiment is unknown, or the rows are too few.
    """
    figure = part(name, "figure")
    if figure is None:
        raise ValueError(f"Expected experiment in {sorted(plans())}; got {name!r}.")
    # A folder of several experiments names the function that draws each.
    drawn = figure.FIGURES[name] if hasattr(figure, "FIGURES") else figure.draw
    return drawn(list(rows))
