"""What rows of runs add up to: stage times of each setting, medians over seeds."""

import collections
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from recall.store.row import Row

SETTING = (
    *("subjects", "relations", "answers", "noise", "length", "structured", "model"),
    *("attention", "embedding", "init", "init_scale", "optimizer", "learning_rate"),
)


class Spread(NamedTuple):
    """Median, least and most over seeds; nan where it never happened."""

    median: float
    low: float
    high: float


class Setting(NamedTuple):
    """One setting over seeds; times are in steps.

    Attributes:
        row: a row with its settings.
        seeds: how many runs there are.
        diverged: how many of them were not finite at their end.
        relation: when relations were learned.
        facts: when facts were.
        share: part of the time up to the facts that the loss was within .1 of
            H(a | r); zero where facts were learned without.
        distance: least distance to p(a | r) during a run.
        predicted_relation: by theory, or nan.
        predicted_facts: by theory, or nan.
        predicted_share: by theory, or nan.
        reduced_relation: by training of a few numbers, or nan.
        reduced_facts: likewise.
    """

    row: Row
    seeds: int
    diverged: int
    relation: Spread
    facts: Spread
    share: Spread
    distance: Spread
    predicted_relation: float
    predicted_facts: float
    predicted_share: float
    reduced_relation: float
    reduced_facts: float

    @property
    def expected(self) -> tuple[float, float]:
        """Times of relation and facts by theory: by reduced training where it was."""
        flow = self.predicted_relation, self.predicted_facts
        steps = self.reduced_relation, self.reduced_facts
        return steps if np.isfinite(steps).all() else flow


def settings(rows: Iterable[Row]) -> list[Setting]:
    """Groups ends of runs by all but their seed, in order of first appearance.

    Raises:
        ValueError: if there are none.
    """
    groups: dict[tuple, list[Row]] = collections.defaultdict(list)
    for row in rows:
        if row["kind"] == "run":
            groups[tuple(row[name] for name in SETTING)].append(row)
    if not groups:
        raise ValueError("Expected rows of runs whose stages were watched; got none.")
    return [_setting(own) for own in groups.values()]


def deviations(found: Iterable[Setting]) -> np.ndarray:
    """Measured over predicted times less one, `[settings, 2]`: relation, facts."""
    ratios = [
        np.array([s.relation.median, s.facts.median]) / s.expected - 1 for s in found
    ]
    return np.array(ratios).reshape(-1, 2)


def number(value: float | None) -> float:
    """A cell as a number: nan for none."""
    return np.nan if value is None else float(value)


def _setting(own: list[Row]) -> Setting:
    return Setting(
        row=own[0],
        seeds=len(own),
        diverged=sum(not row["finite"] for row in own),
        relation=_spread(number(row["relation_step"]) for row in own),
        facts=_spread(number(row["facts_step"]) for row in own),
        share=_spread(map(_share, own)),
        distance=_spread(number(row["distance_least"]) for row in own),
        predicted_relation=number(own[0]["predicted_relation"]),
        predicted_facts=number(own[0]["predicted_facts"]),
        predicted_share=_predicted_share(own[0]),
        reduced_relation=number(own[0]["reduced_relation"]),
        reduced_facts=number(own[0]["reduced_facts"]),
    )


def _share(row: Row) -> float:
    """Part of the time to the facts, or of the whole run, spent near H(a | r)."""
    if row["plateau_start_step"] is None:
        return 0.0
    whole = row["steps"] if row["facts_step"] is None else row["facts_step"]
    return (row["plateau_end_step"] - row["plateau_start_step"]) / whole


def _predicted_share(row: Row) -> float:
    """The same, by theory: nan without a prediction, zero without a plateau."""
    facts = number(row["predicted_facts"])
    length = number(row["predicted_end"]) - number(row["predicted_start"])
    return length / facts if np.isfinite(length) else 0.0 * facts


def _spread(values: Iterable[float]) -> Spread:
    """Runs in which it never happened come last: a median of them is nan."""
    ordered = np.sort(np.array(list(values), float))
    middle = np.median(np.where(np.isnan(ordered), np.inf, ordered))
    known = ordered[np.isfinite(ordered)]
    if not known.size or not np.isfinite(middle):
        return Spread(np.nan, np.nan, np.nan)
    return Spread(float(middle), float(known[0]), float(known[-1]))
