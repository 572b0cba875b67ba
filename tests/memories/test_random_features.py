"""Readouts of random and of fitted features."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall import embeddings, facts, readout
from recall.memories import mlp, random_features

KEY = jax.random.key(7)


def sphere_facts(n, num_outputs, d):
    key_in, key_out = jax.random.split(jax.random.key(0))
    inputs = embeddings.sphere(key_in, n, d)
    return facts.balanced(inputs, embeddings.sphere(key_out, num_outputs, d))


BUILT = {
    "hebbian": functools.partial(
        random_features.hebbian, features=random_features.bilinear
    ),
    "whitened": functools.partial(
        random_features.whitened, features=random_features.bilinear
    ),
    "data_dependent": random_features.data_dependent,
}


@functools.partial(jax.jit, static_argnums=2)
def built_and_recalled(fact, drawn, name):
    built = BUILT[name](fact, drawn)
    return built, random_features.apply_bilinear(built, fact.inputs)


def num_stored(fact, drawn, name):
    recalled = built_and_recalled(fact, drawn, name)[1]
    return int(readout.num_correct(recalled, fact))


def test_features_are_their_equations():
    params, z = random_features.draw_bilinear(KEY, 3, 5), jax.random.normal(KEY, (4, 3))
    A0, A1, rows = (np.asarray(x, float) for x in (params.A0, params.A1, z))
    expected = [(A0 @ row) * (A1 @ row) for row in rows]
    assert_allclose(random_features.bilinear(params, z), expected, rtol=1e-4, atol=1e-5)
    units = random_features.draw_relu(KEY, 3, 5)
    built = units._replace(V=jax.random.normal(jax.random.key(1), (5, 3)))
    found = random_features.relu(units, z) @ built.V
    assert_allclose(mlp.apply(built, z), found, atol=1e-5)


@pytest.mark.parametrize("kind", ["bilinear", "relu"])
def test_readouts_are_correlation_and_ridge_regression(kind):
    draw, phi = {
        "bilinear": (random_features.draw_bilinear, random_features.bilinear),
        "relu": (random_features.draw_relu, random_features.relu),
    }[kind]
    fact, drawn = sphere_facts(60, 20, 8), draw(KEY, 8, 16)
    Phi = np.asarray(phi(drawn, fact.inputs), float)
    U_f = np.asarray(fact.outputs[fact.targets], float)
    raw = random_features.hebbian(fact, drawn, phi)
    assert_allclose(raw.V, Phi.T @ U_f / 60, atol=1e-5)
    moment = Phi.T @ Phi
    damped = moment + 0.01 * np.trace(moment) / 16 * np.eye(16)
    white = random_features.whitened(fact, drawn, phi, 0.01)
    assert_allclose(white.V, np.linalg.solve(damped, Phi.T @ U_f), atol=1e-4)


def test_float32_is_enough():
    # The same solution in float64, just below capacity, recalls the same facts.
    fact, drawn = (
        sphere_facts(256, 256, 32),
        random_features.draw_bilinear(KEY, 32, 170),
    )
    white = built_and_recalled(fact, drawn, "whitened")[0]
    Phi = np.asarray(random_features.bilinear(drawn, fact.inputs), float)
    U = np.asarray(fact.outputs, float)
    moment = Phi.T @ Phi
    ridge = random_features.RIDGE * np.trace(moment) / 170
    V = np.linalg.solve(moment + ridge * np.eye(170), Phi.T @ U)
    assert_allclose(white.V, V, atol=2e-3 * np.abs(V).max())
    right = np.argmax(Phi @ V @ U.T, axis=1) == np.arange(256)
    assert num_stored(fact, drawn, "whitened") == right.sum()


def test_whitened_beats_raw_and_fitted_features_beat_random_ones():
    fact, drawn = sphere_facts(240, 240, 32), random_features.draw_bilinear(KEY, 32, 74)
    raw, white, fitted = (num_stored(fact, drawn, name) for name in BUILT)
    assert raw < white < fitted
    assert fitted >= 238


def test_a_fitted_factor_solves_its_ridge_regression():
    # Its normal equations, written out as a dense system in float64.
    fact, d, m = sphere_facts(14, 7, 3), 3, 4
    drawn = random_features.draw_bilinear(KEY, d, m)
    V = np.asarray(
        random_features.hebbian(fact, drawn, random_features.bilinear).V, float
    )
    E, U, other = (np.asarray(x, float) for x in (fact.inputs, fact.outputs, drawn.A0))
    C = E @ other.T
    design = np.einsum("yr,xr,xj->xyrj", U @ V.T, C, E).reshape(-1, m * d)
    wanted = (U[np.asarray(fact.targets)] @ U.T).reshape(-1)
    gram = design.T @ design
    damped = gram + 0.1 * np.trace(gram) / (m * d) * np.eye(m * d)
    expected = np.linalg.solve(damped, design.T @ wanted).reshape(m, d)
    fit = jax.jit(random_features._fit_factor, static_argnums=3)
    found = fit(fact, jnp.asarray(V, jnp.float32), drawn.A0, 0.1)
    assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("name", BUILT)
def test_a_padded_construction_is_that_of_the_facts_alone(name):
    whole, drawn = sphere_facts(20, 20, 8), random_features.draw_bilinear(KEY, 8, 6)
    cut = facts.balanced(whole.inputs[:12], whole.outputs[:12])
    _, expected = built_and_recalled(cut, drawn, name)
    padded = facts.take(facts.pad(whole, 25, 23, 11), jnp.int32(12))
    more = random_features.Bilinear(*(jnp.pad(x, ((0, 3), (0, 3))) for x in drawn))
    built, found = built_and_recalled(padded, more, name)
    assert_allclose(found[:12, :8], expected, atol=1e-3)
    assert_array_equal(built.V[6:], 0.0)


@pytest.mark.parametrize(
    "draw", [random_features.draw_bilinear, random_features.draw_relu]
)
def test_no_features_are_refused(draw):
    with pytest.raises(ValueError, match=r"m >= 1 features; got m=0"):
        draw(KEY, 4, 0)
