"""Checked fields of a config, and recipes by name, for all experiments."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from typing import Any

from recall import capacity, training
from recall.data import geometries


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """A recipe and the learning rates it is tried with, under a name for rows."""

    name: str
    recipe: training.Recipe
    learning_rates: tuple[float, ...]


def pick(field: str, value: Any, allowed: Collection[Any]) -> Any:
    """Returns a value that has to be one of a few.

    Raises:
        ValueError: naming the field, the value, and what is allowed.
    """
    if value not in list(allowed):
        raise ValueError(f"Expected {field} in {list(allowed)}; got {value!r}.")
    return value


def each(field: str, values: Any, allowed: Collection[Any]) -> tuple:
    """Returns a non-empty tuple of values that have to be of a few."""
    return tuple(pick(field, value, allowed) for value in nonempty(field, values))


def nonempty(field: str, values: Any) -> tuple:
    """Returns a non-empty tuple without repetitions.

    Raises:
        ValueError: naming the field and the values.
    """
    values = tuple(values)
    if not values:
        raise ValueError(f"Expected {field} to hold at least one value; got ().")
    if any(value in values[:i] for i, value in enumerate(values)):
        raise ValueError(f"Expected {field} to hold distinct values; got {values}.")
    return values


def integers(
    field: str, values: Any, least: int, most: int | None = None
) -> tuple[int, ...]:
    """Returns distinct integers within bounds, at least one."""
    values = nonempty(field, values)
    return tuple(integer(field, value, least, most) for value in values)


def integer(field: str, value: Any, least: int, most: int | None = None) -> int:
    """Returns an integer within bounds.

    Raises:
        ValueError: naming the field, the value, and the bounds.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)  # True is an int
    if not whole or value < least or (most is not None and value > most):
        bounds = f">= {least}" if most is None else f"in [{least}, {most}]"
        raise ValueError(f"Expected {field} to be an integer {bounds}; got {value!r}.")
    return value


def boolean(field: str, value: Any) -> bool:
    """Returns True or False.

    Raises:
        ValueError: naming the field and the value.
    """
    if not isinstance(value, bool):
        raise ValueError(f"Expected {field} to be True or False; got {value!r}.")
    return value


def numbers(field: str, values: Any, interval: str) -> tuple[float, ...]:
    """Returns distinct finite numbers in an interval."""
    values = nonempty(field, values)
    return tuple(number(field, value, interval) for value in values)


def fractions(field: str, values: Any) -> tuple[float, ...]:
    """Returns distinct numbers in (0, 1]."""
    return numbers(field, values, "(0, 1]")


def number(field: str, value: Any, interval: str) -> float:
    """Returns a finite number in an interval, for instance "[0, 1)" or "(0, inf)".

    Raises:
        ValueError: naming the field, the value, and the interval.
    """
    low, high = map(float, interval[1:-1].split(","))
    real = isinstance(value, int | float) and not isinstance(value, bool)
    above = real and (value >= low if interval[0] == "[" else value > low)
    below = real and (value <= high if interval[-1] == "]" else value < high)
    if not (above and below):
        raise ValueError(f"Expected {field} in {interval}; got {value!r}.")
    return float(value)


def seeds(field: str, values: Any) -> tuple[int, ...]:
    """Returns distinct seeds: JAX makes keys of 32-bit integers."""
    return integers(field, values, 0, 2**31 - 1)


def num_outputs(config: Any) -> tuple[int | None, ...]:
    """Reads counts of shared outputs; 0 becomes None, one output per fact.

    Raises:
        ValueError: if one output is shared by all facts.
    """
    counts = integers("num_outputs", config.num_outputs, 0)
    if 1 in counts:  # every memory recalls the only output
        raise ValueError(f"Expected num_outputs of 0 or >= 2; got {counts}.")
    return tuple(count or None for count in counts)


def embedding(config: Any) -> str:
    """Reads the geometry of the embeddings; one for inputs and outputs alike."""
    name = str(config.embedding)
    geometries.sampler(name)
    return name


def n_max(config: Any) -> int:
    """Reads the ceiling on the number of facts; no more than there are embeddings."""
    ceiling = integer("n_max", config.n_max, 1)
    return min(ceiling, geometries.num_points(embedding(config)))


def strategy(config: Any) -> capacity.Strategy:
    """Reads the settings of the search for capacities."""
    pick("search.method", config.search.method, capacity.METHODS)
    number("search.resolution", config.search.resolution, "[0, 1)")
    for name in ("widen", "opening", "headroom"):
        number(f"search.{name}", getattr(config.search, name), "(0, inf)")
    return _build("search", capacity.Strategy, config.search.to_dict())


def recipe(config: Any, recipes: Mapping[str, Training]) -> Training:
    """Reads a recipe by name, and whatever fields of it the config overrides."""
    named = recipes[pick("recipe", config.recipe, recipes)]
    # A field that is not set is None, and keeps the recipe's value.
    changes = {k: v for k, v in config.training.items() if v is not None}
    rates = changes.pop("learning_rates", named.learning_rates)
    rates = tuple(
        number("training.learning_rates", rate, "(0, inf)")
        for rate in nonempty("training.learning_rates", rates)
    )
    whole = dataclasses.asdict(named.recipe) | changes
    for field in ("num_steps", "check_every", "patience"):
        integer(f"training.{field}", whole[field], 0 if field == "patience" else 1)
    number("training.certificate", whole["certificate"], "[0, inf)")
    changed = _build("training", training.Recipe, whole)
    same = not changes and rates == named.learning_rates
    name = named.name if same else "custom"  # rows must not claim the named recipe
    return Training(name=name, recipe=changed, learning_rates=rates)


def _build(section: str, kind: type, values: Mapping[str, Any]) -> Any:
    """Builds the settings of a section; errors name fields as a config does."""
    fields = [field.name for field in dataclasses.fields(kind)]
    for name in values:
        pick(f"{section}.<field>", name, fields)
    try:
        return kind(**values)
    except ValueError as error:
        qualified = rf"(?<![.\w])({'|'.join(fields)})\b"
        message = re.sub(qualified, rf"{section}.\1", str(error))
        raise ValueError(message) from None
