"""Weights of few bits: levels, steps, gradients, and what they are counted as."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall.memories import quantization


def test_levels_by_hand():
    weights = jnp.asarray([-9.0, -1.1, -0.2, 0.0, 0.3, 1.0, 1.9, 7.0])
    found = quantization.quantize(weights, jnp.float32(1.0), jnp.float32(2))
    np.testing.assert_allclose(found, [-1.5, -1.5, -0.5, 0.5, 0.5, 1.5, 1.5, 1.5])


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_there_are_as_many_levels_as_bits_tell_apart(bits):
    weights = jnp.linspace(-4.0, 4.0, 4001)
    step = quantization.best_steps(weights, jnp.float32(bits))
    found = quantization.quantize(weights, step, jnp.float32(bits))
    assert len(np.unique(found)) == 2**bits
    again = quantization.quantize(found, step, jnp.float32(bits))
    np.testing.assert_allclose(found, again, rtol=1e-6)


def test_the_step_is_the_closest_of_those_tried():
    weights = jax.random.normal(jax.random.key(0), (64, 8))
    bits = jnp.float32(2)
    error = lambda step: float(  # noqa: E731
        jnp.sum((weights - quantization.quantize(weights, step, bits)) ** 2)
    )
    step = quantization.best_steps({"W": weights}, bits)["W"]
    # The best step of four levels is .996 of a Gaussian's deviation (Max 1960).
    assert 0.85 < float(step) < 1.15
    assert error(step) < min(error(0.8 * step), error(1.2 * step))
    assert error(step) < 0.13 * weights.size  # .1188 each, by the same table


def test_more_bits_are_closer_and_sixteen_are_as_good_as_all():
    weights = jax.random.normal(jax.random.key(1), (32, 32))
    errors = []
    for bits in (2, 4, 8, 16):
        b = jnp.float32(bits)
        found = quantization.quantize(weights, quantization.best_steps(weights, b), b)
        errors.append(float(jnp.max(jnp.abs(found - weights))))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-4 * float(jnp.max(jnp.abs(weights)))


def test_gradients_pass_where_nothing_is_clipped():
    slope = jax.grad(lambda w: quantization.quantize(w, jnp.float32(1), jnp.float32(2)))
    assert slope(jnp.float32(0.7)) == 1.0
    assert slope(jnp.float32(5.0)) == 0.0


def test_a_matrix_of_zeros_has_levels():
    found = quantization.best_steps(jnp.zeros((2, 2)), jnp.float32(4))
    assert np.isfinite(
        quantization.quantize(jnp.zeros((2, 2)), found, jnp.float32(4))
    ).all()


def test_bits_are_counted_with_the_steps_of_matrices():
    assert quantization.num_bits([64], 2) == 128 + 32
    assert quantization.num_bits([32, 4, 32], 3) == 3 * 68 + 3 * 32
