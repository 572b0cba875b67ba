"""Training: its equations, what padding means, and the marks that a fit carries."""

import functools
from fractions import Fraction

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall import facts, readout, training
from recall.memories import linear, mlp

N, D, UNITS = 12, 4, 10  # of the small problems
WIDE = (17, 15, 6)  # inputs, outputs and coordinates that they are padded to
WIDE_UNITS = 13


def points(num_points, d=D, seed=0):
    normal = np.random.default_rng(seed).normal(size=(num_points, d))
    unit = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    return jnp.asarray(unit, jnp.float32)


def problem(fact, initial):
    return training.Problem(
        facts=fact,
        initial=initial,
        learning_rates=jnp.asarray([0.1], jnp.float32),
        drawn=jnp.asarray(2, jnp.int32),
        threshold=jnp.asarray(1.0, jnp.float32),
    )


def linear_problem(seed=0):
    fact = facts.injective(points(N, seed=seed), points(N, seed=seed + 100))
    return problem(fact, linear.init(jax.random.key(seed), D))


def mlp_problem():
    fact = facts.balanced(points(N), points(7, seed=100))
    return problem(fact, mlp.init(jax.random.key(0), D, UNITS))


def wide(given):
    """The same problem with dead facts, zero coordinates and silent units."""
    if isinstance(given.initial, linear.Params):
        initial = linear.pad(given.initial, WIDE[2])
    else:
        initial = mlp.pad(given.initial, WIDE[2], WIDE_UNITS)
    return given._replace(facts=facts.pad(given.facts, *WIDE), initial=initial)


def number(n):
    return jnp.asarray(n, jnp.int32)


def rate(value):
    return jnp.asarray(value, jnp.float32)


@functools.cache
def jitted(apply=linear.apply, **settings):
    recipe = training.Recipe(**settings)
    return jax.jit(functools.partial(training.advance, apply=apply, recipe=recipe))


one_step = jitted(num_steps=1, check_every=1)


# Padding

MEMORIES = ["linear", "relu", "gelu", "sin"]


def memory(name):
    """A problem of a kind, and how its memory is applied."""
    if name == "linear":
        return linear_problem(), linear.apply
    return mlp_problem(), functools.partial(mlp.apply, activation=name)


@pytest.mark.parametrize("name", MEMORIES)
def test_padding_is_exact_in_values_and_gradients(name):
    given, apply = memory(name)

    @jax.jit
    def value_and_grad(given, n):
        fact = facts.take(given.facts, n)

        def loss(params):
            return readout.cross_entropy(apply(params, fact.inputs), fact)

        return jax.value_and_grad(loss)(given.initial)

    for n in (5, N):
        value, grad = value_and_grad(given, number(n))
        wide_value, wide_grad = value_and_grad(wide(given), number(n))
        assert_allclose(wide_value, value, atol=1e-6)
        expected = wide(given._replace(initial=grad)).initial
        chex.assert_trees_all_close(wide_grad, expected, atol=1e-6)


@pytest.mark.parametrize("name", MEMORIES)
def test_padding_is_exact_through_50_steps_of_adam(name):
    given, apply = memory(name)
    advance = jitted(apply, num_steps=50, check_every=50, cosine=True)
    for n in (5, N):
        fits = [
            advance(padded, training.start(padded.initial), number(n), rate(0.05))
            for padded in (given, wide(given))
        ]
        moved = jnp.abs(fits[0].params.W - given.initial.W)
        assert jnp.median(moved) > 0.1  # there was something to get wrong
        expected = wide(given._replace(initial=fits[0].params)).initial
        chex.assert_trees_all_close(fits[1].params, expected, atol=1e-5)
        assert int(fits[1].correct) == int(fits[0].correct)
        assert_allclose(fits[1].residual, fits[0].residual, rtol=1e-3)


def test_lanes_are_what_they_would_be_alone():
    problems = [linear_problem(seed) for seed in range(3)]
    numbers = [number(n) for n in (3, 8, 12)]
    rates = [rate(r) for r in (0.01, 0.1, 1.0)]
    advance = jitted(num_steps=20, check_every=20)
    lanes = [
        (given, training.start(given.initial), n, r)
        for given, n, r in zip(problems, numbers, rates, strict=True)
    ]
    looped = [advance(*lane) for lane in lanes]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *lanes)
    vmapped = jax.vmap(advance)(*stacked)
    for i, fit in enumerate(looped):
        lane = jax.tree.map(lambda leaf, i=i: leaf[i], vmapped)
        chex.assert_trees_all_close(lane, fit, rtol=1e-5, atol=1e-5)


# The optimizer


