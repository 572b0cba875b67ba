"""Tables of named facts: what they say, in bits, and when codes cannot tell."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from tiny_facts import TRIPLES

from recall.constructions import codes
from recall.data import fact_tables, recall_task
from recall.solvers import separation

TABLE = fact_tables.of(TRIPLES)


def test_a_table_holds_its_facts_and_nothing_else():
    assert TABLE.subjects == ("France", "Italy", "Ghana", "Chad", "Togo", "Peru")
    assert TABLE.relations == ("capital", "currency", "neighbour")
    assert TABLE.num_facts == len(TRIPLES)
    found = {
        (s, r, TABLE.answers[TABLE.ids[i][j]])
        for i, s in enumerate(TABLE.subjects)
        for j, r in enumerate(TABLE.relations)
        if TABLE.ids[i][j] >= 0
    }
    assert found == set(TRIPLES)
    with pytest.raises(ValueError, match="at least one fact"):
        fact_tables.of([])


def test_bits_are_those_of_a_hand_computed_table():
    few = fact_tables.of([("a", "r", "x"), ("b", "r", "x"), ("c", "r", "y")])
    bits = fact_tables.size(few)
    assert bits.uniform == 3.0
    assert bits.entropy == pytest.approx(2 * math.log2(1.5) + math.log2(3))
    assert fact_tables.frequencies(few) == [[("x", 2), ("y", 1)]]


def test_synthetic_facts_have_the_same_pairs_and_disjoint_answers():
    twin = fact_tables.synthetic(TABLE, seed=0)
    for make in (twin, fact_tables.copies(TABLE)):
        ids, own = np.array(make.ids), np.array(TABLE.ids)
        np.testing.assert_array_equal(ids < 0, own < 0)
        for r, other in itertools.combinations(range(3), 2):
            assert not (set(ids[:, r]) & set(ids[:, other])) - {-1}
        counts = [len(set(own[:, r]) - {-1}) for r in range(3)]
        assert len(make.answers) == sum(counts)
    assert twin == fact_tables.synthetic(TABLE, seed=0)
    assert twin != fact_tables.synthetic(TABLE, seed=1)
    copied = fact_tables.copies(TABLE)
    assert fact_tables.size(copied) == fact_tables.size(TABLE)
    assert copied.answers[copied.ids[0][1]] == "Euro (currency)"


SWAP = [("s", "r", "a"), ("s", "q", "b"), ("t", "r", "b"), ("t", "q", "a")]


def verdict(table):
    """Whether any codes of attention-only transformers recall a table."""
    world = recall_task.world_of_ids(table.ids, len(table.answers), noise=1)
    S, R = world.choices.shape
    outputs: Any = np.eye(len(table.answers), dtype=np.float32)
    zeros: Any = np.zeros((1, len(outputs)), np.float32)
    tokens = codes.transformer.Embeddings(
        subjects=zeros.repeat(S, 0),
        relations=zeros.repeat(R, 0),
        noise=zeros,
        end=zeros[0],
        answers=outputs,
    )
    return separation.separate(codes.token_facts(world, tokens)).verdict


def test_no_additive_scores_recall_a_swap_and_copies_of_answers_mend_it():
    table = fact_tables.of(SWAP)
    assert (fact_tables.swaps(table), fact_tables.clashes(table)) == (1, 4)
    assert verdict(table) == "impossible"
    mended = fact_tables.copies(table)
    assert (fact_tables.swaps(mended), fact_tables.clashes(mended)) == (0, 0)
    assert verdict(mended) == "stored"


def test_a_clash_ties_in_zero_one_codes_though_others_may_tell():
    table = fact_tables.of([*SWAP[:3], ("u", "q", "a")])
    assert (fact_tables.swaps(table), fact_tables.clashes(table)) == (0, 2)
    world = recall_task.world_of_ids(table.ids, len(table.answers), noise=1)
    of_subjects, of_relations = codes.answer_sets(world)
    scores = of_subjects[:, None] + of_relations[None]
    tied = [
        (scores[s, r] == scores[s, r, a]).sum() > 1
        for s, row in enumerate(table.ids)
        for r, a in enumerate(row)
        if a >= 0
    ]
    assert sum(tied) == 2
    assert verdict(table) == "stored"
