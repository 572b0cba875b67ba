"""Asking a trained transformer: a subject and a relation, its answers and attention."""

import re
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table

from recall import factual, models, transformer

CONTEXTS = 64  # noise contexts that an answer is averaged over
PROMPT = re.compile(r"s?(\d+)[\s,]+r?(\d+)")


class Reply(NamedTuple):
    """What a model says about a fact, over noise contexts.

    Attributes:
        probabilities: `[R D]` of the answers, averaged.
        truth: the right answer.
        recalled: fraction of the contexts in which it scores highest.
        attention: `[H, 4]` of each head to subject, relation, noise and end, averaged.
    """

    probabilities: np.ndarray
    truth: int
    recalled: float
    attention: np.ndarray


def parse(prompt: str, sizes: factual.Sizes) -> tuple[int, int]:
    """Reads a prompt such as "s3 r5" or "3, 5".

    Raises:
        ValueError: if it is not one, or there is no such subject or relation.
    """
    found = PROMPT.fullmatch(prompt.strip())
    if found is None:
        raise ValueError(f'Expected a prompt such as "s3 r5"; got {prompt!r}.')
    subject, relation = int(found[1]), int(found[2])
    for letter, token, count in (
        ("s", subject, int(sizes.subjects)),
        ("r", relation, int(sizes.relations)),
    ):
        if token >= count:
            raise ValueError(
                f"Expected a token from {letter}0 to {letter}{count - 1}; got "
                f"{letter}{token}."
            )
    return subject, relation


def ask(model: models.Model, subject: int, relation: int) -> Reply:
    """Asks for a fact in CONTEXTS noise contexts, position by position."""
    problem, architecture = model.problem, model.search.architecture
    world = problem.world
    length = model.search.reads.length
    draw = factual.sample_draw(
        jax.random.key(0), world, CONTEXTS, 1, length, layout="pairs"
    )
    fact = {"subjects": subject, "relations": relation}
    batch = factual.sequences(
        draw._replace(**{name: jnp.full((CONTEXTS, 1), v) for name, v in fact.items()}),
        world,
    )
    tables = transformer.used(model.params, problem.embeddings)

    def read(tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        X = transformer.token_table(tables)[tokens]
        found = transformer.apply(model.params, tables, tokens, architecture)
        return tables.answers @ found, transformer.attend(model.params, X)

    scores, attention = jax.vmap(read)(batch.tokens)
    parts = [attention[..., 0], attention[..., 1]]
    parts += [attention[..., 2:-1].sum(axis=-1), attention[..., -1]]
    truth = int(batch.answers[0])
    return Reply(
        probabilities=np.asarray(jax.nn.softmax(scores).mean(axis=0)),
        truth=truth,
        recalled=float(jnp.mean(jnp.argmax(scores, axis=-1) == truth)),
        attention=np.asarray(jnp.stack(parts, axis=-1).mean(axis=0)),
    )


def answer_table(reply: Reply, answers: int, top: int = 5) -> Table:
    """The likeliest answers, whose relation they are of, and which one is right."""
    table = Table(title="Answers", caption=f"mean over {CONTEXTS} noise contexts")
    for column in ("answer", "of relation", "probability", ""):
        table.add_column(column, justify="right")
    for index in np.argsort(-reply.probabilities)[:top]:
        right = "right" if index == reply.truth else ""
        share = f"{reply.probabilities[index]:.4f}"
        table.add_row(f"a{index}", f"r{index // answers}", share, right)
    return table


def attention_table(reply: Reply) -> Table:
    """What each head attends to."""
    table = Table(title="Attention")
    for column in ("head", "subject", "relation", "noise", "end"):
        table.add_column(column, justify="right")
    for head, shares in enumerate(reply.attention):
        table.add_row(str(head), *[f"{share:.2f}" for share in shares])
    return table
