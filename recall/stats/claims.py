"""Claims, and the verdicts that follow from their checks."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from recall.stats import fits
from recall.stats import points as rows_lib
from recall.store.row import Row

Tables = Mapping[str, Sequence[Row]]

HOLDS = "holds"
CONDITIONS = "holds with conditions"
REFUTED = "refuted"
OPEN = "open"


class Check(NamedTuple):
    """A number computed from rows, and the interval that a statement allows.

    Attributes:
        what: the number, in words.
        value: the number.
        least: the smallest that agrees with the statement.
        most: the largest.
        low: lower end of an interval of the value; nan where there is none.
        high: upper end.
        limits: a miss limits the statement instead of refuting it.
    """

    what: str
    value: float
    least: float = -math.inf
    most: float = math.inf
    low: float = math.nan
    high: float = math.nan
    limits: bool = False

    @property
    def passed(self) -> bool:
        """Tells whether the value is in the allowed interval; nan never is."""
        return self.least <= self.value <= self.most


class Claim(NamedTuple):
    """A statement that rows can decide.

    Attributes:
        name: its identifier, for instance "S1".
        statement: what is claimed.
        published: the value that was published, or who says so.
        tables: experiments whose rows decide it.
        config: what to run for more rows, for instance "linear_capacity.py:cpu".
        check: `tables -> checks`, the rule.
    """

    name: str
    statement: str
    published: str
    tables: tuple[str, ...]
    config: str
    check: Callable[[Tables], Iterable[Check]]


class Judgement(NamedTuple):
    """A verdict, the checks that led to it, and the tables that were missing."""

    verdict: str
    checks: tuple[Check, ...]
    missing: tuple[str, ...] = ()


def judge(claim: Claim, tables: Tables) -> Judgement:
    """Judges a claim: open without rows; refuted by a miss that does not limit it."""
    missing = tuple(name for name in claim.tables if not tables.get(name))
    if missing:
        return Judgement(OPEN, (), missing)
    checks = tuple(claim.check(tables))
    return Judgement(verdict(checks), checks)


def verdict(checks: Sequence[Check]) -> str:
    """Returns the verdict that follows from all checks of a claim."""
    missed = [check for check in checks if not check.passed]
    if not checks:
        return OPEN
    if any(not check.limits for check in missed):
        return REFUTED
    return CONDITIONS if missed else HOLDS


def family(
    rows: Iterable[Row], memory: str, threshold: float, **fields: Any
) -> list[rows_lib.Point]:
    """Selects the points of a memory at a threshold that agree with the fields."""
    wanted = {"memory": memory, "threshold": threshold} | fields
    return [
        point
        for point in rows_lib.capacities(rows)
        if all(getattr(point, name) == value for name, value in wanted.items())
        and rows_lib.usable(point)
    ]


def exponent(what: str, points: Sequence[rows_lib.Point], **allowed: Any) -> Check:
    """Checks the slope of ln(N ln N), or of ln N at fixed outputs, against ln x.

    The interval is a 95 % bootstrap over the seeds within each point.
    """
    logarithmic = points[0].num_outputs is None
    x = np.array([point.x for point in points], float)
    fit = fits.bootstrap(
        [point.values for point in points],
        lambda n: fits.slope(x, n * np.log(n) if logarithmic else n),
        num_resamples=1000,
    )
    return Check(what, fit.value, low=fit.low, high=fit.high, **allowed)


def constant(what: str, points: Sequence[rows_lib.Point], **allowed: Any) -> Check:
    """Checks the constant C of x = C N ln N, or of x = C N, fitted to a family."""
    fit = rows_lib.fit_law(points)
    ends = {"low": fit.constant_low, "high": fit.constant_high}
    return Check(what, fit.constant, **ends, **allowed)


def spread(what: str, values: Iterable[float], **allowed: Any) -> Check:
    """Checks the median of some values, with their range as its interval."""
    array = np.array(list(values), float)
    ends = {"low": float(array.min()), "high": float(array.max())}
    return Check(what, float(np.median(array)), **ends, **allowed)


def rank_correlation(
    what: str, x: Sequence[float], y: Sequence[float], **allowed: Any
) -> Check:
    """Checks Spearman's correlation of two lists of numbers."""
    return Check(what, fits.rank_correlation(x, y), **allowed)
