"""Rows about facts that survive once a part of a trained model is changed."""

import abc
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from recall import embeddings, training
from recall.experiments.learned_embeddings import parts
from recall.sweeps.batch import Lane, Row

OTHER = 2**20  # added to seeds: draws that take the place of the first


class Changeable(Lane):
    """A lane whose trained model is changed part by part; `modes` says what trains."""

    modes: ClassVar[Mapping[str, tuple[str, ...]]]

    mode: str
    seed: int
    num_steps: int

    @abc.abstractmethod
    def start(self) -> parts.Problem:
        """Returns its facts and first values."""

    @abc.abstractmethod
    def program(self) -> Any:
        """Returns the compiled `parts.solve` of its kind, for stacked lanes."""

    @abc.abstractmethod
    def accuracy(self, problem: parts.Problem, params: Any) -> float:
        """Returns the fraction of all facts that are recalled."""

    def again(self, problem: parts.Problem, fit: training.Fit) -> Row:
        """Returns the columns of a model of which the other parts were retrained."""
        return {"accuracy": self.accuracy(problem, fit.params)}

    def other(self) -> Any:
        """Returns other first values, from a seed of their own."""
        return dataclasses.replace(self, seed=self.seed + OTHER).start().initial


def solve(lanes: Sequence[Changeable], problems: Sequence[parts.Problem]) -> Any:
    """Trains all lanes, stacked, on their problems."""
    budgets = jnp.full(len(lanes), lanes[0].num_steps, jnp.int32)
    return lanes[0].program()(parts.stack(problems), budgets)


def survive(
    lanes: Sequence[Changeable],
    problems: Sequence[parts.Problem],
    params: Any,
    **same: Any,
) -> Iterator[list[Row]]:
    """Yields rows of each lane's changed parts, then rows of each part retrained.

    The lanes are of one kind and mode, and their trained params stacked; `same` are
    further columns of changed parts.
    """
    for i, (lane, problem) in enumerate(zip(lanes, problems, strict=True)):
        yield _changed(lane, problem, parts.at(params, i), same)
    for part in params._fields:
        yield _retrained(lanes, problems, params, part)


def _changed(lane: Any, problem: parts.Problem, params: Any, same: Row) -> list[Row]:
    """Puts a part back to its first values, permutes its rows, or draws it anew."""
    others = {
        "reset": problem.initial,
        "shuffle": params.shuffled(jax.random.key(lane.seed + OTHER)),
        "redraw": lane.other(),
    }
    rows = []
    for part in params._fields:
        for change, other in others.items():
            mixed = params._replace(**{part: getattr(other, part)})
            columns = {"accuracy": lane.accuracy(problem, mixed)} | same
            rows.append(_row(lane, part, change, columns))
    return rows


def _retrained(
    lanes: Sequence[Changeable], problems: Sequence[Any], params: Any, part: str
) -> list[Row]:
    """Draws a part anew, and trains the others again."""
    again = []
    for i, (lane, problem) in enumerate(zip(lanes, problems, strict=True)):
        mine = parts.at(params, i)
        initial = mine._replace(**{part: getattr(lane.other(), part)})
        moves = parts.moving(type(mine), set(lane.modes[lane.mode]) - {part})
        again.append(problem._replace(initial=initial, moves=moves))
    fits = solve(lanes, again)
    return [
        _row(lane, part, "retrain others", lane.again(problem, parts.at(fits, i)))
        for i, (lane, problem) in enumerate(zip(lanes, again, strict=True))
    ]


def _row(lane: Changeable, part: str, change: str, columns: Row) -> Row:
    return lane.row("probe", f"{part}-{change}", part=part, change=change, **columns)


def geometry(points: Any) -> dict[str, float]:
    """Returns overlaps and effective rank of a table of embeddings."""
    measured = embeddings.coherence(points)
    names = ("rms_overlap", "max_overlap", "participation", "norm_spread")
    return {name: float(f"{float(getattr(measured, name)):.5g}") for name in names}