@pytest.mark.parametrize("cosine", [False, True])
def test_advance_is_adam_on_the_cross_entropy(cosine):
    num_steps, check_every, n = 24, 8, 9
    given = linear_problem()
    advance = jitted(num_steps=num_steps, check_every=check_every, cosine=cosine)
    decay = optax.cosine_decay_schedule(0.1, num_steps)
    adam = optax.adam(decay if cosine else 0.1)
    inputs, outputs = given.facts.inputs[:n], given.facts.outputs[:n]

    def loss(W):
        scores = inputs @ W.T @ outputs.T
        labels = jnp.arange(n)
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    @jax.jit
    def step(W, state):
        updates, state = adam.update(jax.grad(loss)(W), state)
        return optax.apply_updates(W, updates), state

    fit = training.start(given.initial)
    W, state = given.initial.W, adam.init(given.initial.W)
    for check in range(1, num_steps // check_every + 1):
        fit = advance(given, fit, number(n), rate(0.1))
        for _ in range(check_every):
            W, state = step(W, state)
        assert_allclose(fit.params.W, W, atol=1e-5)
        assert int(fit.steps) == check * check_every
        scores = np.asarray(inputs @ W.T @ outputs.T)
        assert int(fit.correct) == np.sum(np.argmax(scores, axis=-1) == np.arange(n))


def test_schedule_by_hand():
    cosine, constant = (
        training.Recipe(num_steps=24, check_every=8, cosine=cosine)
        for cosine in (True, False)
    )
    steps = [0, 8, 12, 16, 24, 32]  # the last check may go beyond the budget
    fractions = [training.schedule(number(s), cosine) for s in steps]
    assert_allclose(fractions, [1, 0.75, 0.5, 0.25, 0, 0], atol=1e-6)
    assert_array_equal([training.schedule(number(s), constant) for s in steps], 1.0)


def test_a_fresh_fit_has_made_no_step():
    fit = training.start(linear_problem().initial)
    counts = (fit.steps, fit.correct, fit.most, fit.most_at)
    for zero in jax.tree.leaves((counts, fit.moments)):
        assert_array_equal(zero, 0)
    assert bool(fit.finite)
    assert float(fit.residual) == np.inf


def test_a_warm_start_keeps_weights_and_moments_and_forgets_the_rest():
    given = linear_problem()
    fit = one_step(given, training.start(given.initial), number(N), rate(0.1))
    warm = training.restart_clock(fit)
    chex.assert_trees_all_equal(warm.params, fit.params)
    chex.assert_trees_all_equal(warm.moments, fit.moments)
    fresh = training.start(given.initial)
    keep = {"params": fit.params, "moments": fit.moments}
    chex.assert_trees_all_equal(warm, fresh._replace(**keep))


@pytest.mark.parametrize(
    ("most", "more", "expected", "expected_at"),
    [(0, 0, 12, 8), (11, 0, 12, 8), (12, 0, 12, 5), (11, 1, 11, 5), (12, 1, 12, 5)],
)
def test_the_most_facts_and_the_step_that_first_had_them(
    most, more, expected, expected_at
):
    # Orthonormal facts stay stored at rate 0; one fact `more` is missed by W = -I.
    fact = facts.injective(jnp.eye(N), jnp.eye(N))
    W = jnp.eye(N).at[0, 0].set(1.0 - 3 * more)
    given = problem(fact, linear.Params(W=W))
    begun = training.start(given.initial)._replace(
        steps=number(7), most=number(most), most_at=number(5)
    )
    fit = one_step(given, begun, number(N), rate(0.0))
    assert int(fit.correct) == N - more
    assert (int(fit.most), int(fit.most_at)) == (expected, expected_at)


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_steps": 10, "check_every": 11},
        {"num_steps": 10, "check_every": 0},
        {"num_steps": 10, "check_every": -1},
        {"num_steps": 0, "check_every": 1},
    ],
)
def test_a_recipe_refuses_checks_that_do_not_fit_its_budget(sizes):
    with pytest.raises(ValueError, match=f"check_every={sizes['check_every']}"):
        training.Recipe(**sizes)


# Marks


@pytest.mark.parametrize("huge", [1e25, 1e38, np.inf, np.nan])
def test_a_fit_that_diverges_is_marked_and_raises_nothing(huge):
    given = linear_problem()
    fit = training.start(given.initial)
    assert bool(one_step(given, fit, number(N), rate(0.1)).finite)
    for _ in range(3):
        fit = one_step(given, fit, number(N), rate(huge))
        assert not bool(fit.finite)
        assert 0 <= int(fit.correct) <= N


