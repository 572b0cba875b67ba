"""Stage times of each setting in the rows of runs: medians over seeds."""

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
    return [_setting(group) for group in groups.values()]


def deviations(settings: Iterable[Setting]) -> np.ndarray:
    """Returns measured over predicted times less one, `[settings, 2]`."""
    ratios = [
        np.array([s.relation.median, s.facts.median]) / s.expected - 1 for s in settings
    ]
    return np.array(ratios).reshape(-1, 2)  # the shape of none, too


def number(value: float | None) -> float:
    """Returns a cell as a number; nan for an empty one."""
    return np.nan if value is None else float(value)


def _setting(group: list[Row]) -> Setting:
    first = group[0]
    theory = ("predicted_relation", "predicted_facts")
    theory += ("reduced_relation", "reduced_facts")
    return Setting(
        row=first,
        seeds=len(group),
        diverged=sum(not row["finite"] for row in group),
        relation=_spread(number(row["relation_step"]) for row in group),
        facts=_spread(number(row["facts_step"]) for row in group),
        share=_spread(map(_plateau, group)),
        distance=_spread(number(row["distance_least"]) for row in group),
        predicted_share=_predicted_plateau(first),
        **{name: number(first[name]) for name in theory},
    )


def _plateau(row: Row) -> float:
    """Returns the fraction of the time to the facts, or of the run, near H(a | r)."""
    if row["plateau_start_step"] is None:
        return 0.0
    whole = row["steps"] if row["facts_step"] is None else row["facts_step"]
    return (row["plateau_end_step"] - row["plateau_start_step"]) / whole


def _predicted_plateau(row: Row) -> float:
    """Returns the fraction by theory: nan without one, zero without a plateau."""
    facts = number(row["predicted_facts"])
    length = number(row["predicted_end"]) - number(row["predicted_start"])
    return length / facts if np.isfinite(length) else 0.0 * facts


def _spread(values: Iterable[float]) -> Spread:
    ordered = np.sort(np.array(list(values), float))
    # Runs in which it never happened come last; dropped, they would flatter the rest.
    middle = np.median(np.where(np.isnan(ordered), np.inf, ordered))
    finite = ordered[np.isfinite(ordered)]
    if not finite.size or not np.isfinite(middle):
        return Spread(np.nan, np.nan, np.nan)
    return Spread(float(middle), float(finite[0]), float(finite[-1]))
