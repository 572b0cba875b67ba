"""Coherence of embeddings by name, and the facts that theory gives an outer product."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from recall import embeddings
from recall.data import geometries
from recall.sweeps import jobs, memory_search
from recall.theory import crosstalk


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeometryLane(jobs.Lane):
    """The points of one seed.

    Attributes:
        embedding: a name that `geometries` knows.
        d: width.
        seed: of the points, those that memories of this width and seed store.
        threshold: fraction of the facts to be recalled.
        num_points: measured, fewer if there are fewer.
    """

    embedding: str
    d: int
    seed: int
    threshold: float
    num_points: int

    def __post_init__(self) -> None:
        """Checks that there are such embeddings."""
        geometries.check(self.embedding, self.d)

    def measured(self) -> jobs.Row:
        """Coherence of inputs and outputs, and the prediction."""
        n = min(self.num_points, geometries.num_points(self.embedding))
        drawn = memory_search.draw_facts(self.seed, self.embedding, self.d, n)
        told: jobs.Row = {}
        for name, points in (("inputs", drawn.inputs), ("outputs", drawn.outputs)):
            found = embeddings.coherence(points)._asdict()
            told |= {f"{name}_{key}": float(x) for key, x in found.items()}
        sides = [crosstalk.side(np.asarray(p)) for p in (drawn.inputs, drawn.outputs)]
        predicted = crosstalk.facts(sides[0], sides[1], self.threshold)
        return told | {"predicted": predicted, "finite": True}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeometryJob(jobs.Job):
    """One geometry at one width, over seeds."""

    seeds: tuple[GeometryLane, ...]

    @property
    def lanes(self) -> Sequence[GeometryLane]:
        """One a seed."""
        return self.seeds

    @property
    def title(self) -> str:
        """What is measured."""
        return "coherence"

    @property
    def shape(self) -> str:
        """Points and their width."""
        return f"n={self.seeds[0].num_points} d={self.seeds[0].d}"

    @property
    def parameters(self) -> Sequence[int]:
        """There are no weights."""
        return (0,)

    @property
    def core_seconds(self) -> float:
        """About a second a seed, for the quadrature of the prediction."""
        lane = self.seeds[0]
        return len(self.seeds) * 1e-3 * lane.num_points * (1 + lane.d / 1e3)

    @property
    def memory_bytes(self) -> int:
        """Overlaps of all pairs."""
        return 8 * self.seeds[0].num_points ** 2

    def run(self, done: Collection[str]) -> Iterator[list[jobs.Row]]:
        """Yields a row a seed."""
        for lane in self.left(done):
            yield [lane.row("run", **lane.measured())]
