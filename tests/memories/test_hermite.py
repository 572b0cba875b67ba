"""The paper's MLP construction computes what its theorem says, gated and plain."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall import embeddings, facts, readout
from recall.memories import hermite, linear, mlp
from recall.theory import features

KEY = jax.random.key(7)


def sphere_facts(n, num_outputs, d, seed=0):
    key_in, key_out = jax.random.split(jax.random.key(seed))
    inputs = embeddings.sphere(key_in, n, d)
    return facts.balanced(inputs, embeddings.sphere(key_out, num_outputs, d))


@functools.partial(jax.jit, static_argnames=("n", "m0", "k", "activation", "sign"))
def stored(seed, n, m0, k, activation, sign=1.0):
    """Of n facts in 64 dimensions, those that gated and plain forms recall."""
    fact = sphere_facts(n, n, 64, seed)
    units = hermite.draw(jax.random.fold_in(KEY, seed), 64, m0)
    built = hermite.construct(fact, units, degree=k, activation=activation)
    built = built._replace(P=sign * built.P)
    gated = hermite.apply(built, fact.inputs, activation)
    plain = mlp.apply(hermite.as_mlp(built), fact.inputs, activation)
    return readout.num_correct(gated, fact), readout.num_correct(plain, fact)


@functools.partial(jax.jit, static_argnames=("k", "activation"))
def forms(fact, units, k, activation):
    """What both forms of a memory recall, and its duals."""
    built = hermite.construct(fact, units, degree=k, activation=activation)
    gated = hermite.apply(built, fact.inputs, activation)
    return built, gated, mlp.apply(hermite.as_mlp(built), fact.inputs, activation)


# Polynomials and moments


@pytest.mark.parametrize("k", range(5))
def test_polynomials_are_orthonormal(k):
    g, weights = np.polynomial.hermite_e.hermegauss(20)
    h = [hermite.polynomial(jnp.asarray(g, jnp.float32), j) for j in range(5)]
    products = [weights @ np.asarray(h[k] * h[j], float) for j in range(5)]
    assert_allclose(products / weights.sum(), np.eye(5)[k], atol=1e-4)


@pytest.mark.parametrize("k", range(4))
def test_hermite_activations_have_hermite_slopes(k):
    t = jnp.linspace(-2.0, 2.0, 9)
    slope = hermite.derivative(f"hermite{k + 1}", t)
    assert_allclose(slope, hermite.polynomial(t, k), atol=1e-5)
    found = hermite.moments(f"hermite{k + 1}", k)
    assert_allclose(found[:2], 1.0, rtol=1e-4)
    assert_allclose(found.own, features.fourth_moment(k), rtol=1e-4)


def test_moments_by_hand():
    # sigma' = 2 g: c_1 = 2, E sigma'^2 = 4, E (2 g g)^2 = 12.
    assert_allclose(hermite.moments("square", 1), [2.0, 4.0, 12.0], rtol=1e-4)
    # E |g| = sqrt(2 / pi) for sigma' = sign, half of that for a step.
    c = np.sqrt(2 / np.pi)
    assert_allclose(hermite.moments("abs", 1).component, c, rtol=0.02)
    assert_allclose(hermite.moments("relu", 1).component, c / 2, rtol=0.02)
    assert hermite.moments("tanh", 2).component < 0


@pytest.mark.parametrize(
    ("activation", "degree", "words"),
    [
        ("hermite2", 2, r"\[1\] for activation='hermite2'; got degree=2"),  # too low
        ("square", 0, r"\[1\] for activation='square'; got degree=0"),
        ("tanh", 1, r"\[0, 2, 4, 6\] for activation='tanh'; got degree=1"),
        ("relu", 2, r"\[0, 1, 3, 5\] for activation='relu'; got degree=2"),
        ("rleu", 1, r"'relu'.*got 'rleu'"),
    ],
)
def test_an_activation_without_the_component_is_refused(activation, degree, words):
    fact, units = sphere_facts(4, 4, 8), hermite.draw(KEY, 8, 300)
    with pytest.raises(ValueError, match=words):
        hermite.construct(fact, units, degree=degree, activation=activation)


@pytest.mark.parametrize(("k", "least"), [(0, 1), (1, 1), (2, 4), (3, 24)])
def test_a_degree_beyond_the_width_is_refused(k, least):
    activation, fact = f"hermite{k + 1}", sphere_facts(4, 4, 8)
    assert hermite.fewest_units(activation, k) == least
    build = functools.partial(hermite.construct, degree=k, activation=activation)
    units = jnp.ones((least, 8))
    jax.eval_shape(build, fact, hermite.Units(W=units, V=units))
    if least > 1:
        few = hermite.Units(W=units[1:], V=units[1:])
        said = rf"m0 >= {least} .*\(m >= {2 * least} .*degree={k}.*got m0={least - 1}"
        with pytest.raises(ValueError, match=said):
            build(fact, few)


def test_no_units_are_refused():
    with pytest.raises(ValueError, match=r"m0 >= 1 gated units; got m0=0"):
        hermite.draw(KEY, 4, 0)


# The construction


@pytest.mark.parametrize("k", [0, 1, 2])
def test_its_mean_is_a_power_of_the_kernel(k):
    # E F(e_x) = (1 / d) sum_y <e_x, e_y>^(k+1) u_f(y): 4 facts, two of one output.
    d, fact = 3, sphere_facts(4, 3, 3)

    def one(key):
        units = hermite.draw(key, d, 2048)
        built = hermite.construct(fact, units, degree=k, activation=f"hermite{k + 1}")
        return hermite.apply(built, fact.inputs, f"hermite{k + 1}")

    mean = jnp.mean(jax.lax.map(one, jax.random.split(KEY, 400)), axis=0)
    kernel = (fact.inputs @ fact.inputs.T) ** (k + 1)
    expected = kernel @ fact.outputs[fact.targets] / d
    assert_allclose(mean, expected, atol=0.01)


def test_degree_zero_is_a_random_low_rank_map():
    fact, units = sphere_facts(12, 12, 8), hermite.draw(KEY, 8, 5)
    expected = linear.apply(linear.random_low_rank(fact, units.V), fact.inputs) / 8
    assert_allclose(forms(fact, units, 0, "hermite1")[1], expected, atol=1e-5)


@pytest.mark.parametrize("activation", ["hermite2", "tanh", "silu"])
def test_plain_is_gated_up_to_the_square_of_the_shift(activation):
    k = {"hermite2": 1, "tanh": 2, "silu": 1}[activation]
    fact, units = sphere_facts(30, 10, 16), hermite.draw(KEY, 16, 64)
    built, gated, _ = forms(fact, units, k, activation)

    @jax.jit
    def error(shift):
        plain = mlp.apply(hermite.as_mlp(built, shift), fact.inputs, activation)
        return jnp.linalg.norm(plain - gated) / jnp.linalg.norm(gated)

    if activation == "hermite2":  # a difference quotient of a square is exact
        assert error(0.3) < 1e-4
    else:
        assert_allclose(error(0.1) / error(0.05), 4.0, rtol=0.25)
    assert error(hermite.SHIFT) < 2e-3


def test_the_plain_form_stores_80_facts_in_512_units():
    for seed in range(5):
        assert [int(n) for n in stored(seed, 80, 256, 1, "hermite2")] == [80, 80]


def test_a_negative_component_is_a_trap_that_the_sign_avoids():
    with_sign = [int(stored(seed, 40, 512, 2, "tanh")[1]) for seed in range(3)]
    without = [int(stored(seed, 40, 512, 2, "tanh", -1.0)[1]) for seed in range(3)]
    assert without == [0, 0, 0]
    assert min(with_sign) > 20


def test_any_activation_with_the_component_serves():
    # Not a polynomial: what it has besides h_1 is noise, no more.
    for activation in ("relu", "silu"):
        gated, plain = stored(0, 80, 256, 1, activation)
        assert int(gated) >= 70
        assert abs(int(gated) - int(plain)) <= 2


@pytest.mark.parametrize("k", [1, 2])
def test_a_padded_construction_is_that_of_the_facts_alone(k):
    activation, whole = f"hermite{k + 1}", sphere_facts(20, 20, 8)
    cut = facts.balanced(whole.inputs[:12], whole.outputs[:12])
    units = hermite.draw(KEY, 8, 16)
    expected = forms(cut, units, k, activation)[1]
    padded = facts.take(facts.pad(whole, 25, 23, 11), jnp.int32(12))
    more = hermite.Units(*(jnp.pad(x, ((0, 5), (0, 3))) for x in units))
    _, gated, plain = forms(padded, more, k, activation)
    assert_allclose(gated[:12, :8], expected, atol=1e-5)
    assert_allclose(plain[:12, :8], expected, atol=1e-3)
    for found in (gated, plain):
        assert_array_equal(found[:, 8:], 0.0)


def test_shared_outputs_are_stored_as_well():
    # An outer product of as many shared facts cannot (test_memories): f need not be
    # injective once the degree is one or more.
    fact = sphere_facts(128, 32, 64)
    units = hermite.draw(KEY, 64, 512)
    recalled = forms(fact, units, 1, "hermite2")[1]
    assert int(readout.num_correct(recalled, fact)) >= 126
