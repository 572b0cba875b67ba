"""The search for the largest fact set that a memory stores, one lane at its own pace.

A lane carries its fit and its bracket. `advance` trains one check; when a probe ends it
is logged, the bracket narrows and the next probe starts in place, so that one
compilation serves a whole search and no lane waits for another. The capacity is the
lower end of the bracket: probed and stored, while its upper end was probed and failed.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int

from recall import training

METHODS = ("bisect", "grow", "grow+bisect", "single")
ENDINGS = ("stored", "budget", "certificate", "patience", "nonfinite")
MAX_LOG = 128  # probes that a lane keeps until they are read

Problem = Any  # with fields initial, learning_rates, threshold, and n_max
TrainChunk = Callable[
    [Problem, training.Fit, Int[Array, ""], Float[Array, ""]], training.Fit
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Strategy:
    """Static settings of a search: how its bracket is opened and closed.

    Attributes:
        method: "bisect" probes fresh starts only; "grow" adds facts to a warm network
            as soon as it stores those it has, and stops when it cannot; "grow+bisect"
            tries every learning rate afresh where growth stops, and grows on from
            there if one of them stores; "single" probes the expected size only, afresh
            at every learning rate until one stores it.
        resolution: brackets close at upper - lower <= max(1, resolution * lower).
        widen: factor by which an open bracket moves while it has only one end.
        opening: the size probed first, as a fraction of what is expected.
        headroom: facts to make room for, likewise; who fills it goes on in twice that.
    """

    # Four MLP sizes, 5 seeds (`benchmarks.methods`): bisection 36.6 s, growth 16.9 s
    # with a median bias of -1.6 %, "grow+bisect" 29.3 s with none. Growth costs GELU
    # and SiLU more than ReLU.
    method: str = "grow"
    resolution: float = 0.01
    widen: float = 1.25
    opening: float = 0.7
    headroom: float = 1.35

    def __post_init__(self) -> None:
        """Raises a ValueError where a search would not end."""
        if self.method not in METHODS:
            raise ValueError(f"Expected method in {METHODS}; got {self.method!r}.")
        if not 0 <= self.resolution < 1 < self.widen:
            raise ValueError(
                f"Expected 0 <= search.resolution < 1 < widen; got "
                f"resolution={self.resolution}, widen={self.widen}."
            )
        if not 0 < self.opening <= self.headroom:
            raise ValueError(
                f"Expected 0 < opening <= headroom; got opening={self.opening}, "
                f"headroom={self.headroom}."
            )


class Bracket(NamedTuple):
    """An interval around a capacity: `lower` was stored, `upper` was not.

    They are 0 while nothing was stored, n_max + 1 while nothing failed.
    """

    lower: Int[Array, "*lanes"]
    upper: Int[Array, "*lanes"]


class Log(NamedTuple):
    """Finished probes, a ring of MAX_LOG; probe i of a lane is in slot i % MAX_LOG.

    `n`, `attempt` and `rate` are those of `Lane`; `correct`, `most`, `asked`, `loss`,
    `steps` and `residual` those of `training.Fit` at the end of the probe; `ended` is
    an index into ENDINGS, and `weight_norm` the norm of all weights.
    """

    n: Int[Array, "*lanes P"]
    correct: Int[Array, "*lanes P"]
    most: Int[Array, "*lanes P"]
    asked: Int[Array, "*lanes P"]
    loss: Float[Array, "*lanes P"]
    steps: Int[Array, "*lanes P"]
    attempt: Int[Array, "*lanes P"]
    rate: Float[Array, "*lanes P"]
    ended: Int[Array, "*lanes P"]
    weight_norm: Float[Array, "*lanes P"]
    residual: Float[Array, "*lanes P"]


class Lane(NamedTuple):
    """The state of one search under way.

    Attributes:
        fit: the probe being trained, or the last one once the bracket is closed.
        best: the params that stored `bracket.lower` facts.
        n: `[]` facts of the probe being trained.
        attempt: `[]` 0 for a warm start, k for a fresh one at the k-th learning rate.
        num_probes: `[]` probes finished; `log` has the latest of them.
        done: `[]` whether the bracket is closed.
    """

    fit: training.Fit
    best: Any
    bracket: Bracket
    n: Int[Array, "*lanes"]
    attempt: Int[Array, "*lanes"]
    rate: Float[Array, "*lanes"]
    num_probes: Int[Array, "*lanes"]
    log: Log
    done: Bool[Array, "*lanes"]


def begin(problem: Problem, first: Int[Array, ""]) -> Lane:
    """Returns a lane that is about to probe `first` facts, afresh."""
    one: Any = np.ones((), np.int32)  # NumPy's: no dispatch for each lane
    done: Any = np.zeros((), bool)
    kinds = dict.fromkeys(Log._fields, np.int32)
    kinds |= dict.fromkeys(("loss", "rate", "weight_norm", "residual"), np.float32)
    empty: Any = {name: np.zeros(MAX_LOG, kind) for name, kind in kinds.items()}
    return Lane(
        fit=training.start(problem.initial),
        best=problem.initial,
        bracket=Bracket(lower=0 * one, upper=problem.n_max + 1),
        n=jnp.clip(first, 1, problem.n_max).astype(jnp.int32),
        attempt=one,
        rate=problem.learning_rates[0],
        num_probes=0 * one,
        log=Log(**empty),
        done=done,
    )


def narrow(bracket: Bracket, n: Int[Array, ""], stored: Bool[Array, ""]) -> Bracket:
    """Moves the end of the bracket that the answer at n rules out.

    Storing n facts above a size that failed before re-opens the bracket: accuracy need
    not be monotone in n.
    """
    lower = jnp.where(stored, jnp.maximum(bracket.lower, n), bracket.lower)
    upper = jnp.where(stored, bracket.upper, jnp.minimum(bracket.upper, n))
    return Bracket(lower=lower, upper=upper)


def gap(lower: Int[Array, ""], strategy: Strategy) -> Int[Array, ""]:
    """Returns the width at which a bracket above `lower` is closed."""
    return jnp.maximum(1, jnp.floor(strategy.resolution * lower)).astype(jnp.int32)


def bisect(
    bracket: Bracket, n_max: Int[Array, ""], strategy: Strategy
) -> Int[Array, ""]:
    """Returns the next fresh probe: halfway, or further out while an end is missing."""
    lower, upper = bracket
    middle = (lower + upper) // 2
    above = jnp.minimum(jnp.ceil(strategy.widen * lower).astype(jnp.int32), n_max)
    below = jnp.floor(upper / strategy.widen).astype(jnp.int32)
    open_ended = jnp.where(upper > n_max, above, middle)
    return jnp.where(lower == 0, below, open_ended)


def grow(bracket: Bracket, n_max: Int[Array, ""], strategy: Strategy) -> Int[Array, ""]:
    """Returns the next warm probe: one gap further, or lower if none is stored."""
    further = jnp.minimum(bracket.lower + gap(bracket.lower, strategy), n_max)
    below = jnp.floor(bracket.upper / strategy.widen).astype(jnp.int32)
    return jnp.where(bracket.lower == 0, below, further)


def ending(
    problem: Problem, lane: Lane, recipe: training.Recipe
) -> tuple[Bool[Array, ""], Int[Array, ""]]:
    """Returns if the probe has ended, and its index into ENDINGS, -1 if it goes on."""
    fit = lane.fit
    stored = fit.correct >= training.needed(fit.asked, problem.threshold)
    idle = (recipe.patience > 0) & (fit.steps - fit.most_at >= recipe.patience)
    conditions = {  # the first that holds names the ending
        "stored": stored & fit.finite,  # overflow may "store" everything
        "nonfinite": ~fit.finite,
        "certificate": fit.residual < recipe.certificate,
        "budget": fit.steps >= recipe.num_steps,
        "patience": idle,
    }
    order = [jnp.int32(ENDINGS.index(name)) for name in conditions]
    how = jnp.select([*conditions.values()], order, jnp.int32(-1))
    return how >= 0, how


def record(lane: Lane, how: Int[Array, ""]) -> Lane:
    """Writes the probe that just ended into the log of its lane."""
    slot = lane.num_probes % MAX_LOG
    entry = Log(
        n=lane.n,
        correct=lane.fit.correct,
        most=lane.fit.most,
        asked=lane.fit.asked,
        loss=lane.fit.loss,
        steps=lane.fit.steps,
        attempt=lane.attempt,
        rate=lane.rate,
        ended=how,
        weight_norm=optax.tree.norm(lane.fit.params),
        residual=lane.fit.residual,
    )
    write = lambda ring, x: jnp.asarray(ring).at[slot].set(x)  # noqa: E731
    log = jax.tree.map(write, lane.log, entry)
    return lane._replace(log=log, num_probes=lane.num_probes + 1)


def conclude(
    problem: Problem, lane: Lane, stored: Bool[Array, ""], strategy: Strategy
) -> Lane:
    """Narrows the bracket by a finished size and starts the next one in place."""
    growing = strategy.method.startswith("grow")
    n_max = problem.n_max
    bracket = narrow(lane.bracket, lane.n, stored)
    if growing:  # a warm network may pass a size that failed afresh, and goes on
        reopened = jnp.where(bracket.upper <= lane.n, n_max + 1, bracket.upper)
        bracket = bracket._replace(upper=jnp.where(stored, reopened, bracket.upper))
    lower, upper = bracket
    n = (grow if growing else bisect)(bracket, n_max, strategy)
    close = (upper <= n_max) & (upper - lower <= gap(lower, strategy))
    stuck = ~stored if growing else close
    closed = jnp.where(lower == 0, n < 1, stuck | (lower == n_max))
    closed |= strategy.method == "single"
    warm = stored if growing else jnp.asarray(False)
    fresh = training.start(problem.initial)
    kept = training.restart_clock(lane.fit)
    return lane._replace(
        fit=_where(closed, lane.fit, _where(warm, kept, fresh)),
        best=_where(stored, lane.fit.params, lane.best),
        bracket=bracket,
        n=jnp.where(closed, lane.n, n),
        attempt=jnp.where(warm, 0, 1).astype(jnp.int32),
        rate=jnp.where(warm, lane.rate, problem.learning_rates[0]),
        done=closed,
    )


def retry(problem: Problem, lane: Lane) -> Lane:
    """Starts the same size afresh, at the next learning rate."""
    return lane._replace(
        fit=training.start(problem.initial),
        attempt=lane.attempt + 1,
        rate=problem.learning_rates[lane.attempt],  # attempts count from one
    )


def advance(
    problem: Problem,
    lane: Lane,
    *,
    train: TrainChunk,
    recipe: training.Recipe,
    strategy: Strategy,
) -> Lane:
    """Trains one check; ends the probe if it stored its facts or has to be given up."""
    fit = train(problem, lane.fit, lane.n, lane.rate)
    lane = lane._replace(fit=fit)
    ended, how = ending(problem, lane, recipe)

    def end(lane: Lane) -> Lane:
        logged = record(lane, how)
        stored = how == ENDINGS.index("stored")
        num_tries = problem.learning_rates.shape[0]
        # "grow" stops where warm growth does; "grow+bisect" tries afresh there.
        only_warm = (strategy.method == "grow") & (lane.attempt == 0)
        again = ~stored & ~only_warm & (lane.attempt < num_tries)
        concluded = conclude(problem, logged, stored, strategy)
        return _where(again, retry(problem, logged), concluded)

    return jax.lax.cond(ended, end, lambda lane: lane, lane)


def _where(condition: Bool[Array, ""], yes: Any, no: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
