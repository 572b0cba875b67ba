"""The fewest weights that store facts: searches of widths, and the ways to a memory."""

import configs_made
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall import readout
from recall.experiments.memory_weights import measure as memory_weights
from recall.experiments.memory_weights import small_memories
from recall.memories import random_features
from recall.solvers import alternating

SWEEPS = alternating.Sweeps(count=200, steps=4, rate=0.1)


def search(smallest, first, most=1000, resolution=0.0):
    stored: dict[int, bool] = {}
    while width := memory_weights.next_width(stored, first, most, resolution):
        assert 1 <= width <= most
        assert width not in stored
        stored[width] = width >= smallest
    return min((w for w, good in stored.items() if good), default=None), list(stored)


@pytest.mark.parametrize("smallest", [1, 2, 9, 10, 11, 40, 300])
@pytest.mark.parametrize("first", [1, 10, 100])
def test_the_smallest_width_is_found_whatever_was_expected(smallest, first):
    stored, widths = search(smallest, first)
    assert stored == smallest
    assert smallest == 1 or smallest - 1 in widths


def test_a_width_that_is_not_found_below_the_ceiling_is_none():
    stored, widths = search(300, 10, most=50)
    assert stored is None
    assert max(widths) == 50


def test_a_coarser_resolution_probes_less():
    (fine, many), (coarse, few) = (search(300, 200, resolution=r) for r in (0.0, 0.1))
    assert fine is not None
    assert coarse is not None
    assert fine <= coarse <= 1.1 * fine
    assert len(few) < len(many)


def bilinear(m, d, padded):
    keys = jax.random.split(jax.random.key(3), 3)
    A0, A1, V = (
        jnp.pad(jax.random.normal(key, (m, d)), ((0, padded - m), (0, 0)))
        for key in keys
    )
    return random_features.Bilinear(A0=A0, A1=A1, V=V)


def test_sweeps_store_more_facts_than_a_linear_memory_of_as_many_weights_can():
    given = small_memories.draw(0, 40, 8)  # d^2 = 64 weights store some 23
    found = alternating.fit(given, bilinear(6, 8, 6), SWEEPS)
    assert bool(found.stored)
    recalled = random_features.apply_bilinear(found.params, given.inputs)
    assert int(readout.num_correct(recalled, given)) == 40 == int(found.correct)
    assert 0 < int(found.sweeps) < SWEEPS.count


def test_silent_units_change_nothing_and_stay_silent():
    given, few = small_memories.draw(0, 40, 8), alternating.Sweeps(count=5, steps=4)
    cut = alternating.fit(given, bilinear(3, 8, 3), few)
    padded = alternating.fit(given, bilinear(3, 8, 6), few)
    assert int(cut.sweeps) == int(padded.sweeps) == 5
    for one, other in zip(cut.params, padded.params, strict=True):
        np.testing.assert_allclose(one, other[:3], rtol=1e-3, atol=1e-4)
        assert not np.any(np.asarray(other[3:]))


def test_a_block_is_stepped_while_the_others_are_still():
    given, start = small_memories.draw(0, 12, 4), bilinear(3, 4, 3)
    moments = {b: alternating.training.ADAM.init(start.V) for b in alternating.BLOCKS}
    for block in alternating.BLOCKS:
        moved, _ = alternating._descend(
            start, moments, block, given, jnp.float32(0.1), 3
        )
        for name in start._fields:
            same = np.array_equal(getattr(moved, name), getattr(start, name))
            assert same == (name != block)


@pytest.mark.parametrize("method", small_memories.METHODS)
def test_every_way_stores_facts_with_enough_weights_and_not_with_too_few(method):
    given, way = small_memories.draw(1, 24, 8), small_memories.METHODS[method]
    key = jax.random.key(0)
    wide = 60 if method in ("whitened", "data_dependent") else 24
    enough = way.attempt(given, key, wide, wide)
    assert enough.stored
    assert enough.accuracy == 1.0
    assert (enough.steps > 0) == way.iterative
    few = way.attempt(given, key, 1, wide)
    assert not few.stored
    assert few.accuracy < 1.0


def test_weights_are_counted_with_all_that_is_random():
    count = {n: m.weights(4, 6) for n, m in small_memories.METHODS.items()}
    assert count.pop("sign_gates") == 4 * 6 + 2 * 4  # two gates
    assert set(count.values()) == {3 * 4 * 6}


def test_a_job_tells_every_width_and_the_fewest_weights():
    lane = memory_weights.WeightsLane(
        method="sign_gates", d=8, facts=24, seed=0, expected=10, most=40
    )
    job = memory_weights.WeightsBatch(lanes=(lane,))
    *probes, last = [row for rows in job.measure(job.lanes) for row in rows]
    stored = [row["width"] for row in probes if row["stored"]]
    assert last["kind"] == "run"
    assert last["width"] == min(stored)
    assert last["weights"] == small_memories.METHODS["sign_gates"].weights(
        8, last["width"]
    )
    assert last["width"] - 1 in [row["width"] for row in probes if not row["stored"]]


# Its config

FEWEST = "memory_weights"
WRONG = [
    (FEWEST, {"methods": ("descent",)}, ["methods", "'descent'", "'alternating'"]),
    (FEWEST, {"cells": ((32, 1),)}, ["cells: facts", "1", ">= 2"]),
    (FEWEST, {"cells": ((32, 8, 2),)}, ["cells", "pairs", "(32, 8, 2)"]),
    (FEWEST, {"most": 0.5}, ["most", "0.5", "[1, inf)"]),
]


@pytest.mark.parametrize(("name", "changes", "words"), WRONG)
def test_a_wrong_value_is_named_with_its_field_and_what_is_allowed(
    name, changes, words
):
    configs_made.refuses(name, changes, words)
