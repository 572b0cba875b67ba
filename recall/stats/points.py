"""Capacities over seeds: medians with intervals, and fitted laws.

A row is a flat mapping, a line of a journal or of a table. Only rows of
`kind == "capacity"` count here: one search of one seed, whose `capacity` is the largest
number of facts probed and stored. It is a lower bound where the search stored its
ceiling (`censored`) or failed only by diverging (`finite` is false).
"""

import fractions
import functools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from recall.stats import fits
from recall.store.row import Row
from recall.theory import features, laws

QUALIFIERS = (
    *("world", "num_outputs", "activation", "degree", "recipe", "embedding"),
    "method",
)

_MEMORIES = {
    "outer_product": "outer product",
    "low_rank": "low rank",
    "random_low_rank": "random",
    "pseudo_inverse": "least squares",
    "mlp": "MLP",
    "hermite": "Hermite MLP",
    "gated_hermite": "Hermite, gated",
    "sign_gates": "sign gates",
    "bilinear": "bilinear features",
    "relu_features": "ReLU features",
    "hebbian": "bilinear features, raw",
    "data_dependent": "fitted features",
}
_PHRASES = {"num_outputs": "{} outputs", "degree": "k = {}"}
_FRACTIONS = (1.0, 0.5, 0.25, 0.75, 0.125, 0.0625, 0.03125)
_LEVEL = 0.95


class Point(NamedTuple):
    """The capacity of one memory at one size, over seeds.

    Attributes:
        experiment: name of the experiment.
        memory: a name of `kinds.KINDS`, or "transformer".
        trained: gradient descent made the weights.
        d: embedding dimension.
        m: hidden width, or None.
        rank: rank of W, or None for full rank.
        heads: of a transformer, or None.
        head_dim: of each head, or None.
        world: the shape of a transformer's facts, for instance "S=R", or None.
        num_outputs: number of outputs M, or None for as many as facts; of a
            transformer the answers D of one relation.
        activation: of an MLP, or None.
        degree: of a Hermite memory, or None.
        embedding: the point set of the embeddings.
        recipe: of training, or None.
        method: of the search for the capacity.
        threshold: fraction of the facts that counts as storing them.
        x: weights of one matrix, d^2, rank x d or md; of a transformer all weights.
        parameters: all weights.
        median: median over seeds, in facts.
        low: lower end of the interval of the median; nan with one seed.
        high: upper end; inf where a seed known only from below may decide it.
        coverage: chance that such an interval covers the median; nan with one seed.
        exact: `median` is known, not only bounded from below.
        values: capacity of each seed, by seed.
        num_censored: seeds whose search stored its ceiling.
        num_nonfinite: seeds whose failed probes all diverged.
    """

    experiment: str
    memory: str
    trained: bool
    d: int
    m: int | None
    rank: int | None
    heads: int | None
    head_dim: int | None
    world: str | None
    num_outputs: int | None
    activation: str | None
    degree: int | None
    embedding: str
    recipe: str | None
    method: str
    threshold: float
    x: int
    parameters: int
    median: float
    low: float
    high: float
    coverage: float
    exact: bool
    values: tuple[int, ...]
    num_censored: int
    num_nonfinite: int

    @property
    def num_seeds(self) -> int:
        """The number of searches behind the point."""
        return len(self.values)

    @property
    def fraction(self) -> float | None:
        """The rank as a fraction of d, before it was rounded; None for full rank."""
        if self.rank is None:
            return None
        for fraction in _FRACTIONS:
            if self.rank in (int(fraction * self.d), round(fraction * self.d)):
                return fraction
        return self.rank / self.d


GROUP = Point._fields[: Point._fields.index("x")]


class Fit(NamedTuple):
    """A capacity law fitted to points.

    Attributes:
        constant: C in x = C N ln N, or in x = C N where the outputs are fixed.
        constant_low: lower end of its 95 % interval; nan if a point has one seed.
        constant_high: upper end.
        slope: of ln N against ln x; nan with one x.
        slope_low: lower end of its 95 % interval; nan if a point has one seed.
        slope_high: upper end.
        logarithmic: the law has the factor ln N.
        num_points: points used.
        num_excluded: points left out: censored, diverged, or fewer than 2 facts.
    """

    constant: float
    constant_low: float
    constant_high: float
    slope: float
    slope_low: float
    slope_high: float
    logarithmic: bool
    num_points: int
    num_excluded: int


class Prediction(NamedTuple):
    """Facts of a point by theory (nan without one), and the status of the law."""

    facts: float
    status: str


