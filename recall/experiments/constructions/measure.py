"""Constructed transformers, built at several sizes and asked about every fact.

A lane is one construction for one world and one seed. It is built at the size that is
claimed to be enough, then at others until the smallest one of a list is known at which
all facts are recalled in every noise context, at every length. At that size the inverse
temperature is lowered. Every evaluation of a model is a row.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall.constructions import heads, transformers
from recall.experiments.constructions import lanes as construction_lanes
from recall.models import transformer
from recall.sweeps import bracket
from recall.sweeps.batch import About, Row, Rows
from recall.theory import widths

SECONDS = {  # of one core for a lane with 256 facts, measured, compiling included
    "plain": 6.0,
    "decorrelated": 2.0,
    "fitted": 7.0,
    "product_duals": 13.0,
    "fitted_gates": 9.0,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConstructionBatch(Rows):
    """The seeds of one construction for one world: their models share programs."""

    lanes: tuple[construction_lanes.Lane, ...]

    @override
    def about(self) -> About:
        one = self.lanes[0]
        facts = one.subjects * one.relations
        d, m = construction_lanes.widths_of(one, max(one.sizes))
        parameters = [lane.parameters(lane.claim) for lane in self.lanes]
        # Programs are compiled at any size, so times grow slower than facts.
        seconds = SECONDS[one.construction] * (facts / 256) ** 0.5
        return About(
            title=one.construction.replace("_", " "),
            shape=f"S={one.subjects} R={one.relations} D={one.answers} "
            f"{one.sizes[0]} to {one.sizes[-1]}",
            parameters=parameters,
            core_seconds=len(self.lanes) * seconds,
            # Hidden units or head outputs of all facts, and weights: four copies.
            memory_bytes=16 * (facts * (m + d) + max(parameters)),
        )

    @override
    def measure(self, lanes: Sequence[construction_lanes.Lane]) -> Iterator[list[Row]]:
        for lane in lanes:
            yield from _search(lane)


def _search(lane: construction_lanes.Lane) -> Iterator[list[Row]]:
    """Halves the list of sizes, from the claimed one on, then lowers beta."""
    places, claim = range(len(lane.sizes)), lane.sizes.index(lane.claim)
    stride, stored = bracket.halving(places), dict[int, bool]()
    best: tuple[int, construction_lanes.Model] | None = None
    while (
        at := bracket.next_size(bracket.of(stored), places, claim, stride)
    ) is not None:
        start, size = time.perf_counter(), lane.sizes[at]
        model = construction_lanes.build(lane, size)
        rows = _ask(lane, size, model, lane.sharpness)
        for row in rows:
            row["seconds"] = round(time.perf_counter() - start, 3)
        yield rows
        stored[at] = all(row["stored"] for row in rows)
        best = (size, model) if stored[at] else best
    if best is None:
        yield [lane.row("run", size=None, stored=False)]
        return
    lowest, rows = dict.fromkeys(lane.lengths, lane.sharpness), []
    for beta in sorted(lane.ladder, reverse=True):
        asked = _ask(lane, *best, beta)
        lowest |= {row["length"]: beta for row in asked if row["stored"]}
        rows += asked
    yield [*rows, _end(lane, *best, lowest)]


def _ask(
    lane: construction_lanes.Lane,
    size: int,
    model: construction_lanes.Model,
    beta: float,
) -> list[Row]:
    """Asks a model about every fact, at every length, at inverse temperature beta."""
    # Scores are linear in Q, which holds the lane's beta.
    softer = model.params._replace(Q=model.params.Q * (beta / lane.sharpness))
    # Models of all sizes are padded to the largest: they share a program.
    d, m = construction_lanes.widths_of(lane, max(lane.sizes))
    H, head_dim = softer.K.shape[:2]
    params = transformer.pad(softer, d, H, head_dim, m)
    tokens = transformer.pad_embeddings(model.tokens, lane.world, d)
    key = jax.random.fold_in(jax.random.key(lane.seed), 1)
    rows = []
    for length in lane.lengths:
        accuracy = transformers.ask(
            params,
            model.world,
            tokens,
            key,
            length=length,
            contexts=lane.contexts,
            architecture=model.architecture,
        )
        values = _sizes(lane, size, model) | {
            "length": length,
            "beta": beta,
            "accuracy": float(accuracy.mean),
            "worst_accuracy": float(accuracy.worst),
            "stored": float(accuracy.worst) == 1.0,
            "finite": bool(jnp.all(jnp.isfinite(params.O))),
            "fit": model.fit,
        }
        rows.append(lane.row("probe", f"{size}:{length}:{beta:g}", **values))
    return rows


def _end(
    lane: construction_lanes.Lane,
    size: int,
    model: construction_lanes.Model,
    lowest: dict[int, float],
) -> Row:
    """Returns the smallest size, the least beta of each length, and theory's width."""
    facts = lane.subjects * lane.relations
    row = _sizes(lane, size, model)
    row |= {f"sharpness_{length}": beta for length, beta in lowest.items()}
    row["facts_per_parameter"] = facts / row["parameters"]
    row["facts_per_slim_parameter"] = facts / row["slim_parameters"]
    if lane.construction == "plain":
        row["predicted"] = widths.attention_only(*lane.world[:3])
    return lane.row("run", stored=True, **row)


def _sizes(
    lane: construction_lanes.Lane, size: int, model: construction_lanes.Model
) -> Row:
    """Returns the widths and numbers of weights of a model, and its score gap."""
    H, head_dim, d = model.params.K.shape
    m = 0 if model.params.mlp is None else model.params.mlp.W.shape[0]
    return {
        "size": size,
        "d": d,
        "heads": H,
        "head_dim": head_dim,
        "m": m,
        "parameters": transformer.num_parameters(d, H, head_dim, m),
        # Keys and queries have rank one: a slim decoder stores them as vectors.
        "slim_parameters": 2 * H * (head_dim + 1) * d + 2 * m * d,
        "gap": heads.gap(model.params, model.tokens) / lane.sharpness,
    }
