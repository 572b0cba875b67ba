"""What experiments on memories share: recipes by name, checked fields of a config."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from recall import capacity, embeddings, training


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """A recipe and the learning rates it is tried with, under a name for rows."""

    name: str
    recipe: training.Recipe
    learning_rates: tuple[float, ...]


def pick(field: str, value: Any, allowed: Collection[Any]) -> Any:
    """Returns a value that has to be one of a few."""
    if value not in allowed:
        raise ValueError(f"Expected {field} in {list(allowed)}; got {value!r}.")
    return value


def each(field: str, values: Any, allowed: Collection[Any]) -> tuple:
    """Returns a non-empty tuple of values that have to be of a few."""
    return tuple(pick(field, value, allowed) for value in nonempty(field, values))


def nonempty(field: str, values: Any) -> tuple:
    """Returns a non-empty tuple without repetitions."""
    values = tuple(values)
    if not values or len(set(values)) < len(values):
        raise ValueError(f"Expected {field} to hold distinct values; got {values}.")
    return values


def integers(field: str, values: Any, least: int) -> tuple[int, ...]:
    """Returns distinct integers, none below the least."""
    return tuple(integer(field, value, least) for value in nonempty(field, values))


def integer(field: str, value: Any, least: int) -> int:
    """Returns an integer that is not below the least."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(
            f"Expected {field} to be an integer >= {least}; got {value!r}."
        )
    return value


def fractions(field: str, values: Any) -> tuple[float, ...]:
    """Returns distinct numbers in (0, 1]."""
    for value in nonempty(field, values):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"Expected {field} in (0, 1]; got {value!r}.")
        if not 0 < value <= 1:
            raise ValueError(f"Expected {field} in (0, 1]; got {value!r}.")
    return tuple(float(value) for value in values)


def embedding(config: Any) -> str:
    """Reads the kind of embeddings."""
    return pick("embedding", config.embedding, sorted(embeddings.SAMPLERS))


def strategy(config: Any) -> capacity.Strategy:
    """Reads how capacities are searched."""
    pick("search.method", config.search.method, capacity.METHODS)
    return capacity.Strategy(**config.search.to_dict())


def recipe(config: Any, recipes: Mapping[str, Training]) -> Training:
    """Reads a recipe by name, and whatever fields of it the config overrides."""
    named = recipes[pick("recipe", config.recipe, recipes)]
    given = {k: v for k, v in config.training.items() if v is not None}
    rates = given.pop("learning_rates", named.learning_rates)
    if any(not rate > 0 for rate in nonempty("training.learning_rates", rates)):
        raise ValueError(f"Expected training.learning_rates > 0; got {tuple(rates)}.")
    changed = dataclasses.replace(named.recipe, **given)
    name = named.name if not given and rates == named.learning_rates else "custom"
    return Training(name=name, recipe=changed, learning_rates=tuple(rates))
