"""Geometries of embeddings by name, the values of the config field `embedding`.

    sphere, gaussian, orthonormal_blocks
    power_law:EXPONENT, shared_mean:MEAN, low_rank:RANK[:FLOOR], mixture:CENTRES:MEAN
    minilm, file:PATH:TENSOR      rows of a table, scaled to a mean square norm of one
    centred:TABLE                 less the mean of all rows
    unit:GEOMETRY                 every point scaled to norm one
    GEOMETRY>GEOMETRY             of the inputs, of the outputs of a memory

Tables are cut to their first d coordinates.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Float32

from recall import embeddings
from recall.data import tensors

NO_LIMIT = 10**9
# Inputs and outputs apart: a shared mean on one side leaves 9 facts plain and 204
# whitened, on both sides 3 and 198.
PARTS = ">"


class Geometry(NamedTuple):
    """A distribution of embeddings, its range of widths d, its number of points."""

    sample: embeddings.Sampler
    least_d: int = 1
    most_d: int = NO_LIMIT
    points: int = NO_LIMIT


class Number(NamedTuple):
    """A parameter in a name: an integer or a real in [low, high]."""

    name: str
    kind: Callable[[str], Any]
    low: int | float
    high: int | float = NO_LIMIT
    required: bool = True


class Family(NamedTuple):
    """A family of geometries, with its parameters in their names."""

    draw: Callable[..., Float[Array, "n d"]]
    numbers: tuple[Number, ...]


_MEAN = Number("mean", float, 0.0, 1.0)
_FLOOR = Number("floor", float, 0.0, 1.0, required=False)
FAMILIES: Mapping[str, Family] = {
    "power_law": Family(embeddings.power_law, (Number("exponent", float, 0.0, 8.0),)),
    "shared_mean": Family(embeddings.shared_mean, (_MEAN,)),
    "low_rank": Family(embeddings.low_rank, (Number("rank", int, 1), _FLOOR)),
    "mixture": Family(embeddings.mixture, (Number("centres", int, 1), _MEAN)),
}
KNOWN = (
    *sorted(embeddings.SAMPLERS),
    *(
        ":".join([name, *(number.name.upper() for number in family.numbers)])
        for name, family in FAMILIES.items()
    ),
    *tensors.PACKAGES,
    "file:PATH:TENSOR",
    "unit:GEOMETRY",
    "centred:TABLE",
)


def sampler(name: str) -> embeddings.Sampler:
    """Returns the sampler of the geometry of that name; draws are nested in n."""
    return geometry(name).sample


def names_of_pair(name: str) -> tuple[str, str]:
    """Splits a name into the geometries of inputs and outputs; one name is both."""
    inputs, _, outputs = name.partition(PARTS)
    return inputs, outputs or inputs


def check(name: str, d: int) -> None:
    """Raises a ValueError if some of these embeddings do not exist at a width."""
    for one in map(geometry, names_of_pair(name)):
        if not one.least_d <= d <= one.most_d:
            most = "" if one.most_d == NO_LIMIT else f" <= {one.most_d}"
            raise ValueError(
                f"Expected {one.least_d} <= d{most} for embedding={name!r}; got d={d}."
            )


def num_points(name: str) -> int:
    """Returns the number of facts that embeddings of a pair suffice for."""
    return min(geometry(one).points for one in names_of_pair(name))


@functools.cache  # one sampler a name: programs are cached by sampler
def geometry(name: str) -> Geometry:
    """Parses the name of a geometry.

    Raises:
        ValueError: if it names no geometry, a number in it is out of range, or a table
            is not there.
    """
    kind, _, rest = name.partition(":")
    if kind == "unit" and rest:
        inner = geometry(rest)
        return inner._replace(
            sample=lambda key, n, d: embeddings.unit(inner.sample(key, n, d))
        )
    if name in embeddings.SAMPLERS:
        return Geometry(embeddings.SAMPLERS[name])
    if kind in FAMILIES:
        return _member(name, kind, rest.split(":") if rest else [])
    table = _table(name)
    return Geometry(
        lambda key, n, d: embeddings.from_table(key, n, d, _cut(name, d)),
        most_d=table.shape[1],
        points=table.shape[0],
    )


def _member(name: str, kind: str, texts: list[str]) -> Geometry:
    family = FAMILIES[kind]
    required = sum(number.required for number in family.numbers)
    if not required <= len(texts) <= len(family.numbers):
        raise _unknown(name)
    numbers = {
        number.name: _number(name, number, text)
        for number, text in zip(family.numbers, texts, strict=False)
    }
    return Geometry(
        lambda key, n, d: family.draw(key, n, d, **numbers),
        least_d=numbers.get("rank", 1),
    )


def _number(name: str, number: Number, text: str) -> Any:
    try:
        value = number.kind(text)
    except ValueError:
        value = float("nan")  # within no bounds
    if not number.low <= value <= number.high:
        what = "an integer" if number.kind is int else "a number"
        high = "" if number.high == NO_LIMIT else f" and <= {number.high:g}"
        raise ValueError(
            f"Expected {number.name} of embedding {name!r} to be {what} >= "
            f"{number.low:g}{high}; got {text!r}."
        )
    return value


@functools.lru_cache(maxsize=4)
def _cut(name: str, d: int) -> Float32[np.ndarray, "total d"]:
    """Returns the first d coordinates of a table, scaled to a mean square norm of 1."""
    table = _table(name)[:, :d]
    if name.startswith("centred:"):
        table = table - table.mean(axis=0)
    return table / np.sqrt(np.mean(np.sum(table**2, axis=1)))


def _table(name: str) -> Float32[np.ndarray, "total d"]:
    name = name.removeprefix("centred:")
    if name in tensors.PACKAGES:
        model = tensors.installed(name)
        return tensors.read(model.path, model.tensor)
    kind, _, rest = name.partition(":")
    path, _, tensor = rest.rpartition(":")  # a path may have colons, a tensor has none
    if kind != "file" or not path or not tensor:
        raise _unknown(name)
    return tensors.read(path, tensor)


def _unknown(name: str) -> ValueError:
    return ValueError(f"Expected embedding in {list(KNOWN)}; got {name!r}.")
