"""The gated memory: its features, and the plain MLP that it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall import embeddings
from recall.memories import gated, mlp

KEY = jax.random.key(0)


def a_memory(G, d):
    key_gates, key_A, key_z = jax.random.split(KEY, 3)
    params = gated.Params(
        gates=gated.draw_gates(key_gates, G, d),
        A=10 * jax.random.normal(key_A, (G, d, d)),
    )
    return params, embeddings.sphere(key_z, 40, d)


@pytest.mark.parametrize(("G", "d"), [(1, 1), (1, 5), (3, 8)])
def test_it_is_a_sum_of_signed_linear_maps(G, d):
    params, inputs = a_memory(G, d)
    for z, recalled in zip(inputs, gated.apply(params, inputs), strict=True):
        parts = [
            jnp.sign(w @ z) * (A @ z)
            for w, A in zip(params.gates, params.A, strict=True)
        ]
        np.testing.assert_allclose(recalled, sum(parts), rtol=1e-4, atol=1e-4)


def test_it_is_linear_in_its_features():
    params, inputs = a_memory(3, 8)
    W = jnp.swapaxes(params.A, 0, 1).reshape(8, 24)
    found = gated.features(params.gates, inputs) @ W.T
    np.testing.assert_allclose(found, gated.apply(params, inputs), rtol=1e-4, atol=1e-4)
    again = gated.from_readout(params.gates, W)
    np.testing.assert_array_equal(again.A, params.A)


@pytest.mark.parametrize("share", [0.99, 0.5, 0.1])
@pytest.mark.parametrize(("G", "d"), [(1, 5), (3, 8)])
def test_it_is_a_plain_mlp_of_g_times_d_plus_one_units(share, G, d):
    params, inputs = a_memory(G, d)
    plain = gated.as_mlp(params, inputs, share)
    assert plain.W.shape == plain.V.shape == (gated.num_units(G, d), d)
    assert gated.num_units(G, d) == G * (d + 1)
    expected = gated.apply(params, inputs)
    found = mlp.apply(plain, inputs, "abs")
    np.testing.assert_allclose(found, expected, atol=2e-3 * float(abs(expected).max()))


def test_a_larger_step_would_flip_a_sign():
    params, inputs = a_memory(3, 8)
    found = mlp.apply(gated.as_mlp(params, inputs, 2.0), inputs, "abs")
    assert float(abs(found - gated.apply(params, inputs)).max()) > 1.0


def test_no_gates_are_refused():
    with pytest.raises(ValueError, match="gates >= 1; got gates=0"):
        gated.draw_gates(KEY, 0, 4)
