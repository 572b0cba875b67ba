"""Rows of a training run: one for each check, pictures of weights, and its end."""

import math
from typing import Any, NamedTuple

import numpy as np

from recall.experiments.learning_stages.lanes import StageLane
from recall.models import linear_attention
from recall.models import stages as dynamics
from recall.store.row import number
from recall.sweeps.batch import Row
from recall.theory import clock

ATTENTION = ("to_subject", "to_relation", "to_noise", "to_end")


class Checks(NamedTuple):
    """Measurements of several checks of several lanes, `[lanes, checks]` each.

    Attributes:
        steps: taken.
        measures: losses and the like.
        attention: `[lanes, checks, 4]` to subject, relation, noise, end.
    """

    steps: Any
    measures: dynamics.Measures
    attention: Any

    def of_lane(self, index: int) -> list[dict[str, float]]:
        """Returns the checks of one lane, a mapping from columns each."""
        columns = {"steps": self.steps[index]}
        columns |= {n: x[index] for n, x in self.measures._asdict().items()}
        attention = np.asarray(self.attention[index]).T
        columns |= dict(zip(ATTENTION, attention, strict=True))
        lists = [np.asarray(x, float).tolist() for x in columns.values()]
        return [
            dict(zip(columns, values, strict=True))
            for values in zip(*lists, strict=True)
        ]


class Book:
    """The checks of one lane so far, which become rows until the lane has ended."""

    def __init__(self, lane: StageLane, entropy: float) -> None:
        """Starts empty; `entropy` is H(a | r)."""
        self.lane, self.entropy = lane, entropy
        self.checks: list[dict[str, float]] = []
        self.ended = False

    def note(self, checks: Checks, index: int) -> list[Row]:
        """Returns rows of new checks, and of the end if there was one."""
        rows = []
        for check in checks.of_lane(index):
            if self.ended:  # the program goes on to the end of its chunk
                break
            self.checks.append(check)
            finite = math.isfinite(check["loss"])
            columns = {name: number(value) for name, value in check.items()}
            columns |= {"entropy": self.entropy, "finite": finite}
            rows.append(self.lane.row("trace", int(check["steps"]), **columns))
            # Facts are known at half of H(a | r): half of that lies safely beyond.
            learned = self.lane.until_learned and check["loss"] < self.entropy / 4
            self.ended = not finite or learned or check["steps"] >= self.lane.num_steps
            if self.ended:
                rows.append(self.end())
        return rows

    def end(self) -> Row:
        """Returns the row of the whole run; stage times in steps, None for never."""
        trace = {
            name: np.array([c[name] for c in self.checks]) for name in self.checks[0]
        }
        times = clock.stages(
            trace["steps"], trace["loss"], trace["relation_loss"],
            self.entropy, math.log(self.lane.relations),
        )  # fmt: skip
        last, distance = self.checks[-1], trace["distance"]
        return self.lane.row(
            "run",
            **{name: number(value) for name, value in last.items()},
            **{f"{name}_step": number(time) for name, time in times._asdict().items()},
            **self.lane.predicted(),
            # Comparisons with nan are false: as infinity it is never the least.
            distance_least=number(
                np.where(np.isfinite(distance), distance, np.inf).min()
            ),
            entropy=self.entropy,
            finite=math.isfinite(last["loss"]),
        )

    def picture(self, params: Any, index: int) -> list[Row]:
        """Returns a row with the scores and values of all tokens, if one-hot."""
        one_hot = isinstance(params, linear_attention.Params) and not self.lane.d
        step = int(self.checks[-1]["steps"])
        if not one_hot or self.lane.num_steps < step:
            return []
        # Rows are text: three digits suffice to draw, float64 would print 17.
        w, V = (np.asarray(x[index], float).round(3).tolist() for x in params)
        return [self.lane.row("picture", step, steps=step, scores=w, values=V)]
