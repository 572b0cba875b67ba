"""Names as word pieces, and as the mean of their embeddings.

A name is lower-cased, freed of accents and cut at blanks and punctuation; each word is
cut into the longest pieces of the vocabulary from the left, those inside a word marked
by "##". Schuster, Nakajima 2012; the uncased rules of BERT (Devlin et al. 2019).
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float32

UNKNOWN = "[UNK]"


def pieces(name: str, vocabulary: Mapping[str, int]) -> list[str]:
    """The word pieces of a name; a word that has none is `UNKNOWN`."""
    return [piece for word in _words(name) for piece in _cut(word, vocabulary)]


def vectors(
    names: Sequence[str],
    vocabulary: Mapping[str, int],
    table: Float32[np.ndarray, "tokens d"],
) -> Float32[np.ndarray, "names d"]:
    """The mean embedding of the pieces of each name.

    Raises:
        ValueError: if a name has no piece at all.
    """
    found = []
    for name in names:
        ids = [vocabulary[piece] for piece in pieces(name, vocabulary)]
        if not ids:
            raise ValueError(f"Expected a name of letters or signs; got {name!r}.")
        found.append(table[ids].mean(axis=0))
    return np.array(found, np.float32)


def _words(name: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFD", name.lower())
    letters = [c for c in plain if unicodedata.category(c) != "Mn"]
    apart = [f" {c} " if _is_punctuation(c) else c for c in letters]
    yield from "".join(apart).split()


def _is_punctuation(c: str) -> bool:
    ascii_sign = c.isascii() and c.isprintable() and not (c.isalnum() or c == " ")
    return ascii_sign or unicodedata.category(c).startswith("P")


def _cut(word: str, vocabulary: Mapping[str, int]) -> list[str]:
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return [UNKNOWN]
        found.append(piece)
        start = end
    return found
