"""Settings of a memory of Zipf facts: the facts it knows, its method, its rows."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import override

from recall import embeddings, facts
from recall.experiments.scaling_law import training
from recall.memories import linear, mlp, quantization
from recall.store.row import number
from recall.sweeps.batch import Lane, Row
from recall.theory import bounds

METHODS = ("trained", "trained_top", "outer_product", "outer_product_top")
WHOLE_BITS = 32  # of a weight that is not rounded
_LISTS = ("learning_rates", "shares", "powers", "bits", "loop_bits")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZipfLane(Lane):
    """One memory of one fact table.

    Attributes:
        memory: "linear" or "mlp".
        way: one of METHODS; "top" memories know the K most frequent facts alone.
        d: width of the embeddings.
        m: hidden units of an MLP, or 0.
        activation: of an MLP, or "".
        facts: N.
        outputs: M; each fact has one of them, independently.
        alpha: p(x) ~ x^-alpha.
        seed: of facts, embeddings and initial weights.
        learning_rates: that are tried.
        shares: K / parameters that are tried, of a "top" memory.
        powers: of p(x) by which facts weigh, that are tried.
        num_steps: of training.
        bits: of weights that are rounded after training (PTQ).
        loop_bits: of weights that are rounded in every step of training (QAT).
        loop_steps: of QAT, after num_steps.
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

    @override
    def columns(self) -> Row:
        row = super().columns() | {"parameters": sum(self.sizes)}
        # What was tried is in rows of its own.
        return {name: value for name, value in row.items() if name not in _LISTS}

    @property
    def sizes(self) -> list[int]:
        """Counts the entries of each matrix, biases too."""
        if self.memory == "linear":
            return [self.d**2]
        return [self.m * self.d, self.m, self.m * self.d]

    @property
    def known(self) -> list[int]:
        """Lists the numbers K of facts that are tried."""
        if not self.way.endswith("top"):
            return [self.facts]
        counts = [max(1, round(share * sum(self.sizes))) for share in self.shares]
        return sorted({min(self.facts, count) for count in counts})

    @property
    def probs(self) -> np.ndarray:
        """`[N]` p(x), falling, of all facts."""
        return bounds.zipf(self.facts, self.alpha)

    def tries(self) -> training.Try:
        """Returns all combinations of hyperparameters, stacked."""
        axes = np.meshgrid(self.learning_rates, self.known, self.powers, indexing="ij")
        rates, known, powers = (axis.reshape(-1) for axis in axes)
        return training.Try(
            learning_rate=jnp.asarray(rates, jnp.float32),
            known=jnp.asarray(known, jnp.int32),
            power=jnp.asarray(powers, jnp.float32),
        )

    def start(self) -> tuple[training.Task, Any]:
        """Draws the task, of no more facts than any try knows, and initial weights."""
        keys = jax.random.split(jax.random.key(self.seed), 4)
        rows, probs = max(self.known), self.probs
        rest = np.append(np.cumsum(probs[::-1])[::-1], 0.0)  # small terms first
        targets = jax.random.randint(keys[2], (self.facts,), 0, self.outputs)
        task = training.Task(
            facts=facts.of(
                # All are drawn, then cut: memories share their facts whatever K is.
                embeddings.sphere(keys[0], self.facts, self.d)[:rows],
                embeddings.sphere(keys[1], self.outputs, self.d),
                targets[:rows],
            ),
            probs=jnp.asarray(probs[:rows], jnp.float32),
            rest=jnp.asarray(rest[: rows + 1], jnp.float32),
        )
        if self.memory == "linear":
            return task, linear.init(keys[3], self.d)
        return task, mlp.init(keys[3], self.d, self.m)

    def total_bits(self, bits: int) -> int:
        """Counts the bits that a decoder needs: weights, steps, and K if it has one."""
        # K is one of 0 ... N.
        side = math.ceil(math.log2(self.facts + 1)) if self.way.endswith("top") else 0
        if bits == WHOLE_BITS:
            return bits * sum(self.sizes) + side  # no steps: nothing is rounded
        return quantization.num_bits(self.sizes, bits) + side


def rows_of(lane: ZipfLane, losses: training.Losses) -> list[Row]:
    """Returns a row for each try and each number of bits, and the end of the lane."""
    tries = lane.tries()
    rows = [
        lane.row(
            "probe", f"try-{i}", probe=i, loss=number(loss, 7), **_values(tries, i)
        )
        for i, loss in enumerate(np.asarray(losses.whole).tolist())
    ]
    best = int(np.argmin(losses.whole))
    points = [(WHOLE_BITS, "none", losses.whole[best], best)]
    for rounding, bits, values, at in (
        ("after", lane.bits, losses.ptq, losses.ptq_try),
        ("within", lane.loop_bits, losses.qat, losses.qat_try),
    ):
        points += zip(bits, [rounding] * len(bits), values, at, strict=True)
    rows += [_point(lane, *point, tries) for point in points]
    whole = rows[len(tries.known)]
    last = {name: whole[name] for name in ("loss", "finite", "total_bits", "bound")}
    return [*rows, lane.row("run", num_probes=len(tries.known), **last)]


def _point(
    lane: ZipfLane, bits: int, rounding: str, loss: Any, at: Any, tries: training.Try
) -> Row:
    """Returns the row of a loss, beside the loss that theory allows for its bits."""
    total, probs = lane.total_bits(bits), lane.probs
    return lane.row(
        "point",
        f"{rounding}-{bits}",
        bits=bits,
        rounding=rounding,
        loss=number(loss, 7),
        finite=bool(np.isfinite(loss)),
        total_bits=total,
        bound=float(bounds.cross_entropy(probs, lane.outputs, total)),
        least_bits=number(bounds.fewest_bits(float(loss), probs, lane.outputs), 7),
        **_values(tries, int(at)),
    )


def _values(tries: training.Try, index: int) -> Row:
    return {
        "learning_rate": float(f"{float(tries.learning_rate[index]):.6g}"),
        "known": int(tries.known[index]),
        "power": float(tries.power[index]),
    }