def capacities(rows: Iterable[Row]) -> list[Point]:
    """Gathers the capacity rows of each memory and size over seeds, in sorted order.

    The first of rows with one key counts, and the best of searches that differ in
    their learning rates alone.

    Raises:
        ValueError: if other two have one group and seed: they are no two samples.
    """
    groups: dict[tuple, dict[tuple, Row]] = {}
    for row in _unique(row for row in rows if row["kind"] == "capacity"):
        group = tuple(row.get(name) for name in GROUP)
        searches = groups.setdefault(group, {})
        search = row["seed"], row.get("tried")
        if search in searches:
            names = searches[search].get("search"), row.get("search")
            raise ValueError(
                f"Expected one search for each group and seed; got searches={names} "
                f"of seed={row['seed']} in {dict(zip(GROUP, group, strict=True))}."
            )
        searches[search] = row
    return [
        _point(group, _best(searches.values()))
        for group, searches in sorted(groups.items(), key=lambda g: _order(g[0]))
    ]


def _best(searches: Iterable[Row]) -> list[Row]:
    """Returns the best search of each seed."""
    seeds: dict[int, Row] = {}
    for row in searches:
        other = seeds.setdefault(row["seed"], row)
        seeds[row["seed"]] = max(other, row, key=lambda search: search["capacity"])
    return [seeds[seed] for seed in sorted(seeds)]


def weights_of(rows: Iterable[Row], method: str, cell: tuple[int, int]) -> np.ndarray:
    """Returns the fewest weights that store (d, facts) = cell, for each seed."""
    ends = [r for r in rows if r["method"] == method and (r["d"], r["facts"]) == cell]
    return np.array([r["weights"] for r in ends if r["weights"] is not None], float)


def fit_law(points: Sequence[Point], *, num_resamples: int = 2000) -> Fit:
    """Fits C and the log-log slope to the medians of one family of points.

    ln C is the mean over points of ln(x / (N ln N)). Intervals are 95 % percentile
    bootstraps that resample the seeds within each point, with a fixed generator. They
    show the scatter of seeds; the slope says whether the law bends.
    """
    logarithmic = _logarithmic(points)
    used = [point for point in points if usable(point)]
    x = np.array([point.x for point in used], float)
    law = fits.bootstrap(
        [point.values for point in used],
        lambda medians: _law(medians, x, logarithmic),
        num_resamples,
    )
    return Fit(
        constant=law.value[0],
        constant_low=law.low[0],
        constant_high=law.high[0],
        slope=law.value[1],
        slope_low=law.low[1],
        slope_high=law.high[1],
        logarithmic=logarithmic,
        num_points=len(used),
        num_excluded=len(points) - len(used),
    )


def families(points: Iterable[Point]) -> list[list[Point]]:
    """Splits points into those that one law should describe: all but d and m agree."""
    groups: dict[tuple, list[Point]] = {}
    for point in points:
        sizes = dict.fromkeys(("m", "rank", "heads", "head_dim"))
        # A rank follows d as a fraction of it, so that one is part of the family.
        group = point._replace(d=0, **sizes)[: len(GROUP)]
        groups.setdefault((*group, point.fraction), []).append(point)
    return list(groups.values())


def usable(point: Point) -> bool:
    """Tells whether a law may be fitted: no seed is a bound or stored under 2 facts."""
    bounds = point.num_censored + point.num_nonfinite
    return bounds == 0 and min(point.values) > 1


@functools.lru_cache(maxsize=4096)  # tables and figures ask again, for milliseconds
def predicted(point: Point) -> Prediction:
    """Returns the facts of theory or a published guide, for random embeddings."""
    fraction = point.fraction or 1.0
    if point.trained:
        law = laws.trained_law(
            point.memory, point.num_outputs, point.threshold, fraction
        )
        if law is not None:
            return Prediction(float(laws.law_facts(law, point.x)), law.status)
    elif point.memory in ("outer_product", "low_rank") and point.num_outputs is None:
        energy = laws.low_rank_energy(fraction)
        facts = laws.outer_product_facts(point.d, point.threshold, energy)
        return Prediction(float(facts), "derived")
    elif point.memory == "random_low_rank" and point.num_outputs is None:
        size = 2 * (point.rank or point.d), point.d
        facts = features.hermite_facts(*size, 0, point.threshold)
        return Prediction(float(facts), "derived")
    elif point.m is not None:
        return _predicted_mlp(point, point.m)
    return Prediction(math.nan, "none")


