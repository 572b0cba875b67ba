"""Jobs that train transformers of many sizes, and ask where their facts are."""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import override

from recall import training
from recall.experiments.storage_location import lanes as storage_lanes
from recall.experiments.storage_location import probes
from recall.experiments.storage_location.lanes import Lane
from recall.models import fit as factual_training
from recall.models import freezing, probing, transformer
from recall.store.row import number
from recall.sweeps import lanes
from recall.sweeps.batch import About, Row, Rows

SIDE_BY_SIDE = 6  # lanes that are vmapped, and whose rows come together
_LEAST = 6e-5  # seconds of one core, of a step
_FACT = 3e-9, 5e-9, 5e-8  # for each fact of it: an answer, a hidden unit, a head


@dataclasses.dataclass(frozen=True, kw_only=True)
class StorageBatch(Rows):
    """Lanes whose heads and units are padded to those of the largest."""

    lanes: tuple[Lane, ...]

    @property
    def width(self) -> tuple[int, int]:
        """Heads and units that hold those of all lanes."""
        return max(x.heads for x in self.lanes), max(x.m for x in self.lanes)

    @override
    def about(self) -> About:
        one, (heads, m) = self.lanes[0], self.width
        score, unit, head = _FACT
        each = score * one.size * one.answers + unit * m + head * heads
        step = _LEAST + one.size**2 * each
        trainings = len(self.lanes) * len(storage_lanes.TRAININGS)
        one = self.lanes[0]
        scores = one.contexts * one.size**3 * one.answers
        return About(
            title=f"storage {self.lanes[0].activation}",
            shape=f"S=R={one.size} D={one.answers} d={one.d} H={heads} m={m}",
            parameters=[lane.parameters for lane in self.lanes],
            # Four trainings of each lane, at the padded sizes.
            core_seconds=trainings * one.num_steps * step,
            # Scores of all facts in all contexts, under every ablation of one lane.
            memory_bytes=4 * scores * (2 * len(probing.ABLATIONS) + 4),
            compile_seconds=20.0,
        )

    @override
    def measure(self, lanes: Sequence[Lane]) -> Iterator[list[Row]]:
        for first in range(0, len(lanes), SIDE_BY_SIDE):
            yield side_by_side(lanes[first : first + SIDE_BY_SIDE], self.width)


def side_by_side(some: Sequence[Lane], width: tuple[int, int]) -> list[Row]:
    """Trains some lanes in four ways, asks them, and tells."""
    problems, fits = trained(some, width)
    one, sampling = some[0], some[0].sampling
    looked = {
        name: _model_program(sampling, one.architecture)(problems[name], fit.params)
        for name, fit in fits.items()
    }
    built = [_constructed(dataclasses.replace(x, heads=1, m=0)) for x in some]
    models: dict[str, Any] = {name: fit.params for name, fit in fits.items()}
    models |= zip(("codes", "copies"), _stacked(built), strict=True)
    swapped = _swap_program(sampling, one.architecture)(
        problems["free"], models, problems["other"].world
    )
    told = jax.tree.map(np.asarray, (fits, looked, swapped))
    rows: list[Row] = []
    for index, lane in enumerate(some):
        fit, look, swap = jax.tree.map(lambda x, i=index: x[i], told)
        rows += _rows(lane, fit, look, swap)
    return rows


def trained(
    some: Sequence[Lane], width: tuple[int, int]
) -> tuple[dict[str, Any], dict[str, training.Fit]]:
    """Problems and fits of each training, stacked over lanes."""
    begun = _stacked([storage_lanes.starts(lane, width) for lane in some])
    rate = jnp.asarray([lane.learning_rate for lane in some], jnp.float32)
    rate = jnp.resize(rate, (SIDE_BY_SIDE,))
    one = some[0]
    train = _train_program(one.sampling, one.architecture, one.recipe)
    fits: dict[str, training.Fit] = {}
    problems: dict[str, Any] = {}
    for name in storage_lanes.TRAININGS:
        problem, free = begun[name]
        if name == "refit":
            attention = fits["free"].params
            initial = attention._replace(mlp=problem.initial.mlp)
            problem = problem._replace(initial=initial)
        problems[name], fits[name] = problem, train(problem, free, rate)
    return problems, fits


@functools.cache
def _train_program(
    sampling: factual_training.Sampling,
    architecture: transformer.Architecture,
    recipe: training.Recipe,
) -> Callable[..., Any]:
    how = {"sampling": sampling, "architecture": architecture, "recipe": recipe}
    return jax.jit(jax.vmap(functools.partial(freezing.fit, **how)))


@functools.cache
def _model_program(
    sampling: factual_training.Sampling, architecture: transformer.Architecture
) -> Callable[..., Any]:
    def one(pair: tuple) -> Any:
        problem, params = pair
        return probes.model(problem, params, sampling, architecture)

    return jax.jit(lambda *stacked: jax.lax.map(one, stacked))


@functools.cache
def _swap_program(
    sampling: factual_training.Sampling, architecture: transformer.Architecture
) -> Callable[..., Any]:
    def one(given: tuple) -> Any:
        problem, models, other = given
        return probes.swaps(problem, models, other, sampling, architecture)

    return jax.jit(lambda *stacked: jax.lax.map(one, stacked))


_constructed = functools.lru_cache(maxsize=16)(storage_lanes.constructed)


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(jnp.asarray, lanes.stack(trees, SIDE_BY_SIDE))


def _rows(lane: Lane, fits: Any, looked: Any, swapped: Any) -> Iterator[Row]:
    """A row for each training, ablation and swap, one of all facts, and the end."""
    ends: Row = {}
    for name, found in looked.items():
        fit, ablated = fits[name], found.left
        columns = found.told | probes.ranks(fit.params, lane.heads)
        state = {"loss": number(fit.loss), "finite": bool(fit.finite)}
        told = {"training": name, "steps": int(fit.steps)} | state
        told |= {"accuracy": number(ablated["none"]["accuracy"])}
        yield lane.row("model", name, **told, **_numbers(columns))
        ends[f"{name}_accuracy"] = told["accuracy"]
        more = swapped if name == "free" else {}
        for ablation, shares in (ablated | more).items():
            if ablation not in lane.ablations:
                continue
            if ablation not in swapped:
                shares = shares | {"other_accuracy": math.nan}
            same = {"training": name, "ablation": ablation}
            yield lane.row("probe", f"{name}:{ablation}", **same, **_numbers(shares))
    yield lane.row("facts", **_lists(looked["free"].by_fact))
    finite = all(bool(fit.finite) for fit in fits.values())
    yield lane.row("run", **ends, finite=finite)


def _numbers(columns: Any) -> Row:
    return {name: number(value) for name, value in columns.items()}


def _lists(columns: Any) -> Row:
    """Numbers of each fact: subject by subject, relation by relation."""
    return {name: [number(x) for x in values] for name, values in columns.items()}
