r"""What attention-only transformers write for each token: codes of sets of answers.

With A_z the answers of token z, A_s = {a*(s, r) over r} and A_r = {a*(s, r) over s},
scores are <u_a, t_s + t_r>. "plain" and "decorrelated" codes score 1 on A_z and 0
elsewhere, up to noise or exactly; the right answer then scores 2 and every other at
most 1, because the answers of different relations are disjoint. Where relations share
answers, every a in both A_s and A_r scores 2: `fact_tables` counts such facts, and
gives each relation answers of its own.
"""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from recall import facts as facts_lib
from recall.constructions import heads
from recall.data import recall_task
from recall.models import transformer
from recall.solvers import separation


def plain(world: recall_task.World, tokens: transformer.Embeddings) -> heads.Codes:
    """t_z = sum_{a in A_z} u_a, the paper's (Nichani, Lee, Bietti 2024, Theorem 3).

    Noise sqrt(2 (R + D) / d) against a margin of 1: about d = 4 (R + D) ln(S R (R + D))
    is enough (derived here).
    """
    outputs = np.asarray(tokens.answers, np.float64)
    return heads.Codes(*(hits @ outputs for hits in answer_sets(world)))


def decorrelated(
    world: recall_task.World, tokens: transformer.Embeddings
) -> heads.Codes:
    """t_z = U^+ 1_{A_z}: scores are exactly 1 on A_z and 0 elsewhere (derived here).

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
    """Codes that separate all facts wherever any codes do: a convex fit.

    Scores are linear in the codes, so `separation.separate` finds codes or proves that
    there are none; then these are the best it found. Derived here.

    Args:
        world: all of it live.
        tokens: the embeddings.
        width: of the padded program; fits of one width share their compilation.
    """
    facts = token_facts(world, tokens)
    d = facts.outputs.shape[1]
    wider = jnp.pad(facts.outputs, ((0, 0), (0, max(width or d, d) - d)))
    found = separation.separate(facts._replace(outputs=wider))
    return of_matrix(found.params.W[:d], world.choices.shape[0])


def of_matrix(W: Float[Array, "d tokens"], num_subjects: int) -> heads.Codes:
    """The codes in the columns of a matrix: of subjects first, then of relations."""
    codes = np.asarray(W, np.float64).T
    return heads.Codes(subjects=codes[:num_subjects], relations=codes[num_subjects:])


Code = Callable[[recall_task.World, transformer.Embeddings], heads.Codes]
CODES: Mapping[str, Code] = {
    "plain": plain,
    "decorrelated": decorrelated,
    "fitted": fitted,
}


def answer_sets(world: recall_task.World) -> tuple[np.ndarray, np.ndarray]:
    """Indicators of A_s, `[S, A]`, and of A_r, `[R, A]`."""
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
    """Facts about a subject and a relation, as indicators of both: `[P, S + R]`."""
    S, R = world.choices.shape
    return _facts(world, tokens, jnp.eye(S, S + R), jnp.eye(S + R)[S:])


def pair_facts(
    world: recall_task.World, tokens: transformer.Embeddings
) -> facts_lib.Facts:
    """Facts about x = phi(s) + phi(r), `[P, d]`: what copy heads hand to an MLP."""
    return _facts(world, tokens, tokens.subjects, tokens.relations)


def _facts(
    world: recall_task.World,
    tokens: transformer.Embeddings,
    subjects: jax.Array,
    relations: jax.Array,
) -> facts_lib.Facts:
    s, r = recall_task.pairs(world).T
    return facts_lib.Facts(
        inputs=subjects[s] + relations[r],
        outputs=tokens.answers,
        targets=recall_task.answers(world)[s, r],
        n=jnp.asarray(len(s), jnp.int32),
        num_outputs=jnp.asarray(recall_task.num_outputs(world), jnp.int32),
    )
