"""Fact sets: who recalls what, and which rows are dead."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from recall import facts, readout
from recall.memories import linear


def points(num_points, d=3, seed=0):
    normal = np.random.default_rng(seed).normal(size=(num_points, d))
    return jnp.asarray(normal / np.sqrt(d), jnp.float32)


def at(n):
    return jnp.asarray(n, jnp.int32)


@pytest.mark.parametrize("num_inputs", [1, 4, 5, 11, 12])
@pytest.mark.parametrize("num_outputs", [1, 4, 12])
def test_balanced_uses_every_output_equally_often(num_inputs, num_outputs):
    made = facts.balanced(points(num_inputs), points(num_outputs, seed=1))
    counts = np.bincount(made.targets, minlength=num_outputs)
    assert len(counts) == num_outputs
    assert counts.sum() == num_inputs
    assert counts.max() - counts.min() <= 1
    assert (int(made.n), int(made.num_outputs)) == (num_inputs, num_outputs)


def test_balanced_is_nested_in_the_number_of_facts():
    few, many = (facts.balanced(points(n), points(4, seed=1)) for n in (7, 20))
    assert_array_equal(few.targets, [0, 1, 2, 3, 0, 1, 2])
    assert_array_equal(many.targets[:7], few.targets)


@pytest.mark.parametrize("num_outputs", [5, 8])
def test_injective_gives_each_input_its_own_output(num_outputs):
    made = facts.injective(points(5), points(num_outputs, seed=1))
    assert_array_equal(made.targets, np.arange(5))
    assert (int(made.n), int(made.num_outputs)) == (5, num_outputs)


def test_injective_refuses_fewer_outputs_than_inputs():
    with pytest.raises(ValueError, match="outputs=4, inputs=5"):
        facts.injective(points(5), points(4))


@pytest.mark.parametrize(
    ("n", "inputs_left", "outputs_left"), [(1, 1, 1), (3, 3, 3), (5, 5, 4), (9, 6, 4)]
)
def test_take_keeps_the_first_facts_and_no_more_outputs(n, inputs_left, outputs_left):
    whole = facts.balanced(points(6), points(4, seed=1))
    taken = facts.take(whole, at(n))
    assert (int(taken.n), int(taken.num_outputs)) == (inputs_left, outputs_left)
    assert_array_equal(facts.live_inputs(taken), np.arange(6) < inputs_left)
    assert_array_equal(facts.live_outputs(taken), np.arange(4) < outputs_left)
    chex.assert_trees_all_equal(taken[:3], whole[:3])


@pytest.mark.parametrize("num_outputs", [1, 4, 9])
def test_take_leaves_every_live_target_among_the_live_outputs(num_outputs):
    whole = facts.balanced(points(9), points(num_outputs, seed=1))
    for n in range(1, 10):
        taken = facts.take(whole, at(n))
        assert int(jnp.max(taken.targets[:n])) < int(taken.num_outputs)


def test_taking_twice_is_taking_the_fewer():
    whole = facts.balanced(points(6), points(6, seed=1))
    twice = facts.take(facts.take(whole, at(4)), at(2))
    chex.assert_trees_all_equal(twice, facts.take(whole, at(2)))
    chex.assert_trees_all_equal(facts.take(facts.take(whole, at(2)), at(4)), twice)


def test_take_is_one_program_for_all_sizes():
    chex.clear_trace_counter()
    take = jax.jit(chex.assert_max_traces(facts.take, n=1))
    whole = facts.balanced(points(6), points(6, seed=1))
    assert [int(take(whole, at(n)).n) for n in (1, 4, 6)] == [1, 4, 6]


def test_pad_appends_dead_rows_and_zero_coordinates():
    made = facts.balanced(points(3, d=2), points(2, d=2, seed=1))
    padded = facts.pad(made, 5, 4, 3)
    chex.assert_shape(padded.inputs, (5, 3))
    chex.assert_shape(padded.outputs, (4, 3))
    chex.assert_trees_all_equal(padded.inputs[:3, :2], made.inputs)
    chex.assert_trees_all_equal(padded.outputs[:2, :2], made.outputs)
    assert not padded.inputs[3:].any()
    assert not padded.inputs[:, 2:].any()
    assert not padded.outputs[2:].any()
    assert not padded.outputs[:, 2:].any()
    assert_array_equal(padded.targets, [0, 1, 0, 0, 0])
    assert_array_equal(facts.live_inputs(padded), [True] * 3 + [False] * 2)
    assert_array_equal(facts.live_outputs(padded), [True] * 2 + [False] * 2)


def test_padding_to_the_same_shape_changes_nothing():
    made = facts.balanced(points(3), points(2, seed=1))
    chex.assert_trees_all_equal(facts.pad(made, 3, 2, 3), made)


@pytest.mark.parametrize(("num_outputs", "kept"), [(6, 4), (3, 3)])
def test_a_larger_draw_is_cut_to_the_smaller_one(num_outputs, kept):
    inputs, outputs = points(6), points(num_outputs, seed=1)
    found = facts.cut(facts.balanced(inputs, outputs), 4, kept)
    expected = facts.balanced(inputs[:4], outputs[:kept])
    chex.assert_trees_all_equal(found, expected)


@pytest.mark.parametrize("n", [1, 4, 6])
def test_padded_facts_mean_the_same_as_cut_ones(n):
    inputs, outputs = points(6), points(4, seed=1)
    wider = facts.pad(facts.balanced(inputs, outputs), 9, 7, 5)
    padded = facts.take(jax.tree.map(jnp.asarray, wider), at(n))
    cut = facts.balanced(inputs[:n], outputs[: min(n, 4)])
    memory = linear.outer_product(cut)
    wide = linear.outer_product(padded)
    chex.assert_trees_all_close(wide, linear.pad(memory, 5), atol=1e-6)
    recalled = linear.apply(wide, padded.inputs)
    expected = readout.margins(linear.apply(memory, cut.inputs), cut)
    chex.assert_trees_all_close(
        readout.margins(recalled, padded)[:n], expected, atol=1e-6
    )