def _predicted_mlp(point: Point, m: int) -> Prediction:
    """Returns the facts that theory gives a constructed MLP memory."""
    size = m, point.d
    if point.memory == "sign_gates" and point.num_outputs is None:
        facts = features.sign_gate_facts(*size, point.threshold)
    elif point.memory in ("bilinear", "relu_features"):
        facts = features.feature_facts(*size, point.threshold)
    elif point.activation == f"hermite{(point.degree or 0) + 1}":
        facts = features.hermite_facts(*size, point.degree or 0, point.threshold)
    else:
        return Prediction(math.nan, "none")
    return Prediction(float(facts), "derived")


def label(
    point: Point, among: Iterable[Point], qualifiers: Sequence[str] = QUALIFIERS
) -> str:
    """Names the memory of a point, with those qualifiers in which its peers differ."""
    like = (point.memory, point.trained)
    peers = [peer for peer in among if (peer.memory, peer.trained) == like]
    memory = _MEMORIES.get(point.memory, point.memory)
    if point.rank is not None:
        random = point.memory == "random_low_rank"
        memory = f"{memory} {_rank(point)}" if random else _rank(point)
    words = [f"trained {memory}" if point.trained else memory]
    for field in qualifiers:
        value = getattr(point, field)
        if value is not None and any(getattr(peer, field) != value for peer in peers):
            words.append(_PHRASES.get(field, "{}").format(value))
    return ", ".join(words)


def _rank(point: Point) -> str:
    part = fractions.Fraction(point.fraction or 1.0).limit_denominator(1024)
    times = "" if part.numerator == 1 else f"{part.numerator}"
    return f"rank {times}d" + (f"/{part.denominator}" if part < 1 else "")


def _unique(rows: Iterable[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["key"], row)
    return list(first.values())


def _order(group: tuple) -> list[tuple]:
    """Sort key: None before values."""
    return [(value is not None, value) for value in group]


def _point(group: tuple, searches: Sequence[Row]) -> Point:
    fields = dict(zip(GROUP, group, strict=True))
    fields["threshold"] = float(fields["threshold"])
    values = [int(row["capacity"]) for row in searches]
    bounds = [row["censored"] or not row["finite"] for row in searches]
    # A seed that is a bound may have any value above: the upper end then is infinite.
    lower = np.sort(np.array(values, float))
    upper = np.sort(np.where(bounds, np.inf, values))
    tail = _tail(len(values))
    single = len(values) == 1
    d, m, rank = (fields[name] for name in ("d", "m", "rank"))
    parameters = int(searches[0]["parameters"])
    one_matrix = d * (m if m is not None else rank or d)
    return Point(
        **fields,
        # Laws of memories are in weights of one matrix, as the paper draws them.
        x=parameters if fields["memory"] == "transformer" else one_matrix,
        parameters=parameters,
        median=float(np.median(lower)),
        low=math.nan if single else float(lower[tail]),
        high=math.nan if single else float(upper[-1 - tail]),
        coverage=math.nan if single else 1 - 2 * _chance(tail, len(values)),
        exact=bool(np.median(lower) == np.median(upper)),
        values=tuple(values),
        num_censored=sum(bool(row["censored"]) for row in searches),
        num_nonfinite=sum(not row["finite"] for row in searches),
    )


def _chance(k: int, n: int) -> float:
    """Computes P(Bin(n, 1/2) <= k)."""
    return sum(math.comb(n, i) for i in range(k + 1)) / 2**n


def _tail(n: int) -> int:
    """Counts the order statistics to drop at each end for an interval of the median.

    The narrowest [x_(k), x_(n+1-k)] that covers the median with 95 %, whatever the
    distribution; with fewer than 6 seeds the whole range, which covers it with
    1 - 2^(1 - n): 94 % for 5.
    """
    tails = [k for k in range(n // 2) if 1 - 2 * _chance(k, n) >= _LEVEL]
    return max(tails, default=0)


def _logarithmic(points: Sequence[Point]) -> bool:
    fixed = {point.num_outputs for point in points}
    if len(fixed) > 1:
        raise ValueError(f"Expected one num_outputs; got num_outputs={fixed}.")
    return fixed <= {None}


def _law(facts: np.ndarray, x: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Fits constant and slope, `[2, ...]`, to facts `[..., points]`."""
    if not x.size:
        return np.full((2, *facts.shape[:-1]), np.nan)
    constants = laws.law_constant(x, facts, logarithmic)
    return np.stack([np.exp(np.log(constants).mean(axis=-1)), fits.slope(x, facts)])
