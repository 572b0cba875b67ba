"""Coherence of embeddings by name, and the facts that theory gives an outer product."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from typing_extensions import override

from recall import embeddings
from recall.data import geometries
from recall.sweeps import memory_search
from recall.sweeps.batch import About, Lane, Row, Rows
from recall.theory import crosstalk


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeometryLane(Lane):
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

    def measured(self) -> Row:
        """Coherence of inputs and outputs, and the prediction."""
        n = min(self.num_points, geometries.num_points(self.embedding))
        drawn = memory_search.draw_facts(self.seed, self.embedding, self.d, n)
        told: Row = {}
        for name, points in (("inputs", drawn.inputs), ("outputs", drawn.outputs)):
            found = embeddings.coherence(points)._asdict()
            told |= {f"{name}_{key}": float(x) for key, x in found.items()}
        sides = [crosstalk.side(np.asarray(p)) for p in (drawn.inputs, drawn.outputs)]
        predicted = crosstalk.facts(sides[0], sides[1], self.threshold)
        return told | {"predicted": predicted, "finite": True}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeometryBatch(Rows):
    """One geometry at one width, over seeds."""

    lanes: tuple[GeometryLane, ...]

    @override
    def about(self) -> About:
        lane = self.lanes[0]
        return About(
            title="coherence",
            shape=f"n={lane.num_points} d={lane.d}",
            parameters=(0,) * len(self.lanes),
            # About a second a seed, for the quadrature of the prediction.
            core_seconds=len(self.lanes) * 1e-3 * lane.num_points * (1 + lane.d / 1e3),
            # Overlaps of all pairs.
            memory_bytes=8 * lane.num_points**2,
        )

    @override
    def measure(self, lanes: Sequence[GeometryLane]) -> Iterator[list[Row]]:
        for lane in lanes:
            yield [lane.row("run", **lane.measured())]
