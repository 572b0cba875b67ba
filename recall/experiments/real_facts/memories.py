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
HEAD_SIZE, INVERSE_TEMPERATURE = 4, 60.0  # of constructed heads
READS = transformer_search.Reads(batch=512)  # facts of a step of training
CHECK = 64  # steps between two evaluations of a trained memory
RATES = {"trained": 0.01, "mlp": 0.03}
SINGLE = capacity.Strategy(method="single", opening=1.0, headroom=1.0)
DESIGN = heads.Heads(
    size=HEAD_SIZE, keys="widest", inverse_temperature=INVERSE_TEMPERATURE
)


class Result(NamedTuple):
    """The outcome of storing all facts at one size.

    Attributes:
        accuracy: fraction of the facts that is recalled, over noise contexts.
        parameters: numbers that the weights hold, without biases.
        steps: of descent, or of convex solves.
        fit: "stored", "impossible" or "undecided" of a convex fit, else None.
        finite: no weight is nan or infinite.
    """

    accuracy: float
    parameters: int
    steps: int
    fit: str | None
    finite: bool


class Method(NamedTuple):
    """One way to store facts.

    Attributes:
        attempt: `(lane, stock, size) -> Result`.
        trained: all weights are trained by descent.
        wide: a size is the width d of the embeddings.
        associative: facts are read by keys, not by sequences.
        usual: the budget that the times of `measure` are of.
    """

    attempt: Callable[[FactLane, Stock, int], Result]
    trained: bool
    wide: bool
    associative: bool
    usual: int


