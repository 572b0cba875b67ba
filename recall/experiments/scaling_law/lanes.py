"""Settings of a memory of Zipf facts: what it knows, how it is made, its rows."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from recall import embeddings, facts
from recall.experiments.scaling_law import training
from recall.memories import linear, mlp, quantization
from recall.store.row import number
from recall.sweeps.batch import Lane, Row
from recall.theory import bounds

WAYS = ("trained", "trained_top", "outer_product", "outer_product_top")
WHOLE_BITS = 32  # of a weight as it is
_LISTS = ("learning_rates", "shares", "powers", "bits", "loop_bits")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZipfLane(Lane):
    """One memory of one fact table.

    Attributes:
        memory: "linear" or "mlp".
        way: one of WAYS; "top" memories know the K most frequent facts alone.
        d: width of the embeddings.
        m: hidden units of an MLP, or 0.
        activation: of an MLP, or "".
        facts: N.
        outputs: M; each fact has one of them, independently.
        alpha: p(x) ~ x^-alpha.
        seed: of facts, embeddings and first weights.
        learning_rates: that are tried.
        shares: K / parameters that are tried, of a "top" memory.
        powers: of odds by which facts weigh, that are tried.
        num_steps: of training.
        bits: of weights that are rounded after training.
        loop_bits: of weights that are rounded in every step of further training.
        loop_steps: of that.
    """

    memory: str
    way: str
    d: int
    m: int
    activation: str
    facts: int
    outputs: int
    alpha: float
    seed: int
    learning_rates: tuple[float, ...]
    shares: tuple[float, ...]
    powers: tuple[float, ...]
    num_steps: int
    bits: tuple[int, ...]
    loop_bits: tuple[int, ...]
    loop_steps: int

    def columns(self) -> Row:
        """Its settings; what was tried is in rows of its own."""
        told = super().columns()
        named = {name: value for name, value in told.items() if name not in _LISTS}
        return named | {"parameters": self.parameters}

    @property
    def sizes(self) -> list[int]:
        """Entries of each matrix."""
        if self.memory == "linear":
            return [self.d**2]
        return [self.m * self.d, self.m, self.m * self.d]

    @property
    def parameters(self) -> int:
        """All weights, biases too."""
        return sum(self.sizes)

    @property
    def known(self) -> list[int]:
        """The numbers K of facts that are tried."""
        if not self.way.endswith("top"):
            return [self.facts]
        each = [max(1, round(share * self.parameters)) for share in self.shares]
        return sorted({min(self.facts, count) for count in each})

    @property
    def rows(self) -> int:
        """Facts that are read in a step."""
        return max(self.known)

    def odds(self) -> np.ndarray:
        """p(x), falling."""
        return bounds.zipf(self.facts, self.alpha)

    def tries(self) -> training.Try:
        """All that is tried, stacked."""
        axes = np.meshgrid(self.learning_rates, self.known, self.powers, indexing="ij")
        rates, known, powers = (axis.reshape(-1) for axis in axes)
        return training.Try(
            learning_rate=jnp.asarray(rates, jnp.float32),
            known=jnp.asarray(known, jnp.int32),
            power=jnp.asarray(powers, jnp.float32),
        )

    def start(self) -> tuple[training.Task, Any]:
        """Its task, of as many rows as it reads, and first weights."""
        keys = jax.random.split(jax.random.key(self.seed), 4)
        rows, odds = self.rows, self.odds()
        rest = np.append(np.cumsum(odds[::-1])[::-1], 0.0)
        targets = jax.random.randint(keys[2], (self.facts,), 0, self.outputs)
        given = facts.of(
            embeddings.sphere(keys[0], self.facts, self.d)[:rows],
            embeddings.sphere(keys[1], self.outputs, self.d),
            targets[:rows],
        )
        task = training.Task(
            facts=given,
            odds=jnp.asarray(odds[:rows], jnp.float32),
            rest=jnp.asarray(rest[: rows + 1], jnp.float32),
        )
        if self.memory == "linear":
            return task, linear.init(keys[3], self.d)
        return task, mlp.init(keys[3], self.d, self.m)

    def total_bits(self, bits: int) -> int:
        """All bits that a decoder needs: weights, steps, and K where there is one."""
        side = math.ceil(math.log2(self.facts + 1)) if self.way.endswith("top") else 0
        if bits == WHOLE_BITS:
            return bits * self.parameters + side
        return quantization.num_bits(self.sizes, bits) + side


def rows_of(lane: ZipfLane, found: training.Found) -> list[Row]:
    """A row for each try and for each number of bits, and the end of the lane."""
    tries = lane.tries()
    told = [
        lane.row(
            "probe",
            f"try-{i}",
            probe=i,
            loss=number(loss, 7),
            **_tried(tries, i),
        )
        for i, loss in enumerate(np.asarray(found.loss).tolist())
    ]
    best = int(np.argmin(found.loss))
    points = [(WHOLE_BITS, "none", found.loss[best], best)]
    for name, some, losses, at in (
        ("after", lane.bits, found.after, found.after_try),
        ("within", lane.loop_bits, found.within, found.within_try),
    ):
        points += zip(some, [name] * len(some), losses, at, strict=True)
    told += [_point(lane, *point, tries) for point in points]
    whole = told[len(tries.known)]
    last = {name: whole[name] for name in ("loss", "finite", "total_bits", "bound")}
    return [*told, lane.row("run", num_probes=len(tries.known), **last)]


def _point(
    lane: ZipfLane, bits: int, rounding: str, loss: Any, tried: Any, tries: Any
) -> Row:
    """A loss, and what theory allows for its bits."""
    total, odds = lane.total_bits(bits), lane.odds()
    finite = bool(np.isfinite(loss))
    least = bounds.fewest_bits(float(loss), odds, lane.outputs)
    return lane.row(
        "point",
        f"{rounding}-{bits}",
        bits=bits,
        rounding=rounding,
        loss=number(loss, 7),
        finite=finite,
        total_bits=total,
        bound=float(bounds.cross_entropy(odds, lane.outputs, total)),
        least_bits=number(least, 7),
        **_tried(tries, int(tried)),
    )


def _tried(tries: training.Try, index: int) -> Row:
    return {
        "learning_rate": float(f"{float(tries.learning_rate[index]):.6g}"),
        "known": int(tries.known[index]),
        "power": float(tries.power[index]),
    }
