"""What is written about a training run: a row a check, pictures, and how it ended."""

import math
from typing import Any, NamedTuple

import numpy as np

from recall.experiments.learning_stages.lanes import StageLane
from recall.models import linear_attention
from recall.models import stages as dynamics
from recall.store import numbers
from recall.sweeps.batch import Row
from recall.theory import clock

HEARD = ("to_subject", "to_relation", "to_noise", "to_end")


class Look(NamedTuple):
    """What checks found, `[lanes, checks]` each.

    Attributes:
        steps: taken.
        measures: losses and the like.
        attention: `[lanes, checks, 4]` to subject, relation, noise, end.
    """

    steps: Any
    measures: dynamics.Measures
    attention: Any


class Book:
    """What is known of one lane, until it has ended."""

    def __init__(self, lane: StageLane, entropy: float) -> None:
        """Starts empty; `entropy` is H(a | r)."""
        self.lane, self.entropy = lane, entropy
        self.checks: list[dict[str, float]] = []
        self.ended = False

    def note(self, look: Look, index: int) -> list[Row]:
        """Rows of new checks, and of the end if there was one."""
        rows = []
        for check in _checks(look, index):
            if self.ended:
                break
            self.checks.append(check)
            finite = math.isfinite(check["loss"])
            rows.append(self._row(check, finite))
            learned = self.lane.until_learned and check["loss"] < self.entropy / 4
            self.ended = not finite or learned or check["steps"] >= self.lane.num_steps
            if self.ended:
                rows.append(self.end())
        return rows

    def end(self) -> Row:
        """The row of the whole run: stage times in steps, None for what never was."""
        trace = {name: [c[name] for c in self.checks] for name in self.checks[0]}
        entropies = self.entropy, math.log(self.lane.relations)
        steps, loss, relation_loss = (
            np.array(trace[name]) for name in ("steps", "loss", "relation_loss")
        )
        found = clock.stages(steps, loss, relation_loss, *entropies)
        stages = {
            f"{name}_step": numbers.known(t) for name, t in found._asdict().items()
        }
        last = self.checks[-1]
        told = {name: numbers.known(last[name]) for name in last}
        return self.lane.row(
            "run",
            **told,
            **stages,
            **self.lane.predicted(),
            distance_least=numbers.known(min(trace["distance"], key=_or_last)),
            entropy=self.entropy,
            finite=math.isfinite(last["loss"]),
        )

    def picture(self, params: Any, index: int) -> list[Row]:
        """A row with scores and values of all tokens, of one-hot embeddings."""
        one_hot = isinstance(params, linear_attention.Params) and not self.lane.d
        step = int(self.checks[-1]["steps"])
        if not one_hot or self.lane.num_steps < step:
            return []
        w, V = (np.asarray(x[index], float).round(3).tolist() for x in params)
        return [self.lane.row("picture", step, steps=step, scores=w, values=V)]

    def _row(self, check: dict[str, float], finite: bool) -> Row:
        told = {name: numbers.known(value) for name, value in check.items()}
        return self.lane.row(
            "trace", int(check["steps"]), **told, entropy=self.entropy, finite=finite
        )


def _checks(look: Look, index: int) -> list[dict[str, float]]:
    """The checks of one lane, as mappings."""
    columns = {"steps": look.steps[index]}
    columns |= {n: x[index] for n, x in look.measures._asdict().items()}
    columns |= dict(zip(HEARD, np.asarray(look.attention[index]).T, strict=True))
    lists = {name: np.asarray(x, float).tolist() for name, x in columns.items()}
    return [
        dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)
    ]


def _or_last(value: float) -> float:
    """Orders numbers that are none after all others."""
    return value if math.isfinite(value) else math.inf
