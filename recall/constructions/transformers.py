r"""One-layer transformers with explicit weights, and the check of every fact of theirs.

`attention_only` is Theorem 3, `attention_mlp` Theorem 4 of Nichani, Lee, Bietti 2024
(https://arxiv.org/abs/2412.06538), in the form derived here. In both, weights of the
attention are 4 (S + R) d where the head size divides S and R.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from recall import facts as facts_lib
from recall import readout
from recall.constructions import codes as codes_lib
from recall.constructions import heads, product_duals
from recall.data import recall_task
from recall.memories import gated, mlp
from recall.models import fit, population, transformer
from recall.solvers import separation

DOMINANCE = 8.0  # of the MLP's scores over those of the residual phi(s) + phi(r)


def attention_only(
    world: recall_task.World,
    tokens: transformer.Embeddings,
    design: heads.Heads,
    codes: codes_lib.Code = codes_lib.plain,
) -> transformer.Params:
    """Heads that write codes of answers; the right one scores 2, others at most 1.

    Args:
        world: all of it live.
        tokens: the embeddings.
        design: of the heads.
        codes: one of `codes.CODES`.

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
    """Heads that copy phi(s) + phi(r), and an MLP that recalls the answer from it.

    The MLP is scaled up until the residual does not matter.

    Args:
        world: all of it live.
        tokens: the embeddings.
        design: of the heads.
        memory: of the facts about phi(s) + phi(r).
        activation: of the memory.

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
    """An MLP of product duals for the facts about phi(s) + phi(r).

    Of a few draws of its gates and outputs, the one of the largest least margin.
    """
    facts = codes_lib.pair_facts(world, tokens)
    drawn = (
        tokens.subjects,
        tokens.relations,
        tokens.answers[recall_task.answers(world)],
    )

    def least(memory: mlp.Params) -> float:
        recalled = mlp.apply(memory, facts.inputs, design.activation)
        norm = jnp.linalg.norm(recalled)
        return float(jnp.min(readout.margins(recalled, facts)) / norm)

    keys = jax.random.split(key, draws)
    return max((product_duals.construct(k, *drawn, design) for k in keys), key=least)


def with_fitted_gates(
    key: Key[Array, ""],
    world: recall_task.World,
    tokens: transformer.Embeddings,
    num_gates: int,
    candidates: int = 32,
    solver: separation.Solver = separation.SOLVER,
) -> tuple[mlp.Params, separation.Separation]:
    """An MLP of fixed sign gates and a convex fit, and what is known of its facts.

    Of `candidates` random gates for each that is needed, those stay which keep
    |<w_g, x>| largest on the facts, so that no sign hangs on rounding.

    Raises:
        ValueError: if there is no gate.
    """
    facts = codes_lib.pair_facts(world, tokens)
    d = tokens.end.shape[0]
    drawn = gated.draw_gates(key, num_gates * candidates, d)
    clear = jnp.min(jnp.abs(facts.inputs @ drawn.T), axis=0)
    gates = drawn[jnp.argsort(-clear / jnp.linalg.norm(drawn, axis=1))[:num_gates]]
    inputs = gated.features(gates, facts.inputs)
    found = separation.separate(facts._replace(inputs=inputs), solver)
    memory = gated.from_readout(gates, found.params.W)
    return gated.as_mlp(memory, facts.inputs), found


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
    """How well every fact is recalled, over noise contexts of a length.

    Every subject has `contexts` contexts of its own.
    """
    size = params.K.shape[1]

    def right(key: Key[Array, ""]) -> Array:
        draw = recall_task.every_fact(key, world, length)
        return population.correct(params, tokens, world, draw, architecture, size)

    live = recall_task.live_facts(world)[None]
    found = jax.lax.map(right, jax.random.split(key, contexts)) & live
    shares = jnp.sum(found, axis=(1, 2)) / jnp.sum(live)
    return fit.Answers(mean=jnp.mean(shares), worst=jnp.min(shares))


def _dominance(recalled: Array, facts: facts_lib.Facts) -> Array:
    """By what to multiply recalled vectors so that adding x turns no answer.

    The margin of half of the facts, at least, comes to `DOMINANCE` times the largest
    difference between two scores of x; a smaller margin may be what the least one is.
    """
    margins = jnp.sort(readout.margins(recalled, facts))
    scores = readout.scores(facts.inputs, facts)
    spread = jnp.max(jnp.max(scores, axis=1) - jnp.min(scores, axis=1))
    least = jnp.where(margins[0] > 0, margins[0], jnp.abs(jnp.median(margins)))
    return DOMINANCE * spread / jnp.maximum(least, 1e-30)
