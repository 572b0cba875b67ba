"""Ways to store a table of named facts, each at some size: trained or constructed.

"trained" is the one-layer transformer, of HEADS heads of HEAD_DIM and m = 4 d hidden
units at width d. "codes" is attention alone with codes by a convex fit, at width d;
"gates" copies phi(s) + phi(r) to an MLP of so many sign gates and a convex fit. The
others are associative memories: "linear" at width d, fitted or proved impossible,
"bilinear" by alternating convex solves and "mlp" by training, both of so many units.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from recall import capacity, readout, training
from recall.constructions import codes, heads, transformers
from recall.data import recall_task
from recall.experiments.real_facts.lanes import FactLane, Stock, keyed
from recall.memories import mlp, random_features
from recall.models import fit as factual_training
from recall.models import transformer
from recall.solvers import alternating, separation
from recall.sweeps import transformer_search

HEADS, HEAD_DIM, MLP_RATIO = 16, 8, 4  # of trained transformers
HEAD_SIZE, SHARPNESS = 4, 60.0  # tokens of a constructed head
READS = transformer_search.Reads(batch=512)  # of a step of training
CHECK = 64  # steps between two looks at a trained memory
RATES = {"trained": 0.01, "mlp": 0.03}
SINGLE = capacity.Strategy(method="single", opening=1.0, headroom=1.0)


class Found(NamedTuple):
    """What came of one size.

    Attributes:
        accuracy: fraction of the facts that is recalled, over noise contexts.
        parameters: numbers that the weights hold, without biases.
        steps: of descent.
        fit: "stored", "impossible" or "undecided" of a convex fit, else None.
        finite: whether all weights are.
    """

    accuracy: float
    parameters: int
    steps: int
    fit: str | None
    finite: bool


class Method(NamedTuple):
    """One way to store facts.

    Attributes:
        attempt: `(lane, stock, size) -> Found`.
        trained: whether by descent through all weights.
        wide: whether a size is the width d of the embeddings.
        associative: whether it is asked by keys rather than by sequences.
        usual: budget of which the times of `fact_jobs` are.
    """

    attempt: Callable[[FactLane, Stock, int], Found]
    trained: bool
    wide: bool
    associative: bool
    usual: int


def _trained(lane: FactLane, held: Stock, size: int) -> Found:
    widths = size, HEADS, HEAD_DIM, MLP_RATIO * size
    problem = factual_training.Problem(
        world=held.world,
        embeddings=held.tokens,
        head_dim=jnp.asarray(HEAD_DIM, jnp.int32),
        seed=jnp.asarray(lane.seed, jnp.int32),
        n_max=jnp.asarray(1, jnp.int32),
        initial=transformer.init(_key(lane), *widths),
        learning_rates=jnp.asarray([RATES["trained"]], jnp.float32),
        threshold=jnp.asarray(1.0, jnp.float32),
    )
    sizes = recall_task.Sizes(*(int(count) for count in held.world.live))
    batch = min(READS.batch, recall_task.num_facts(held.world))
    sampling = factual_training.Sampling(
        length=READS.length,
        layout=READS.layout,
        contexts=max(1, batch // READS.share),
        facts=min(READS.share, batch),
        checks=READS.checks,
    )
    log = _to_the_end(lane.budget, sampling, sizes)(problem)
    return _of_log(log, transformer.num_parameters(*widths))


def _mlp(lane: FactLane, held: Stock, size: int) -> Found:
    facts = keyed(held, lane.keys)
    d = facts.inputs.shape[1]
    problem = training.Problem(
        facts=facts,
        initial=mlp.init(_key(lane), d, size),
        learning_rates=jnp.asarray([RATES["mlp"]], jnp.float32),
        drawn=(),
        threshold=jnp.asarray(1.0, jnp.float32),
    )
    log = _to_the_end(lane.budget, None, None)(problem)
    return _of_log(log, 2 * d * size)


def _bilinear(lane: FactLane, held: Stock, size: int) -> Found:
    facts = keyed(held, lane.keys)
    d = facts.inputs.shape[1]
    key_features, key_readout = jax.random.split(_key(lane))
    initial = random_features.draw_bilinear(key_features, d, size)
    initial = initial._replace(V=jax.random.normal(key_readout, (size, d)))
    sweeps = alternating.Sweeps(count=lane.budget)
    found = alternating.fit(facts, initial, sweeps)
    steps = int(found.sweeps) * sweeps.steps * len(alternating.BLOCKS)
    accuracy = int(found.correct) / int(facts.n)
    return Found(accuracy, 3 * d * size, steps, None, _finite(found.params))


def _linear(lane: FactLane, held: Stock, size: int) -> Found:
    facts = keyed(held, lane.keys)
    found = separation.separate(facts, _solver(lane))
    accuracy = float(readout.accuracy(facts.inputs @ found.params.W.T, facts))
    weights = size * facts.inputs.shape[1]
    finite = _finite(found.params)
    return Found(accuracy, weights, found.steps, found.verdict, finite)


def _codes(lane: FactLane, held: Stock, size: int) -> Found:
    facts = codes.token_facts(held.world, held.tokens)
    found = separation.separate(facts, _solver(lane))
    written = codes.of_matrix(found.params.W, held.world.choices.shape[0])
    params = heads.construct(held.tokens, written, _design())
    return _asked(lane, held, params, found, transformer.Architecture())


def _gates(lane: FactLane, held: Stock, size: int) -> Found:
    given = held.world, held.tokens
    memory, found = transformers.with_fitted_gates(
        _key(lane), *given, size, solver=_solver(lane)
    )
    params = transformers.attention_mlp(*given, _design(), memory, "abs")
    return _asked(lane, held, params, found, transformer.Architecture(activation="abs"))


METHODS: Mapping[str, Method] = {
    "trained": Method(_trained, True, wide=True, associative=False, usual=2048),
    "codes": Method(_codes, False, wide=True, associative=False, usual=3),
    "gates": Method(_gates, False, wide=False, associative=False, usual=3),
    "mlp": Method(_mlp, True, wide=False, associative=True, usual=2048),
    "bilinear": Method(_bilinear, False, wide=False, associative=True, usual=150),
    "linear": Method(_linear, False, wide=True, associative=True, usual=3),
}


def parameters(lane: FactLane, size: int, tokens: tuple[int, int]) -> int:
    """Estimates the weights at a size, before anything is built."""
    wide = size if METHODS[lane.method].wide else lane.d
    attention = 4 * heads.count(*tokens, HEAD_SIZE) * HEAD_SIZE * wide
    trained = transformer.num_parameters(wide, HEADS, HEAD_DIM, MLP_RATIO * wide)
    return {
        "trained": trained,
        "codes": attention,
        "gates": attention + 2 * size * (wide + 1) * wide,
        "mlp": 2 * wide * size,
        "bilinear": 3 * wide * size,
        "linear": wide * wide * (1 + (lane.keys == "concatenated")),
    }[lane.method]


def _asked(
    lane: FactLane,
    held: Stock,
    params: transformer.Params,
    found: separation.Separation,
    architecture: transformer.Architecture,
) -> Found:
    """Asks a constructed transformer about every fact, as a trained one is."""
    told = transformers.ask(
        params,
        held.world,
        held.tokens,
        jax.random.fold_in(_key(lane), 1),
        length=READS.length,
        contexts=READS.checks,
        architecture=architecture,
    )
    H, head_dim, d = params.K.shape
    m = 0 if params.mlp is None else params.mlp.W.shape[0]
    weights = transformer.num_parameters(d, H, head_dim, m)
    worst = float(told.mean)
    return Found(worst, weights, found.steps, found.verdict, _finite(params))


@functools.cache
def _to_the_end(
    num_steps: int,
    sampling: factual_training.Sampling | None,
    sizes: recall_task.Sizes | None,
) -> Callable[[Any], capacity.Log]:
    """Trains a transformer, or an MLP without a sampling, until it stores all facts."""
    recipe = training.Recipe(num_steps=num_steps, check_every=CHECK, cosine=True)
    if sampling is None:
        apply = functools.partial(mlp.apply, activation="relu")
        train: Any = functools.partial(training.advance, apply=apply, recipe=recipe)
    else:
        assert sizes is not None
        whole = sizes
        train = functools.partial(
            factual_training.advance,
            sizes=lambda n: whole,
            sampling=sampling,
            architecture=transformer.Architecture(),
            recipe=recipe,
        )

    def fit(problem: Any) -> capacity.Log:
        step = functools.partial(
            capacity.advance, train=train, recipe=recipe, strategy=SINGLE
        )
        lane = jax.lax.while_loop(
            lambda lane: ~lane.done,
            lambda lane: step(problem, lane),
            capacity.begin(problem, problem.n_max),
        )
        return lane.log

    return jax.jit(fit)


def _of_log(log: capacity.Log, weights: int) -> Found:
    """What the only probe of a log came to; accuracy at its best check."""
    accuracy = int(log.most[0]) / int(log.asked[0])
    finite = capacity.ENDINGS[int(log.ended[0])] != "nonfinite"
    return Found(accuracy, weights, int(log.steps[0]), None, finite)


def _design() -> heads.Heads:
    return heads.Heads(size=HEAD_SIZE, keys="widest", inverse_temperature=SHARPNESS)


def _solver(lane: FactLane) -> separation.Solver:
    return dataclasses.replace(separation.SOLVER, cycles=lane.budget)


def _key(lane: FactLane) -> jax.Array:
    return jax.random.fold_in(jax.random.key(lane.seed), 2)


def _finite(params: Any) -> bool:
    return all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(params))