def _trained(lane: FactLane, stock: Stock, size: int) -> Result:
    widths = size, HEADS, HEAD_DIM, MLP_RATIO * size
    problem = factual_training.Problem(
        world=stock.world,
        embeddings=stock.tokens,
        head_dim=jnp.asarray(HEAD_DIM, jnp.int32),
        seed=jnp.asarray(lane.seed, jnp.int32),
        n_max=jnp.asarray(1, jnp.int32),
        initial=transformer.init(_key(lane), *widths),
        learning_rates=jnp.asarray([RATES["trained"]], jnp.float32),
        threshold=jnp.asarray(1.0, jnp.float32),
    )
    sizes = recall_task.Sizes(*(int(count) for count in stock.world.live))
    batch = min(READS.batch, recall_task.num_facts(stock.world))
    sampling = factual_training.Sampling(
        length=READS.length,
        layout=READS.layout,
        contexts=max(1, batch // READS.share),
        facts=min(READS.share, batch),
        checks=READS.checks,
    )
    log = _to_the_end(lane.budget, sampling, sizes)(problem)
    return _of_log(log, transformer.num_parameters(*widths))


def _mlp(lane: FactLane, stock: Stock, size: int) -> Result:
    facts = keyed(stock, lane.keys)
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


def _bilinear(lane: FactLane, stock: Stock, size: int) -> Result:
    facts = keyed(stock, lane.keys)
    d = facts.inputs.shape[1]
    key_features, key_readout = jax.random.split(_key(lane))
    initial = random_features.draw_bilinear(key_features, d, size)
    initial = initial._replace(V=jax.random.normal(key_readout, (size, d)))
    sweeps = alternating.Sweeps(count=lane.budget)
    fit = alternating.fit(facts, initial, sweeps)
    steps = int(fit.sweeps) * sweeps.steps * len(alternating.BLOCKS)
    accuracy = int(fit.correct) / int(facts.n)
    return Result(accuracy, 3 * d * size, steps, None, _finite(fit.params))


def _linear(lane: FactLane, stock: Stock, size: int) -> Result:
    facts = keyed(stock, lane.keys)
    fit = separation.separate(facts, _solver(lane))
    accuracy = float(readout.accuracy(facts.inputs @ fit.params.W.T, facts))
    weights = size * facts.inputs.shape[1]
    return Result(accuracy, weights, fit.steps, fit.verdict, _finite(fit.params))


def _codes(lane: FactLane, stock: Stock, size: int) -> Result:
    facts = codes.token_facts(stock.world, stock.tokens)
    fit = separation.separate(facts, _solver(lane))
    written = codes.of_matrix(fit.params.W, stock.world.choices.shape[0])
    params = heads.construct(stock.tokens, written, DESIGN)
    return _evaluate(lane, stock, params, fit, transformer.Architecture())


def _gates(lane: FactLane, stock: Stock, size: int) -> Result:
    world, tokens = stock.world, stock.tokens
    memory, fit = transformers.with_fitted_gates(
        _key(lane), world, tokens, size, solver=_solver(lane)
    )
    params = transformers.attention_mlp(world, tokens, DESIGN, memory, "abs")
    architecture = transformer.Architecture(activation="abs")
    return _evaluate(lane, stock, params, fit, architecture)


METHODS: Mapping[str, Method] = {
    "trained": Method(_trained, True, wide=True, associative=False, usual=2048),
    "codes": Method(_codes, False, wide=True, associative=False, usual=3),
    "gates": Method(_gates, False, wide=False, associative=False, usual=3),
    "mlp": Method(_mlp, True, wide=False, associative=True, usual=2048),
    "bilinear": Method(_bilinear, False, wide=False, associative=True, usual=150),
    "linear": Method(_linear, False, wide=True, associative=True, usual=3),
}


def parameters(lane: FactLane, size: int, tokens: tuple[int, int]) -> int:
    """Counts the weights at a size, for a plan, before anything is built.

    Args:
        lane: of any method.
        size: a width, hidden units or gates.
        tokens: S and R.
    """
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


def _evaluate(
    lane: FactLane,
    stock: Stock,
    params: transformer.Params,
    fit: separation.Separation,
    architecture: transformer.Architecture,
) -> Result:
    """Asks a constructed transformer about every fact, as a trained one is."""
    accuracy = transformers.ask(
        params,
        stock.world,
        stock.tokens,
        jax.random.fold_in(_key(lane), 1),
        length=READS.length,
        contexts=READS.checks,
        architecture=architecture,
    )
    H, head_dim, d = params.K.shape
    m = 0 if params.mlp is None else params.mlp.W.shape[0]
    weights = transformer.num_parameters(d, H, head_dim, m)
    mean = float(accuracy.mean)
    return Result(mean, weights, fit.steps, fit.verdict, _finite(params))


@functools.cache
def _to_the_end(
    num_steps: int,
    sampling: factual_training.Sampling | None,
    sizes: recall_task.Sizes | None,
) -> Callable[[Any], capacity.Log]:
    """Returns a jitted run of a transformer, or of an MLP without a sampling.

    It trains until all facts are stored or its steps are over; cached, since jit keeps
    programs by function.
    """
    recipe = training.Recipe(num_steps=num_steps, check_every=CHECK, cosine=True)
    if sampling is None:
        apply = functools.partial(mlp.apply, activation="relu")
        train: Any = functools.partial(training.advance, apply=apply, recipe=recipe)
    else:
        assert sizes is not None
        whole = sizes
        train = functools.partial(
            factual_training.advance,
            sizes=lambda n: whole,  # the table, whatever n
            sampling=sampling,
            architecture=transformer.Architecture(),
            recipe=recipe,
        )

    def run(problem: Any) -> capacity.Log:
        step = functools.partial(
            capacity.advance, train=train, recipe=recipe, strategy=SINGLE
        )
        lane = jax.lax.while_loop(
            lambda lane: ~lane.done,
            lambda lane: step(problem, lane),
            capacity.begin(problem, problem.n_max),
        )
        return lane.log

    return jax.jit(run)


def _of_log(log: capacity.Log, weights: int) -> Result:
    """Returns the outcome of a log's only probe; accuracy at its best check."""
    accuracy = int(log.most[0]) / int(log.asked[0])
    finite = capacity.ENDINGS[int(log.ended[0])] != "nonfinite"
    return Result(accuracy, weights, int(log.steps[0]), None, finite)


def _solver(lane: FactLane) -> separation.Solver:
    return dataclasses.replace(separation.SOLVER, cycles=lane.budget)


def _key(lane: FactLane) -> jax.Array:
    # Apart from the key of the embeddings, so that the same seed shares none with it.
    return jax.random.fold_in(jax.random.key(lane.seed), 2)


def _finite(params: Any) -> bool:
    return all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(params))
