"""Lanes of memories whose embeddings are learned."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall import training
from recall.experiments.learned_embeddings import changes, memories, parts
from recall.sweeps.batch import Lane, Row

MEMORIES = ("linear", "mlp")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedLane(Lane):
    """One memory of one set of facts.

    Attributes:
        memory: one of MEMORIES; an MLP has `memories.UNITS` units a dimension.
        mode: one of `memories.MODES`: which embeddings are trained along.
        facts: N.
        num_outputs: M shared outputs, or None for a permutation of N.
        seed: of facts and first values.
    """

    memory: str
    mode: str
    facts: int
    num_outputs: int | None
    seed: int
    learning_rate: float
    num_steps: int
    check_every: int

    @property
    def outputs(self) -> int:
        """Returns M, or N where outputs are not shared."""
        return self.num_outputs or self.facts

    def recipe(self) -> training.Recipe:
        """Returns the settings of Adam with a cosine decay."""
        steps, every = self.num_steps, self.check_every
        return training.Recipe(num_steps=steps, check_every=every, cosine=True)

    def weights(self, d: int) -> int:
        """Returns the count of numbers in the memory alone."""
        return d * d if self.memory == "linear" else memories.UNITS * d * (2 * d + 1)

    def numbers(self, d: int) -> int:
        """Returns the count of all trained numbers, embeddings too."""
        mode = memories.MODES[self.mode]
        tables = self.facts * ("inputs" in mode) + self.outputs * ("outputs" in mode)
        return self.weights(d) + d * tables

    def problem(self, d: Any, room: int) -> parts.Problem:
        """Draws the facts and first values in d of `room` dimensions."""
        key_targets, key_parts = jax.random.split(jax.random.key(self.seed))
        if self.num_outputs is None:
            targets = jax.random.permutation(key_targets, self.facts)
        else:
            shape = (self.facts,)
            targets = jax.random.randint(key_targets, shape, 0, self.num_outputs)
        sizes = {"num_facts": self.facts, "num_outputs": self.outputs, "room": room}
        return parts.Problem(
            facts=targets,
            initial=memories.draw(key_parts, d, memory=self.memory, **sizes),
            moves=parts.moving(memories.Parts, memories.MODES[self.mode]),
            learning_rate=jnp.asarray(self.learning_rate, jnp.float32),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class WidthLane(LearnedLane):
    """A search for the smallest width that stores, from `expected` up to `most`."""

    expected: int
    most: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class SurvivalLane(LearnedLane, changes.Changeable):
    """A trained memory of width d whose parts are put back, shuffled and drawn anew."""

    d: int

    modes = memories.MODES

    @override
    def start(self) -> parts.Problem:
        return self.problem(jnp.int32(self.d), self.d)

    @override
    def program(self) -> Callable:
        return memories.program(self.recipe())

    @override
    def accuracy(self, problem: parts.Problem, params: memories.Parts) -> float:
        return float(_accuracy(params, problem.facts))

    @override
    def again(self, problem: parts.Problem, fit: training.Fit) -> Row:
        return {"accuracy": int(fit.correct) / self.facts, "steps": int(fit.steps)}


_accuracy = jax.jit(memories.accuracy)
