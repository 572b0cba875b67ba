r"""Tables of named facts: their answers, their bits, and clashes of codes.

A table gives each pair (s, r) at most one answer. Answer sets A_r overlap, are unequal
and far from uniform, and some subjects lack a relation: nothing here assumes otherwise.

Attention alone scores additively, score(a | s, r) = x_s(a) + y_r(a). Derived here:

* a code that scores 1 on A_s and on A_r gives two points to every a in both, so that
  a*(s, r) ties with every other answer in A_s and A_r (`clashes`);
* no additive scores at all recall a swap, a*(s, r) = a*(s', r') = a and a*(s, r') =
  a*(s', r) = b: the four conditions add up to 0 > 0 (`swaps`);
* with answers of its own for each relation (`copies`) there is neither.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

Triple = tuple[str, str, str]  # subject, relation, answer


class FactTable(NamedTuple):
    """Facts, and the names of their S subjects, R relations and A answers.

    `ids` are S tuples of R answers each, -1 for no fact.
    """

    subjects: tuple[str, ...]
    relations: tuple[str, ...]
    answers: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]

    @property
    def num_facts(self) -> int:
        """Returns the number of pairs that have an answer."""
        return sum(answer >= 0 for row in self.ids for answer in row)


class Size(NamedTuple):
    """The information in a table, in bits.

    `uniform` is sum_r n_r log2 |A_r|, of answers drawn uniformly from known sets;
    `entropy` is sum_r n_r H(a | r), of answers as frequent as they are.
    """

    uniform: float
    entropy: float


def of(triples: Iterable[Triple]) -> FactTable:
    """Returns the table of facts, names in order of appearance; of a pair the last one.

    Raises:
        ValueError: if there is no fact.
    """
    facts = list(triples)
    if not facts:
        raise ValueError("Expected at least one fact; got none.")
    subjects, relations, answers = (
        {name: i for i, name in enumerate(dict.fromkeys(column))}
        for column in zip(*facts, strict=True)
    )
    ids = np.full((len(subjects), len(relations)), -1)  # -1: no fact
    for subject, relation, answer in facts:
        ids[subjects[subject], relations[relation]] = answers[answer]
    return _table(tuple(subjects), tuple(relations), tuple(answers), ids)


def synthetic(table: FactTable, seed: int) -> FactTable:
    """Draws uniform answers to the same pairs: disjoint sets, of the same sizes."""
    ids = np.array(table.ids)
    drawn, names = np.full_like(ids, -1), []
    numbers = np.random.default_rng(seed)  # NumPy's: tables need no JAX
    for r, relation in enumerate(table.relations):
        there = ids[:, r] >= 0
        count = len(np.unique(ids[there, r]))
        drawn[there, r] = len(names) + numbers.integers(count, size=there.sum())
        names += [f"{relation} {i}" for i in range(count)]
    return _table(table.subjects, table.relations, tuple(names), drawn)


def copies(table: FactTable) -> FactTable:
    """Returns the same facts with separate answers for each relation: disjoint sets."""
    ids, names = np.array(table.ids), []
    for r, relation in enumerate(table.relations):
        there = ids[:, r] >= 0
        # Ids within the relation; the offset below makes them ids of the table.
        kinds, ids[there, r] = np.unique(ids[there, r], return_inverse=True)
        ids[there, r] += len(names)
        names += [f"{table.answers[kind]} ({relation})" for kind in kinds]
    return _table(table.subjects, table.relations, tuple(names), ids)


def frequencies(table: FactTable) -> list[list[tuple[str, int]]]:
    """Counts the answers of each relation, the most frequent first."""
    columns = []
    for column in zip(*table.ids, strict=True):
        kinds, counts = np.unique([a for a in column if a >= 0], return_counts=True)
        order = np.argsort(-counts, kind="stable")  # ties in order of appearance
        columns.append([(table.answers[kinds[i]], int(counts[i])) for i in order])
    return columns


def size(table: FactTable) -> Size:
    """Computes the bits of a table, for uniform answers and for frequent ones."""
    uniform = entropy = 0.0
    for answers in frequencies(table):
        counts = np.array([count for _, count in answers], float)
        uniform += counts.sum() * np.log2(len(counts))
        entropy -= float(counts @ np.log2(counts / counts.sum()))
    return Size(uniform=float(uniform), entropy=entropy)


def clashes(table: FactTable) -> int:
    """Counts facts whose answer ties in 0-1 codes: another is in both A_s and A_r."""
    of_relations = [set(column) - {-1} for column in zip(*table.ids, strict=True)]
    return sum(
        answer >= 0 and len(set(row) & of_relations[r]) > 1
        for row in table.ids
        for r, answer in enumerate(row)
    )


def swaps(table: FactTable) -> int:
    """Counts pairs of subjects and of relations that no additive scores recall."""
    count = 0
    ids = np.array(table.ids)
    for r in range(ids.shape[1]):
        for other in range(r):
            a, b = ids[:, r], ids[:, other]
            there = (a >= 0) & (b >= 0) & (a != b)
            answers = set(zip(a[there].tolist(), b[there].tolist(), strict=True))
            count += sum((y, x) in answers for x, y in answers if x < y)
    return count


def _table(
    subjects: tuple[str, ...],
    relations: tuple[str, ...],
    answers: tuple[str, ...],
    ids: np.ndarray,
) -> FactTable:
    rows = tuple(tuple(int(answer) for answer in row) for row in ids)  # hashable
    return FactTable(subjects, relations, answers, rows)
