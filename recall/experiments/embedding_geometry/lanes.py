"""Coherence of embeddings, and the facts that theory gives an outer product."""

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
        embedding: a name in `geometries`.
        d: width.
        seed: of the points, those that memories of this width and seed store.
        threshold: fraction of the facts to be recalled.
        num_points: points to measure; all, if there are fewer.

    Raises:
        ValueError: if there are no such embeddings.
    """

    embedding: str
    d: int
    seed: int
    threshold: float
    num_points: int

    def __post_init__(self) -> None:
        """Checks the name and the width of the embeddings."""
        geometries.check(self.embedding, self.d)

    def measured(self) -> Row:
        """Measures coherence of inputs and outputs, and predicts an outer product."""
        n = min(self.num_points, geometries.num_points(self.embedding))
        # The points of searches of this seed: predictions are for the same facts.
        drawn = memory_search.draw_facts(self.seed, self.embedding, self.d, n)
        row: Row = {}
        for name, points in (("inputs", drawn.inputs), ("outputs", drawn.outputs)):
            coherence = embeddings.coherence(points)._asdict()
            row |= {f"{name}_{key}": float(x) for key, x in coherence.items()}
        sides = [crosstalk.side(np.asarray(p)) for p in (drawn.inputs, drawn.outputs)]
        predicted = crosstalk.facts(sides[0], sides[1], self.threshold)
        return row | {"predicted": predicted, "finite": True}


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
            parameters=(0,) * len(self.lanes),  # nothing is stored
            # About a second a seed, for the quadrature of the prediction.
            core_seconds=len(self.lanes) * 1e-3 * lane.num_points * (1 + lane.d / 1e3),
            # Overlaps of all pairs, of inputs and of outputs.
            memory_bytes=8 * lane.num_points**2,
        )

    @override
    def measure(self, lanes: Sequence[GeometryLane]) -> Iterator[list[Row]]:
        for lane in lanes:
            yield [lane.row("run", **lane.measured())]
