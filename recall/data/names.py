"""Embeddings of names: the mean of their word pieces in a language model.

A name is lower-cased, freed of accents and cut at blanks and punctuation; each word is
cut into the longest pieces of the vocabulary from the left, pieces inside a word marked
by "##". Schuster, Nakajima 2012; the uncased rules of BERT (Devlin et al. 2019).
"""

import functools
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from recall.data import fact_tables, tensors

UNKNOWN = "[UNK]"


class Vectors(NamedTuple):
    """The embeddings of a table's names, `[S, q]`, `[R, q]`, `[A, q]` for any q."""

    subjects: np.ndarray
    relations: np.ndarray
    answers: np.ndarray


def of(table: fact_tables.FactTable, model: str) -> Vectors:
    """Returns the vectors of all names of a table, by one of `tensors.PACKAGES`.

    Raises:
        ValueError: if there is no such model, or it is not installed.
    """
    files = tensors.installed(model)
    points = tensors.read(files.path, files.tensor)
    vocabulary = _vocabulary(files.vocabulary)
    columns = table.subjects, table.relations, table.answers
    return Vectors(*(vectors(names, vocabulary, points) for names in columns))


@functools.lru_cache(maxsize=2)
def _vocabulary(path: Path) -> dict[str, int]:
    tokens = path.read_text(encoding="utf-8").splitlines()
    return {token: i for i, token in enumerate(tokens)}


def pieces(name: str, vocabulary: Mapping[str, int]) -> list[str]:
    """Cuts a name into word pieces; a word that has none is `UNKNOWN`."""
    plain = unicodedata.normalize("NFD", name.lower())  # accents apart from letters
    letters = [c for c in plain if unicodedata.category(c) != "Mn"]
    words = "".join(f" {c} " if _is_punctuation(c) else c for c in letters).split()
    return [piece for word in words for piece in _cut(word, vocabulary)]


def vectors(
    names: Sequence[str],
    vocabulary: Mapping[str, int],
    table: Float32[np.ndarray, "tokens d"],
) -> Float32[np.ndarray, "names d"]:
    """Returns the mean embedding of each name's pieces; ValueError if it has none."""
    means = []
    for name in names:
        ids = [vocabulary[piece] for piece in pieces(name, vocabulary)]
        if not ids:
            raise ValueError(f"Expected a name of letters or signs; got {name!r}.")
        means.append(table[ids].mean(axis=0))
    return np.array(means, np.float32)


def _is_punctuation(c: str) -> bool:
    # As BERT has it: "$" and "^" are punctuation, which Unicode calls symbols.
    ascii_sign = c.isascii() and c.isprintable() and not (c.isalnum() or c == " ")
    return ascii_sign or unicodedata.category(c).startswith("P")


def _cut(word: str, vocabulary: Mapping[str, int]) -> list[str]:
    cut, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return [UNKNOWN]
        cut.append(piece)
        start = end
    return cut
