"""Memories made by hand do what their theorems say; memories are their equations."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall import embeddings, facts, readout
from recall.memories import linear, mlp

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: (  # with the usual tanh for the error function
        x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2
    ),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "sin": np.sin,
    "abs": np.abs,
    "square": np.square,
    "hermite1": lambda x: x,  # slopes 1, x, (x^2 - 1) / sqrt 2, (x^3 - 3x) / sqrt 6
    "hermite2": lambda x: x**2 / 2,
    "hermite3": lambda x: (x**3 - 3 * x) / (3 * np.sqrt(2)),
    "hermite4": lambda x: (x**4 - 6 * x**2) / (4 * np.sqrt(6)),
}


def sphere_facts(key, num_inputs, num_outputs, d):
    key_in, key_out = jax.random.split(key)
    inputs = embeddings.sphere(key_in, num_inputs, d)
    return facts.balanced(inputs, embeddings.sphere(key_out, num_outputs, d))


def num_stored(params, fact):
    return readout.num_correct(linear.apply(params, fact.inputs), fact)


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))
def stored_by_outer_products(n, num_inputs, num_outputs, d, seeds):
    """Of the first n facts, those that an outer product recalls, for several seeds."""

    def one(seed):
        whole = sphere_facts(jax.random.key(seed), num_inputs, num_outputs, d)
        fact = facts.take(whole, n)
        return num_stored(linear.outer_product(fact), fact)

    return jax.vmap(one)(jnp.arange(seeds))


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


# Linear memories


@pytest.mark.parametrize("d", [1, 2, 16])
def test_outer_product_stores_orthonormal_facts_exactly(d):
    fact = facts.injective(jnp.eye(d), jnp.eye(d)[::-1])
    memory = linear.outer_product(fact)
    chex.assert_trees_all_equal(linear.apply(memory, fact.inputs), fact.outputs)
    recalled = linear.apply(memory, fact.inputs)
    assert float(readout.accuracy(recalled, fact)) == 1.0


def test_outer_product_by_hand():
    # W = (1, 2) (3, 4)^T + (5, 6) (7, 8)^T; the third fact is dead.
    fact = facts.take(
        facts.balanced(
            jnp.asarray([[3.0, 4.0], [7.0, 8.0], [9.0, 9.0]]),
            jnp.asarray([[1.0, 2.0], [5.0, 6.0], [9.0, 9.0]]),
        ),
        jnp.int32(2),
    )
    assert_array_equal(linear.outer_product(fact).W, [[38.0, 44.0], [48.0, 56.0]])


@pytest.mark.parametrize(("n", "is_stored"), [(48, True), (436, False)])
def test_outer_product_stores_up_to_about_d_squared_over_8_log_n(n, is_stored):
    d = 64  # d^2 = 8 N ln N at N = 109
    correct = stored_by_outer_products(jnp.int32(n), 436, 436, d, 8)
    assert_array_equal(correct == n, is_stored)


def test_shared_outputs_break_an_outer_product():
    # The inputs of the n / 32 facts of one output add up: crosstalk of variance
    # n / (32 d) instead of n / d^2, however large d^2 is.
    n, d = 600, 256
    injective = stored_by_outer_products(jnp.int32(n), n, n, d, 3)
    shared = stored_by_outer_products(jnp.int32(n), n, 32, d, 3)
    assert_array_equal(injective, n)
    assert np.all(shared < 0.97 * n)


@pytest.fixture(scope="module")
def ranked():
    """An outer product of 40 facts in 8 dimensions, and a program for all its ranks."""
    fact = sphere_facts(jax.random.key(0), 40, 40, 8)
    W = np.asarray(linear.outer_product(fact).W, float)
    low_rank = jax.jit(lambda rank: linear.low_rank(fact, rank).W)
    return W, lambda rank: np.asarray(low_rank(jnp.int32(rank)), float)


def test_low_rank_of_full_rank_is_the_outer_product(ranked):
    W, low_rank = ranked
    assert_allclose(low_rank(8), W, atol=1e-5)
    assert_array_equal(low_rank(0), 0.0)


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_low_rank_is_the_best_approximation_of_its_rank(ranked, rank):
    W, low_rank = ranked
    spectrum = np.linalg.svd(W, compute_uv=False)
    truncated = np.linalg.svd(low_rank(rank), compute_uv=False)
    assert_allclose(truncated[:rank], spectrum[:rank], rtol=1e-5)
    assert np.all(truncated[rank:] < 1e-5 * spectrum[0])
    # Eckart, Young: no matrix of this rank is nearer.
    error = np.linalg.norm(W - low_rank(rank))
    assert_allclose(error, np.linalg.norm(spectrum[rank:]), rtol=1e-5)


def test_rank_may_be_a_number_or_traced(ranked):
    _, low_rank = ranked
    fact = sphere_facts(jax.random.key(0), 40, 40, 8)
    assert_allclose(linear.low_rank(fact, 3).W, low_rank(3), atol=1e-5)


CONSTRUCTIONS = {
    "outer_product": linear.outer_product,
    "whitened": linear.whitened,
    "pseudo_inverse": linear.pseudo_inverse,
}


@pytest.mark.parametrize("name", CONSTRUCTIONS)
@pytest.mark.parametrize("d", [1, 2, 16])
def test_every_construction_recalls_orthonormal_facts_exactly(name, d):
    fact = facts.injective(jnp.eye(d), jnp.eye(d)[::-1])
    recalled = linear.apply(CONSTRUCTIONS[name](fact), fact.inputs)
    assert_allclose(recalled, fact.outputs, atol=1e-5)


@pytest.mark.parametrize("name", [*CONSTRUCTIONS, "random_low_rank"])
def test_a_padded_construction_is_that_of_the_facts_alone(name):
    factors = embeddings.sphere(jax.random.key(1), 5, 8)
    construct = CONSTRUCTIONS.get(name, lambda f: linear.random_low_rank(f, factors))
    whole = sphere_facts(jax.random.key(0), 20, 20, 8)
    cut = facts.balanced(whole.inputs[:12], whole.outputs[:12])
    expected = construct(cut).W
    found = construct(facts.take(whole, jnp.int32(12))).W
    assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    factors = jnp.pad(factors, ((0, 2), (0, 3)))
    wide = construct(facts.take(facts.pad(whole, 25, 25, 11), jnp.int32(12))).W
    scale = 11 / 8 if name == "random_low_rank" else 1.0  # of d / m: no answer moves
    assert_allclose(wide[:8, :8], scale * expected, rtol=1e-4, atol=1e-4)
    assert_allclose(wide[8:], 0.0, atol=1e-6)


@pytest.mark.parametrize("n", [1, 4, 8])
def test_least_squares_is_exact_as_long_as_facts_are_no_more_than_dimensions(n):
    shared = sphere_facts(jax.random.key(0), n, max(2, n // 2), 8)
    recalled = linear.apply(linear.pseudo_inverse(shared), shared.inputs)
    assert_allclose(recalled, shared.outputs[shared.targets], atol=2e-3)


def test_least_squares_is_least_squares():
    fact = sphere_facts(jax.random.key(0), 40, 40, 8)
    E, U_f = (np.asarray(x, float) for x in (fact.inputs, fact.outputs))
    expected = np.linalg.lstsq(E, U_f, rcond=None)[0].T
    assert_allclose(linear.pseudo_inverse(fact).W, expected, atol=1e-4)


def test_whitening_is_its_equation():
    fact = sphere_facts(jax.random.key(0), 40, 40, 8)
    E, U = (np.asarray(x, float) for x in (fact.inputs, fact.outputs))
    expected = np.linalg.inv(U.T @ U) @ (U.T @ E) @ np.linalg.inv(E.T @ E)
    assert_allclose(linear.whitened(fact).W, expected, rtol=1e-3, atol=1e-5)


def test_whitening_stores_what_an_outer_product_cannot():
    fact = sphere_facts(jax.random.key(0), 160, 160, 64)
    assert int(num_stored(linear.whitened(fact), fact)) == 160
    assert int(num_stored(linear.outer_product(fact), fact)) < 155


def test_random_factors_project_the_outer_product():
    fact = sphere_facts(jax.random.key(0), 40, 40, 8)
    v = np.asarray(embeddings.sphere(jax.random.key(1), 3, 8), float)
    W = np.asarray(linear.outer_product(fact).W, float)
    found = np.asarray(linear.random_low_rank(fact, jnp.asarray(v, jnp.float32)).W)
    assert_allclose(found, 8 / 3 * v.T @ v @ W, atol=1e-4)
    assert np.linalg.matrix_rank(found, tol=1e-4) == 3


def test_whitening_refuses_facts_that_cannot_be_injective():
    shared = sphere_facts(jax.random.key(0), 6, 4, 8)
    with pytest.raises(ValueError, match=r"injective f, at least 6.*got outputs=4"):
        linear.whitened(shared)


def test_a_random_factorisation_needs_a_factor():
    fact = sphere_facts(jax.random.key(0), 6, 6, 8)
    with pytest.raises(ValueError, match=r"rank >= 1; got rank=0"):
        linear.random_low_rank(fact, jnp.zeros((0, 8)))
    with pytest.raises(ValueError, match=r"rank >= 0; got rank=-1"):
        linear.low_rank(fact, -1)


def test_truncation_stores_fewer_facts():
    fact = sphere_facts(jax.random.key(0), 80, 80, 64)
    low_rank = jax.jit(lambda rank: num_stored(linear.low_rank(fact, rank), fact))
    stored = [int(low_rank(jnp.int32(rank))) for rank in (1, 8, 64)]
    assert stored[0] < stored[1] < stored[2] == 80


def test_a_linear_memory_starts_at_norm_one():
    W = np.asarray(linear.init(jax.random.key(0), 64).W, float)
    assert_allclose(np.mean(W), 0.0, atol=0.01)
    assert_allclose(np.var(W), 1 / 64, rtol=0.05)


def test_linear_apply_is_its_equation():
    W, z = normal(4, 4), normal(5, 4, seed=1)
    recalled = linear.apply(linear.Params(W=W), z)
    assert_allclose(recalled, [np.asarray(W) @ row for row in np.asarray(z)], rtol=1e-5)


def test_a_padded_linear_memory_is_the_same_memory():
    params, z = linear.Params(W=normal(4, 4)), normal(5, 4, seed=1)
    wide = linear.apply(linear.pad(params, 6), jnp.pad(z, ((0, 0), (0, 2))))
    assert_allclose(wide[:, :4], linear.apply(params, z), atol=1e-6)
    assert_array_equal(wide[:, 4:], 0.0)


# MLP memories


def random_mlp(d, m):
    keys = jax.random.split(jax.random.key(0))
    return mlp.init(keys[0], d, m)._replace(b=jax.random.normal(keys[1], (m,)))


def test_every_activation_is_tested():
    assert set(ACTIVATIONS) == set(mlp.ACTIVATIONS)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_mlp_apply_is_its_equation(name):
    params, z = random_mlp(d=3, m=6), 2 * normal(5, 3)
    W, b, V = (np.asarray(x, float) for x in params)
    expected = [V.T @ ACTIVATIONS[name](W @ row + b) for row in np.asarray(z, float)]
    assert_allclose(mlp.apply(params, z, name), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_leaves_a_silent_unit_silent(name):
    # Its value is 0, and no gradient reaches weights that are 0 on both sides.
    params = mlp.pad(random_mlp(d=3, m=6), 3, 8)
    z = normal(5, 3)
    assert float(mlp.ACTIVATIONS[name](jnp.zeros(()))) == 0.0
    grads = jax.grad(lambda p: jnp.sum(jnp.sin(mlp.apply(p, z, name))))(params)
    for grad in grads:
        assert jnp.any(grad[:6] != 0)
        assert_array_equal(grad[6:], 0.0)


def test_relu_is_the_default_activation():
    params, z = random_mlp(d=3, m=6), normal(5, 3)
    chex.assert_trees_all_equal(mlp.apply(params, z), mlp.apply(params, z, "relu"))


def test_an_unknown_activation_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'gelu', .*'relu', .*got 'rleu'"):
        mlp.apply(random_mlp(d=3, m=6), normal(5, 3), "rleu")


def test_an_mlp_starts_without_biases_and_with_layers_of_norm_one():
    params = mlp.init(jax.random.key(0), 32, 128)
    chex.assert_shape(tuple(params), [(128, 32), (128,), (128, 32)])
    assert_array_equal(params.b, 0.0)
    assert_allclose(np.var(np.asarray(params.W, float)), 1 / 32, rtol=0.1)
    assert_allclose(np.var(np.asarray(params.V, float)), 1 / 128, rtol=0.1)
    correlation = np.corrcoef(np.ravel(params.W), np.ravel(params.V))[0, 1]
    assert abs(correlation) < 0.05


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_padded_mlp_is_the_same_memory(name):
    params, z = random_mlp(d=3, m=6), normal(5, 3)
    padded = mlp.pad(params, 5, 9)
    chex.assert_shape(tuple(padded), [(9, 5), (9,), (9, 5)])
    wide = mlp.apply(padded, jnp.pad(z, ((0, 0), (0, 2))), name)
    assert_allclose(wide[:, :3], mlp.apply(params, z, name), rtol=1e-5, atol=1e-5)
    assert_array_equal(wide[:, 3:], 0.0)
