"""Sign gates store what their equation says, gated and as plain MLPs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from recall import embeddings, facts, readout
from recall.memories import gated, linear, mlp, sign_gates

KEY = jax.random.key(7)


def sphere_facts(n, d):
    key_in, key_out = jax.random.split(jax.random.key(0))
    inputs = embeddings.sphere(key_in, n, d)
    return facts.balanced(inputs, embeddings.sphere(key_out, n, d))


@jax.jit
def built_and_recalled(fact, gates):
    built = sign_gates.construct(fact, gates)
    return built, gated.apply(built, fact.inputs)


def test_it_is_its_equation():
    fact, gates = sphere_facts(12, 4), gated.draw_gates(KEY, 3, 4)
    E, U, w = (np.asarray(x, float) for x in (fact.inputs, fact.outputs, gates))
    A = np.einsum("gx,xa,xb->gab", np.sign(w @ E.T), U, E) / 3
    assert_allclose(built_and_recalled(fact, gates)[0].A, A, atol=1e-5)


@pytest.mark.parametrize("G", [1, 3])
def test_orthonormal_facts_are_recalled_exactly(G):
    fact = facts.injective(jnp.eye(8), jnp.eye(8)[::-1])
    _, recalled = built_and_recalled(fact, gated.draw_gates(KEY, G, 8))
    assert_allclose(recalled, fact.outputs, atol=1e-5)


def test_one_gate_stores_as_an_outer_product_and_more_gates_more():
    fact = sphere_facts(400, 32)
    own = linear.apply(linear.outer_product(fact), fact.inputs)
    counts = [int(readout.num_correct(own, fact))]
    for G in (1, 4, 16):
        _, recalled = built_and_recalled(fact, gated.draw_gates(KEY, G, 32))
        counts.append(int(readout.num_correct(recalled, fact)))
    assert_allclose(counts[1], counts[0], atol=40)
    assert counts[1] < counts[2] < counts[3]


def test_plain_forms_recall_the_same_and_relu_needs_its_correction():
    fact = sphere_facts(60, 16)
    built, expected = built_and_recalled(fact, gated.draw_gates(KEY, 4, 16))
    scale = float(jnp.max(jnp.abs(expected)))
    plain = jax.jit(sign_gates.as_relu_mlp)(built, fact.inputs)
    assert plain.W.shape == (gated.num_units(4, 16) + 2 * 16, 16)
    found = mlp.apply(plain, fact.inputs, "relu")
    assert_allclose(found, expected, atol=5e-3 * scale)
    bare = mlp.Params(W=plain.W[:-32], b=plain.b[:-32], V=plain.V[:-32])
    error = mlp.apply(bare, fact.inputs, "relu") - expected
    assert float(jnp.max(jnp.abs(error))) > 0.3 * scale


def test_a_padded_construction_is_that_of_the_facts_alone():
    whole, gates = sphere_facts(20, 8), gated.draw_gates(KEY, 3, 8)
    cut = facts.balanced(whole.inputs[:12], whole.outputs[:12])
    expected = sign_gates.construct(cut, gates).A
    wider = jax.tree.map(jnp.asarray, facts.pad(whole, 25, 23, 11))
    padded = facts.take(wider, jnp.int32(12))
    wide = sign_gates.construct(padded, jnp.pad(gates, ((0, 2), (0, 3)))).A
    assert_allclose(wide[:3, :8, :8], expected, atol=1e-5)
    assert not wide[3:].any()
    assert not wide[:, 8:].any()
    assert not wide[:, :, 8:].any()