def test_a_fit_whose_gradient_diverges_is_marked():
    # Adam does not move on a gradient whose square overflows: weights stay finite.
    given = linear_problem()
    huge = given.facts._replace(outputs=1e25 * given.facts.outputs)
    fit = training.start(given.initial)
    fit = one_step(given._replace(facts=huge), fit, number(N), rate(0.1))
    chex.assert_trees_all_equal(fit.params, given.initial)
    assert not bool(fit.finite)


def test_residual_is_the_norm_of_the_gradient_over_the_probability_of_error():
    given, n = linear_problem(), 9
    fit = one_step(given, training.start(given.initial), number(n), rate(0.3))
    W, E, U = (
        np.asarray(x, float)
        for x in (given.initial.W, given.facts.inputs[:n], given.facts.outputs[:n])
    )
    p = np.exp(E @ W.T @ U.T)
    p /= p.sum(axis=-1, keepdims=True)
    gradient = (p @ U - U).T @ E / n
    wrong = np.mean(1 - np.diag(p))
    assert_allclose(fit.residual, np.linalg.norm(gradient) / wrong, rtol=1e-5)


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, None))
def normalised_margin(W, fact):
    recalled = linear.apply(linear.Params(W=W), fact.inputs)
    return jnp.min(readout.margins(recalled, fact)) / jnp.linalg.norm(W)


@pytest.mark.parametrize("n", [4, 6, 8])
def test_residual_bounds_the_margin_of_every_memory_of_norm_one(n):
    given = linear_problem()
    fact = facts.take(given.facts, number(n))
    train = jitted(num_steps=40, check_every=40, cosine=True)
    fits = [training.start(given.initial)]
    for _ in range(3):
        fits.append(
            train(given, fits[-1], number(n), rate(1.0))._replace(steps=number(0))
        )
    assert int(fits[-1].correct) == n

    random = jax.random.normal(jax.random.key(1), (200, D, D))
    weights = jnp.concatenate([random, jnp.stack([fit.params.W for fit in fits])])
    best = float(jnp.max(normalised_margin(weights, fact)))
    assert best > 0.02  # the bound is about something

    for W in [*random[:4], *(10 * random[:4]), *weights[-4:]]:
        fit = training.start(linear.Params(W=W))
        assert best <= float(one_step(given, fit, number(n), rate(0.0)).residual)


def test_residual_vanishes_where_no_weights_recall_all_facts():
    given = linear_problem()
    inputs = given.facts.inputs.at[1].set(given.facts.inputs[0])
    twins = given._replace(facts=given.facts._replace(inputs=inputs))
    train = jitted(num_steps=1000, check_every=1000, cosine=True)
    fit = train(twins, training.start(given.initial), number(6), rate(1.0))
    assert float(fit.residual) < 1e-3
    assert int(fit.correct) < 6
    separable = train(given, training.start(given.initial), number(6), rate(1.0))
    assert float(separable.residual) > 0.05
    assert int(separable.correct) == 6


# Constructions


def test_a_construction_is_a_fit_of_one_step():
    given, n = linear_problem(), 7

    @jax.jit
    def build(given, n):
        fit = training.start(jnp.zeros(()))
        construct = linear.low_rank
        return training.build(given, fit, n, apply=linear.apply, construct=construct)

    fit = build(given, number(n))
    fact = facts.take(given.facts, number(n))
    memory = linear.low_rank(fact, 2)  # what the problem drew
    assert_allclose(fit.params, np.linalg.norm(memory.W), rtol=1e-5)
    correct = int(readout.num_correct(linear.apply(memory, fact.inputs), fact))
    assert 0 < correct < n
    assert (int(fit.correct), int(fit.most)) == (correct, correct)
    assert (int(fit.steps), int(fit.most_at)) == (1, 1)
    assert bool(fit.finite)
    spoilt = given.facts._replace(inputs=given.facts.inputs.at[0].set(jnp.nan))
    assert not bool(build(given._replace(facts=spoilt), number(n)).finite)


# Thresholds


@pytest.mark.parametrize("threshold", ["0.3", "0.5", "0.6", "0.9", "0.99", "1.0"])
def test_needed_is_an_exact_ceiling(threshold):
    n = np.arange(1, 2001)
    needed = jax.jit(jax.vmap(training.needed, in_axes=(0, None)))
    found = needed(jnp.asarray(n), rate(float(threshold)))
    # -(-p // q) is the ceiling of p / q, in integers.
    assert_array_equal(found, [-(-Fraction(threshold) * int(k) // 1) for k in n])


@pytest.mark.parametrize(
    ("n", "threshold", "expected"),
    [(1, 0.9, 1), (10, 0.9, 9), (11, 0.9, 10), (100, 0.99, 99), (101, 0.99, 100)],
)
def test_needed_by_hand(n, threshold, expected):
    assert int(training.needed(number(n), rate(threshold))) == expected
