"""Batches that train transformers of many sizes, and ask where their facts are."""

import dataclasses
import functools
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
from recall.models import fit as fit_lib
from recall.models import freezing, probing, transformer
from recall.store.row import number
from recall.sweeps import lanes
from recall.sweeps.batch import About, Row, Rows

SIDE_BY_SIDE = 6  # lanes that are vmapped: one compilation, and a stop loses no more
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
        scores = one.contexts * one.size**3 * one.answers
        return About(
            title=f"storage {one.activation}",
            shape=f"S=R={one.size} D={one.answers} d={one.d} H={heads} m={m}",
            parameters=[lane.parameters for lane in self.lanes],
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
    """Trains some lanes by all four trainings, probes them, and returns their rows."""
    problems, fits = trained(some, width)
    settings = some[0].sampling, some[0].architecture
    probed = {
        name: _program(probes.model, *settings)(problems[name], fit.params)
        for name, fit in fits.items()
    }
    # Without heads and units the arguments of lanes of one seed are equal: a cache hit.
    built = [_constructed(dataclasses.replace(x, heads=1, m=0)) for x in some]
    models: dict[str, Any] = {name: fit.params for name, fit in fits.items()}
    models |= zip(("codes", "copies"), _stacked(built), strict=True)
    other = problems["other"].world
    swapped = _program(probes.swaps, *settings)(problems["free"], models, other)
    results = jax.tree.map(np.asarray, (fits, probed, swapped))
    rows: list[Row] = []
    for index, lane in enumerate(some):
        rows += _rows(lane, *jax.tree.map(lambda x, i=index: x[i], results))
    return rows


def trained(
    some: Sequence[Lane], width: tuple[int, int]
) -> tuple[dict[str, Any], dict[str, training.Fit]]:
    """Returns the problem and the fit of each training, stacked over lanes."""
    starts = _stacked([storage_lanes.starts(lane, width) for lane in some])
    rate = jnp.asarray([lane.learning_rate for lane in some], jnp.float32)
    rate = jnp.resize(rate, (SIDE_BY_SIDE,))  # beside the lanes that fill the group
    one = some[0]
    train = _train_program(one.sampling, one.architecture, one.recipe)
    fits: dict[str, training.Fit] = {}
    problems: dict[str, Any] = {}
    for name in storage_lanes.TRAININGS:  # in this order: "refit" reads "free"
        problem, free = starts[name]
        if name == "refit":
            # A new MLP behind trained attention: what attention holds of its facts
            # stays, and whatever the other table needs the MLP has to hold.
            initial = fits["free"].params._replace(mlp=problem.initial.mlp)
            problem = problem._replace(initial=initial)
        problems[name], fits[name] = problem, train(problem, free, rate)
    return problems, fits


@functools.cache
def _train_program(
    sampling: fit_lib.Sampling,
    architecture: transformer.Architecture,
    recipe: training.Recipe,
) -> Callable[..., Any]:
    settings = {"sampling": sampling, "architecture": architecture, "recipe": recipe}
    return jax.jit(jax.vmap(functools.partial(freezing.fit, **settings)))


@functools.cache
def _program(
    probe: Callable[..., Any],
    sampling: fit_lib.Sampling,
    architecture: transformer.Architecture,
) -> Callable[..., Any]:
    def one(args: tuple) -> Any:
        return probe(*args, sampling, architecture)

    # One lane at a time: scores of all facts in all contexts are the largest array.
    return jax.jit(lambda *stacked: jax.lax.map(one, stacked))


_constructed = functools.lru_cache(maxsize=16)(storage_lanes.constructed)


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(jnp.asarray, lanes.stack(trees, SIDE_BY_SIDE))


def _rows(lane: Lane, fits: Any, probed: Any, swapped: Any) -> Iterator[Row]:
    """Yields a row a training, ablation and swap, one of all facts, and the end."""
    ends: Row = {}
    for name, model in probed.items():
        fit = fits[name]
        columns: Row = {"training": name, "steps": int(fit.steps)}
        columns |= {"loss": number(fit.loss), "finite": bool(fit.finite)}
        columns |= {"accuracy": number(model.ablated["none"]["accuracy"])}
        ends[f"{name}_accuracy"] = columns["accuracy"]
        columns |= _numbers(model.columns | probes.ranks(fit.params, lane.heads))
        yield lane.row("model", name, **columns)
        swaps = swapped if name == "free" else {}
        for ablation, recalled in (model.ablated | swaps).items():
            if ablation in lane.ablations:
                numbers = {"training": name, "ablation": ablation} | _numbers(recalled)
                if ablation not in swapped:  # no part knows of the other table
                    numbers["other_accuracy"] = None
                yield lane.row("probe", f"{name}:{ablation}", **numbers)
    # Lists go subject by subject, relation by relation.
    by_fact = probed["free"].by_fact
    yield lane.row("facts", **{n: [*map(number, x)] for n, x in by_fact.items()})
    finite = all(bool(fit.finite) for fit in fits.values())
    yield lane.row("run", **ends, finite=finite)


def _numbers(columns: Any) -> Row:
    return {name: number(value) for name, value in columns.items()}
