"""Kinds of memories: what they draw, and that their searches are one program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from numpy.testing import assert_array_equal

from recall import capacity
from recall.memories import kinds
from recall.sweeps import lanes, memory_search

HERMITE = {"activation": "hermite2", "degree": 1}
DESIGNS = {
    "outer_product": {},
    "low_rank": {"rank": 2},
    "random_low_rank": {"rank": 3},
    "whitened": {},
    "centred": {},
    "pseudo_inverse": {},
    "hermite": {"m": 8} | HERMITE,
    "gated_hermite": {"m": 8} | HERMITE,
    "sign_gates": {"m": 2 * 5},
    "hebbian": {"m": 6},
    "bilinear": {"m": 6},
    "relu_features": {"m": 6},
    "data_dependent": {"m": 4},
}
# Weights by hand at d = 4: a square, 2 d rank, 2 d m, 3 d m0, G d (d + 1), 3 d m.
PARAMETERS = (16, 16, 24, 16, 16, 16, 64, 48, 40, 72, 72, 48, 48)


def search(memory, d=4, **changes):
    same = {"threshold": 1.0, "seed": 0, "limit": 1000, "expected": 6}
    fields = {"memory": memory, "d": d, "strategy": tiny.EXACT}
    return memory_search.MemorySearch(**same | fields | DESIGNS[memory] | changes)


def test_every_construction_is_tested():
    built = {k for k, kind in kinds.KINDS.items() if kind.construct is not None}
    assert set(DESIGNS) == built


@pytest.mark.parametrize(
    ("memory", "count"), [*zip(DESIGNS, PARAMETERS, strict=True)], ids=DESIGNS
)
def test_parameters_by_hand(memory, count):
    assert search(memory).num_parameters == count
    assert not search(memory).trained


DRAWN = ["random_low_rank", "hermite", "sign_gates", "bilinear", "relu_features"]


@pytest.mark.parametrize("memory", DRAWN)
def test_what_is_drawn_is_the_seeds_and_not_the_number_of_facts(memory):
    one = search(memory)
    few, many, other = (
        memory_search.draw(s, n)[1]
        for s, n in ((one, 5), (one, 9), (search(memory, seed=1), 5))
    )
    same = jax.tree.map(lambda a, b: bool(jnp.all(a == b)), few, many)
    assert all(jax.tree.leaves(same))
    leaves = zip(jax.tree.leaves(few), jax.tree.leaves(other), strict=True)
    random = [np.array_equal(a, b) for a, b in leaves if a.ndim and a.any()]
    assert not any(random)


def answers(lane, i):
    count = lane.num_probes[i]
    return [column[i, :count].tolist() for column in (lane.log.n, lane.log.correct)]


def test_a_padded_search_finds_the_same():
    some = [search("sign_gates", seed=seed) for seed in range(2)]
    large = search("sign_gates", 6, m=3 * 7, expected=12)
    shared = tiny.finish(tiny.batch([*some, large]))
    own = tiny.finish(tiny.batch(some))
    assert [answers(shared, i) for i in range(2)] == [answers(own, i) for i in range(2)]


def test_one_compilation_serves_a_whole_search(monkeypatch):
    programs = []

    def program(advance, *rest):
        def counted(problem, lane):
            programs.append(1)
            return advance(problem, lane)

        return real.__wrapped__(counted, *rest)

    real = lanes.program
    monkeypatch.setattr(lanes, "program", program)
    rows = tiny.rows_of(tiny.steps(tiny.batch([search("hermite")])))
    assert len(programs) == 1
    assert rows[-1]["kind"] == "capacity"
    assert rows[-1]["num_probes"] > 1
    assert (rows[-1]["degree"], rows[-1]["activation"]) == (1, "hermite2")


def test_padding_appends_zeros():
    tree = {"a": jnp.ones((2, 1)), "n": jnp.int32(3)}
    wide = kinds.pad(tree, {"a": jnp.zeros((3, 2)), "n": jnp.int32(0)})
    assert_array_equal(wide["a"], [[1, 0], [1, 0], [0, 0]])
    assert int(wide["n"]) == 3


def test_gates_are_counted_from_the_plain_network():
    design = kinds.Design(d=4, m=3 * 5)
    assert kinds.num_gates(design) == 3
    assert capacity.METHODS[0] == search("sign_gates").strategy.method
