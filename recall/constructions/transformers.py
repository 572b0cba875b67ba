r"""One-layer transformers with explicit weights, and the check of all their facts.

`attention_only` is Theorem 3, `attention_mlp` Theorem 4 of Nichani, Lee, Bietti 2024
(https://arxiv.org/abs/2412.06538), in the form derived here. In both, weights of the
attention are 4 (S + R) d where the head size divides S and R. Worlds are all live.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from recall import facts as facts_lib
from recall import readout
from recall.constructions import codes as codes_lib
from recall.constructions import heads, product_duals
from recall.data import recall_task, sequences
from recall.memories import gated, mlp
from recall.models import fit, population, transformer
from recall.solvers import separation

DOMINANCE = 8.0  # ratio of the MLP's margins to scores of the residual phi(s) + phi(r)


def attention_only(
    world: recall_task.World,
    tokens: transformer.Embeddings,
    design: heads.Heads,
    codes: codes_lib.Code = codes_lib.plain,
) -> transformer.Params:
    """Constructs heads that write `codes.CODES`: right answers score 2, others <= 1.

    Raises:
        ValueError: if d is too small for dual values or codes.
    """
    return heads.construct(tokens, codes(world, tokens), design)


def attention_mlp(
    world: recall_task.World,
    tokens: transformer.Embeddings,
    design: heads.Heads,
    memory: mlp.Params,
    activation: str,
) -> transformer.Params:
    """Constructs heads that copy phi(s) + phi(r), before an MLP that recalls from it.

    `memory`, of an `activation`, is scaled up until the residual does not matter.

    Raises:
        ValueError: if d is too small for dual values, or the memory has no units.
    """
    if not memory.W.shape[0]:
        raise ValueError("Expected m >= 1 hidden units; got m=0.")
    facts = codes_lib.pair_facts(world, tokens)
    scale = _dominance(mlp.apply(memory, facts.inputs, activation), facts)
    copies = heads.Codes(tokens.subjects, tokens.relations)
    attention = heads.construct(tokens, copies, design)
    return attention._replace(mlp=memory._replace(V=scale * memory.V))


def with_product_duals(
    key: Key[Array, ""],
    world: recall_task.World,
    tokens: transformer.Embeddings,
    design: product_duals.Design,
    draws: int = 4,
) -> mlp.Params:
    """Constructs an MLP of product duals for the facts about phi(s) + phi(r).

    The best of `draws` draws of its gates and outputs, by the least margin.
    """
    facts = codes_lib.pair_facts(world, tokens)
    answers = tokens.answers[recall_task.answers(world)]

    def least(memory: mlp.Params) -> float:
        recalled = mlp.apply(memory, facts.inputs, design.activation)
        norm = jnp.linalg.norm(recalled)  # draws differ in scale
        return float(jnp.min(readout.margins(recalled, facts)) / norm)

    points = tokens.subjects, tokens.relations, answers
    keys = jax.random.split(key, draws)
    return max((product_duals.construct(k, *points, design) for k in keys), key=least)


def with_fitted_gates(
    key: Key[Array, ""],
    world: recall_task.World,
    tokens: transformer.Embeddings,
    num_gates: int,
    candidates: int = 32,
    solver: separation.Solver = separation.SOLVER,
) -> tuple[mlp.Params, separation.Separation]:
    """Fits an MLP of fixed sign gates; returns it with its separation of the facts.

    Raises:
        ValueError: if there is no gate.
    """
    facts = codes_lib.pair_facts(world, tokens)
    d = tokens.end.shape[0]
    drawn = gated.draw_gates(key, num_gates * candidates, d)
    # Gates with the largest |<w_g, x>| on all facts: no sign hangs on rounding, and eps
    # of the plain MLP, a difference quotient, is not small.
    clear = jnp.min(jnp.abs(facts.inputs @ drawn.T), axis=0)
    gates = drawn[jnp.argsort(-clear / jnp.linalg.norm(drawn, axis=1))[:num_gates]]
    inputs = gated.features(gates, facts.inputs)
    fitted = separation.separate(facts._replace(inputs=inputs), solver)
    memory = gated.from_readout(gates, fitted.params.W)
    return gated.as_mlp(memory, facts.inputs), fitted


@functools.partial(jax.jit, static_argnames=("length", "contexts", "architecture"))
def ask(
    params: transformer.Params,
    world: recall_task.World,
    tokens: transformer.Embeddings,
    key: Key[Array, ""],
    *,
    length: int,
    contexts: int,
    architecture: transformer.Architecture,
) -> fit.Answers:
    """Measures the accuracy over all facts, each subject in contexts of its own."""
    size = params.K.shape[1]

    def right(key: Key[Array, ""]) -> Array:
        draw = sequences.every_fact(key, world, length)
        return population.correct(params, tokens, world, draw, architecture, size)

    live = recall_task.live_facts(world)[None]
    # One context after the other, so that memory holds one.
    recalled = jax.lax.map(right, jax.random.split(key, contexts)) & live
    fractions = jnp.sum(recalled, axis=(1, 2)) / jnp.sum(live)
    return fit.Answers(mean=jnp.mean(fractions), worst=jnp.min(fractions))


def _dominance(recalled: Array, facts: facts_lib.Facts) -> Array:
    """Returns a scale for recalled vectors at which adding x changes no argmax.

    The least margin comes to `DOMINANCE` times the largest difference between two
    scores of x; if some fact is not recalled, the median margin does.
    """
    margins = jnp.sort(readout.margins(recalled, facts))
    scores = readout.scores(facts.inputs, facts)
    spread = jnp.max(jnp.max(scores, axis=1) - jnp.min(scores, axis=1))
    least = jnp.where(margins[0] > 0, margins[0], jnp.abs(jnp.median(margins)))
    return DOMINANCE * spread / jnp.maximum(least, 1e-30)
