r"""Codes of sets of answers, which attention-only transformers write for each token.

With A_z the answers of token z, A_s = {a*(s, r) over r} and A_r = {a*(s, r) over s},
scores are <u_a, t_s + t_r>. "plain" and "decorrelated" codes score 1 on A_z and 0
elsewhere, up to noise or exactly; the right answer then scores 2 and every other at
most 1, because the answers of different relations are disjoint. If relations share
answers, every a in both A_s and A_r scores 2: `fact_tables` counts such facts, and
gives each relation answers of its own.
"""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from recall import facts as facts_lib
from recall.constructions import heads
from recall.data import recall_task
from recall.models import transformer
from recall.solvers import separation


def plain(world: recall_task.World, tokens: transformer.Embeddings) -> heads.Codes:
    """Returns t_z = sum_{a in A_z} u_a (Nichani, Lee, Bietti 2024, Theorem 3).

    Noise sqrt(2 (R + D) / d) against a margin of 1: about d = 4 (R + D) ln(S R (R + D))
    is enough (derived here).
    """
    outputs = np.asarray(tokens.answers, np.float64)
    return heads.Codes(*(hits @ outputs for hits in answer_sets(world)))


def decorrelated(
    world: recall_task.World, tokens: transformer.Embeddings
) -> heads.Codes:
    """Returns t_z = U^+ 1_{A_z}: scores are exactly 1 on A_z, 0 elsewhere (derived).

    Raises:
        ValueError: if d is too small for the answers to have duals.
    """
    outputs = np.asarray(tokens.answers, np.float64)
    num_answers, d = outputs.shape
    if d < num_answers:
        raise ValueError(
            f"Expected d >= R D = {num_answers} for decorrelated codes, which are dual "
            f"to all answers; got d={d}."
        )
    dual = np.linalg.pinv(outputs).T
    return heads.Codes(*(hits @ dual for hits in answer_sets(world)))


def fitted(
    world: recall_task.World, tokens: transformer.Embeddings, width: int | None = None
) -> heads.Codes:
    """Fits codes that separate all facts whenever any codes do: a convex problem.

    Scores are linear in the codes, so `separation.separate` finds codes or proves that
    there are none; then it returns its last. Fits padded to one `width` share their
    compilation; the world is all live. Derived here.
    """
    facts = token_facts(world, tokens)
    d = facts.outputs.shape[1]
    # Rows of W for zero coordinates have no gradient and stay zero.
    wider = jnp.pad(facts.outputs, ((0, 0), (0, max(width or d, d) - d)))
    fit = separation.separate(facts._replace(outputs=wider))
    return of_matrix(fit.params.W[:d], world.choices.shape[0])


def of_matrix(W: Float[Array, "d tokens"], num_subjects: int) -> heads.Codes:
    """Reads codes off the columns of a matrix: subjects first, then relations."""
    codes = np.asarray(W, np.float64).T
    return heads.Codes(subjects=codes[:num_subjects], relations=codes[num_subjects:])


Code = Callable[[recall_task.World, transformer.Embeddings], heads.Codes]
# At (S, R, D) = (16,16,8), (32,32,8), (64,16,8) "fitted" recalls all facts from d = 28,
# 56, 32 on, "decorrelated" from 128, 256, 128, "plain" from 544, 1,200, 688.
CODES: Mapping[str, Code] = {
    "plain": plain,
    "decorrelated": decorrelated,
    "fitted": fitted,
}


def answer_sets(world: recall_task.World) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indicators of A_s, `[S, A]`, and of A_r, `[R, A]`."""
    pairs = np.asarray(recall_task.pairs(world))
    answers = np.asarray(recall_task.answers(world))[pairs[:, 0], pairs[:, 1]]
    shape = world.choices.shape
    hits = [np.zeros((count, int(recall_task.num_outputs(world)))) for count in shape]
    for table, tokens in zip(hits, pairs.T, strict=True):
        table[tokens, answers] = 1.0
    return hits[0], hits[1]


def token_facts(
    world: recall_task.World, tokens: transformer.Embeddings
) -> facts_lib.Facts:
    """Returns facts whose inputs are indicators of both tokens, `[P, S + R]`."""
    S, R = world.choices.shape
    eye = jnp.eye(S + R)
    return pair_facts(world, tokens._replace(subjects=eye[:S], relations=eye[S:]))


def pair_facts(
    world: recall_task.World, tokens: transformer.Embeddings
) -> facts_lib.Facts:
    """Returns facts about x = phi(s) + phi(r), `[P, d]`, which copy heads write."""
    s, r = recall_task.pairs(world).T
    return facts_lib.Facts(
        inputs=tokens.subjects[s] + tokens.relations[r],
        outputs=tokens.answers,
        targets=recall_task.answers(world)[s, r],
        n=jnp.asarray(len(s), jnp.int32),
        num_outputs=jnp.asarray(recall_task.num_outputs(world), jnp.int32),
    )
