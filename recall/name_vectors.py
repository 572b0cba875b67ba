"""Names as points: the mean of their word pieces in an installed language model."""

import functools
from pathlib import Path

from recall import embedding_files, fact_tables, word_pieces
from recall.studies import fact_lanes


def of(table: fact_tables.FactTable, model: str) -> fact_lanes.Vectors:
    """The vectors of all names of a table.

    Args:
        table: of facts.
        model: one of `embedding_files.PACKAGES`.

    Raises:
        ValueError: if there is no such model, or it is not installed.
    """
    found = embedding_files.installed(model)
    points = embedding_files.read(found.path, found.tensor)
    vocabulary = _vocabulary(found.vocabulary)
    names = table.subjects, table.relations, table.answers
    return fact_lanes.Vectors(
        *(word_pieces.vectors(own, vocabulary, points) for own in names)
    )


@functools.lru_cache(maxsize=2)
def _vocabulary(path: Path) -> dict[str, int]:
    tokens = path.read_text(encoding="utf-8").splitlines()
    return {token: i for i, token in enumerate(tokens)}
