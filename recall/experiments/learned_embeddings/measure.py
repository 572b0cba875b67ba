"""Jobs of memories with learned embeddings: the smallest width that stores all."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from typing_extensions import override

from recall import training
from recall.experiments.learned_embeddings import memories, parts
from recall.experiments.learned_embeddings.lanes import WidthLane
from recall.sweeps import bracket
from recall.sweeps.batch import About, Row, Rows

_SECONDS = 2.5e-9  # of a score in a step, there and back
_DIMENSION = 1.5e-10  # of a score, for each dimension


@dataclasses.dataclass(frozen=True, kw_only=True)
class WidthBatch(Rows):
    """The seeds of one memory, mode and number of facts, side by side."""

    lanes: tuple[WidthLane, ...]

    @override
    def about(self) -> About:
        first = self.lanes[0]
        scores = first.facts * first.outputs * (_SECONDS + _DIMENSION * first.most)
        weights = _DIMENSION * first.facts * first.weights(first.most)
        step = 2e-5 + scores + weights
        numbers = first.weights(first.most) + 2 * first.facts * first.most
        return About(
            title=f"smallest d, {first.memory}, learned: {first.mode}",
            shape=f"n={first.facts} M={first.outputs} d<={first.most}",
            parameters=[lane.numbers(lane.expected) for lane in self.lanes],
            # Two widths that fail and three that store in half the budget.
            core_seconds=3.5 * len(self.lanes) * first.num_steps * step,
            # Scores of a step, four times over, and all parts with their moments.
            memory_bytes=16 * len(self.lanes) * (first.facts * first.outputs + numbers),
            compile_seconds=2.0,
        )

    @override
    def measure(self, lanes: Sequence[WidthLane]) -> Iterator[list[Row]]:
        stored: list[dict[int, bool]] = [{} for _ in lanes]
        while any(
            width := [next_width(*pair) for pair in zip(lanes, stored, strict=True)]
        ):
            fits = attempt(lanes, width)
            rows = []
            for i, (lane, d) in enumerate(zip(lanes, width, strict=True)):
                if d is not None:
                    rows.append(_probe(lane, d, len(stored[i]), parts.at(fits, i)))
                    stored[i][d] = rows[-1]["stored"]
            yield rows
        for lane, answers in zip(lanes, stored, strict=True):
            yield [_end(lane, bracket.of(answers).high, len(answers))]


def attempt(lanes: Sequence[WidthLane], widths: Sequence[int | None]) -> training.Fit:
    """Trains each lane at its width, stacked; lanes without one are idle."""
    first, pairs = lanes[0], zip(lanes, widths, strict=True)
    problems = [lane.problem(jnp.int32(d or 2), first.most) for lane, d in pairs]
    budgets = [first.num_steps if d else 0 for d in widths]
    run = memories.program(first.recipe())
    return jax.device_get(run(parts.stack(problems), jnp.asarray(budgets, jnp.int32)))


def next_width(lane: WidthLane, stored: Mapping[int, bool]) -> int | None:
    """Returns the width to try next, or None once the smallest that stores is known."""
    known, widths = bracket.of(stored), range(1, lane.most + 1)
    return bracket.next_size(known, widths, lane.expected, bracket.WIDTHS)


def _probe(lane: WidthLane, d: int, probe: int, fit: training.Fit) -> Row:
    correct = int(fit.correct)
    columns = {"probe": probe, "d": d, "stored": correct == lane.facts}
    columns |= {"accuracy": correct / lane.facts, "steps": int(fit.steps)}
    return lane.row("probe", probe, **columns, finite=bool(fit.finite))


def _end(lane: WidthLane, d: int | None, probes: int) -> Row:
    columns: dict[str, Any] = {"d": d, "weights": None, "parameters": None}
    if d is not None:
        columns |= {"weights": lane.weights(d), "parameters": lane.numbers(d)}
    columns |= {"censored": d is None, "finite": True, "num_probes": probes}
    return lane.row("run", measure="width", **columns)


def expected_width(memory: str, mode: str, facts: int, num_outputs: int | None) -> int:
    """Estimates the width at which a search opens, by d^2 = 1.1 N ln N and the like."""
    if mode in ("inputs", "both") or (mode == "outputs" and num_outputs is None):
        return 4
    classes = num_outputs or facts
    room = facts * (math.log(facts) if num_outputs is None else 3.5)
    if memory == "mlp":
        return max(4, math.ceil(math.sqrt(room / 6)))
    width = math.sqrt(1.1 * room)
    return max(4, math.ceil(width if width < classes else 3.5 * facts / classes))
