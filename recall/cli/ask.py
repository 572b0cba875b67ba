"""Questions to a trained transformer: its answers, and the attention of its heads."""

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from recall.data import fact_tables, recall_task, sequences
from recall.experiments.real_facts import searches as fact_searches
from recall.models import transformer
from recall.runs import checkpoints
from recall.stats.table import Table

CONTEXTS = 64  # noise contexts that an answer is averaged over
PROMPT = re.compile(r"s?(\d+)[\s,]+r?(\d+)")
QUESTION = re.compile(r"(?:what is )?(?:the )?(.+?) of (.+?)\s*\??", re.IGNORECASE)


class Reply(NamedTuple):
    """The answers of a model about a fact, over noise contexts.

    Attributes:
        probabilities: `[R D]` of the answers, averaged.
        truth: the right answer; None where the table has none.
        recalled: fraction of the contexts in which it scores highest; nan likewise.
        attention: `[H, 4]` of each head to subject, relation, noise and end, averaged.
    """

    probabilities: np.ndarray
    truth: int | None
    recalled: float
    attention: np.ndarray


def parse(prompt: str, sizes: recall_task.Sizes) -> tuple[int, int]:
    """Reads a prompt such as "s3 r5" or "3, 5".

    Raises:
        ValueError: if it is not one, or there is no such subject or relation.
    """
    match = PROMPT.fullmatch(prompt.strip())
    if match is None:
        raise ValueError(f'Expected a prompt such as "s3 r5"; got {prompt!r}.')
    subject, relation = int(match[1]), int(match[2])
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


def names_of(model: checkpoints.Model) -> fact_tables.FactTable | None:
    """Returns the names that a model was trained with, if its tokens have any."""
    search = model.search
    return search.facts_of if isinstance(search, fact_searches.FactSearch) else None


def parse_names(prompt: str, table: fact_tables.FactTable) -> tuple[int, int]:
    """Reads a question such as "capital of France?", in whatever case.

    Raises:
        ValueError: if it is none, or about something that has no such name.
    """
    match = QUESTION.fullmatch(prompt.strip())
    if match is None:
        raise ValueError(
            f'Expected a question such as "{table.relations[0]} of '
            f'{table.subjects[0]}?"; got {prompt!r}.'
        )
    relation = _find("relation", match[1], table.relations)
    return _find("subject", match[2], table.subjects), relation


def _find(noun: str, name: str, names: Sequence[str]) -> int:
    """Returns the index of a name, or raises an error with close ones."""
    places = {other.casefold(): i for i, other in enumerate(names)}
    if name.casefold() in places:
        return places[name.casefold()]
    close = difflib.get_close_matches(name.casefold(), places, n=3, cutoff=0.5)
    some = [names[places[other]] for other in close] or names[:5]
    raise ValueError(
        f"Expected a {noun} by its name, such as {', '.join(map(repr, some))}; got "
        f"{name!r}."
    )


def ask(model: checkpoints.Model, subject: int, relation: int) -> Reply:
    """Asks for a fact in CONTEXTS noise contexts, position by position."""
    problem, architecture = model.problem, model.search.architecture
    world, length = problem.world, model.search.reads.length
    # One fact a context; its tokens then give way to the ones of the question.
    draw = sequences.sample_draw(
        jax.random.key(0), world, CONTEXTS, 1, length, layout="pairs"
    )
    fact = {"subjects": subject, "relations": relation}
    batch = sequences.written_out(
        draw._replace(**{name: jnp.full((CONTEXTS, 1), v) for name, v in fact.items()}),
        world,
    )
    tables = transformer.used(model.params, problem.embeddings)

    def read(tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        X = transformer.token_table(tables)[tokens]
        recalled = transformer.apply(model.params, tables, tokens, architecture)
        # Padded answers are zero vectors: their score of 0 would beat negative ones.
        live = jnp.arange(len(tables.answers)) < recall_task.num_outputs(world)
        scores = jnp.where(live, tables.answers @ recalled, -jnp.inf)
        return scores, transformer.attend(model.params, X)

    scores, attention = jax.vmap(read)(batch.tokens)
    parts = [attention[..., 0], attention[..., 1]]
    parts += [attention[..., 2:-1].sum(axis=-1), attention[..., -1]]
    live = bool(recall_task.live_facts(world)[subject, relation])
    truth = int(batch.answers[0]) if live else None
    hits = jnp.mean(jnp.argmax(scores, axis=-1) == truth) if live else jnp.nan
    return Reply(
        probabilities=np.asarray(jax.nn.softmax(scores).mean(axis=0)),
        truth=truth,
        recalled=float(hits),
        attention=np.asarray(jnp.stack(parts, axis=-1).mean(axis=0)),
    )


def answer_table(
    reply: Reply, answers: int, table: fact_tables.FactTable | None = None, top: int = 5
) -> Table:
    """Returns the likeliest answers, their relations, and a mark on the right one."""
    lines = []
    for index in np.argsort(-reply.probabilities)[:top].tolist():
        name, relation = f"a{index}", f"r{index // answers}"
        if table is not None:
            columns = zip(table.relations, zip(*table.ids, strict=True), strict=True)
            relation = ", ".join(name for name, ids in columns if index in ids)
            name = table.answers[index]
        right = "right" if index == reply.truth else ""
        lines.append([name, relation, f"{reply.probabilities[index]:.4f}", right])
    columns = ("answer", "of relation", "probability", "")
    caption = f"mean over {CONTEXTS} noise contexts"
    return Table("Answers", columns, lines, caption, num_labels=2)


def attention_table(reply: Reply) -> Table:
    """Returns the mean attention of each head to the kinds of tokens."""
    columns = ("head", "subject", "relation", "noise", "end")
    heads = enumerate(reply.attention)
    lines = [[str(head), *(f"{part:.2f}" for part in parts)] for head, parts in heads]
    return Table("Attention", columns, lines, num_labels=0)
