"""Training on facts: what is asked, what is learnt, and what a lane does not see."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import normal
from numpy.testing import assert_allclose, assert_array_equal

from recall import training
from recall.data import recall_task
from recall.models import fit as factual_training
from recall.models import transformer

WIDTHS = (8, 4, 4, 12)  # d, H, d_h, m
WIDE = (11, 5, 6, 15)  # what they are padded to
SAMPLING = factual_training.Sampling(
    length=6, layout="grid", contexts=4, facts=4, checks=3
)
ARCHITECTURE = transformer.Architecture(activation="gelu")
RECIPE = training.Recipe(num_steps=1000, check_every=20)

QUICKLY = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
jit = functools.partial(jax.jit, compiler_options=QUICKLY)  # each runs a few times


def sizes(n):
    return recall_task.Sizes(subjects=n, relations=n, answers=2, noise=2 * n)


step = functools.partial(
    factual_training.advance,
    sizes=sizes,
    sampling=SAMPLING,
    architecture=ARCHITECTURE,
    recipe=RECIPE,
)
advance, advance_lanes = jit(step), jit(jax.vmap(step))
ask = jit(factual_training.ask_every_fact, static_argnums=(3, 4))
evaluate = jit(factual_training.evaluate, static_argnums=(2, 3))


def problem(n_max=4, seed=0):
    """Random facts, embeddings near the sphere and weights as they are initialised."""
    d, heads, head_dim, m = WIDTHS
    S, R, D, N = sizes(n_max)
    rows = [normal(n, d, seed=(seed, i)) for i, n in enumerate((S, R, N, 1, R * D))]
    rows = [part / np.sqrt(d) for part in rows]
    scales = [head_dim**-0.5] * 3 + [d**-0.5]
    weights = [a * normal(heads, head_dim, d, seed=i) for i, a in enumerate(scales)]
    W, V = normal(m, d, seed=4) / np.sqrt(d), normal(m, d, seed=5) / np.sqrt(m)
    units = transformer.mlp_lib.Params(W=W, b=jnp.zeros(m), V=V)
    table = np.random.default_rng(seed).integers(0, D, (S, R))
    return factual_training.Problem(
        world=recall_task.world_of(table, sizes(n_max)),
        embeddings=transformer.Embeddings(
            subjects=rows[0],
            relations=rows[1],
            noise=rows[2],
            end=rows[3][0],
            answers=rows[4],
        ),
        head_dim=jnp.int32(head_dim),
        seed=jnp.int32(seed),
        n_max=jnp.int32(n_max),
        initial=transformer.Params(*weights, mlp=units),
        learning_rates=jnp.asarray([0.03], jnp.float32),
        threshold=jnp.float32(1.0),
    )


def wide(given, n_max=6):
    """The same problem with dead tokens, zero coordinates and silent units."""
    padded = sizes(n_max)
    return given._replace(
        world=recall_task.pad(given.world, padded.subjects, padded.relations),
        embeddings=transformer.pad_embeddings(given.embeddings, padded, WIDE[0]),
        initial=transformer.pad(given.initial, *WIDE),
    )


def train(given, n=4, chunks=1, learning_rate=0.03):
    fit = training.start(given.initial)
    for _ in range(chunks):
        fit = advance(given, fit, jnp.int32(n), jnp.float32(learning_rate))
    return fit


# Learning


def test_a_tiny_world_is_learnt():
    given = problem()
    fit, losses = training.start(given.initial), []
    while int(fit.correct) < 48 and int(fit.steps) < 1000:
        fit = advance(given, fit, jnp.int32(4), jnp.float32(0.03))
        losses.append(float(fit.loss))
        assert int(fit.asked) == 16 * SAMPLING.checks
    assert int(fit.correct) == 48
    assert int(fit.steps) == 20 * len(losses) > 20
    assert losses[-1] < 0.5 * losses[0] < 0.5 * 2 * np.log(8)
    assert (int(fit.most), int(fit.most_at)) == (48, int(fit.steps))
    assert bool(fit.finite)
    found = evaluate(given, fit.params, SAMPLING, ARCHITECTURE)
    assert (float(found.mean), float(found.worst)) == (1.0, 1.0)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_probe_asks_for_the_facts_of_its_size_in_every_check(n):
    fit = train(problem(), n)
    assert int(fit.asked) == n * n * SAMPLING.checks
    assert 0 <= int(fit.correct) <= int(fit.asked)


def test_correct_counts_the_answers_of_all_checks():
    given = problem()
    fit = train(given, 3)
    world = recall_task.take(given.world, sizes(3))
    right = np.asarray(ask(given, fit.params, world, SAMPLING, ARCHITECTURE))
    assert right.shape == (SAMPLING.checks, 4, 4)
    assert int(fit.correct) == right.sum() > 0
    assert not right[:, 3:].any()
    assert not right[:, :, 3:].any()


def test_a_step_that_is_not_finite_is_marked():
    fit = train(problem(), learning_rate=1e38)
    assert not bool(fit.finite)
    assert int(fit.correct) == 0
    assert bool(train(problem(), learning_rate=1e-3).finite)


# Asking


def noisy():
    """A problem of loud noise, and weights that recall a part of its facts at times."""
    given = problem()
    tables = given.embeddings
    loud = tables._replace(noise=3 * tables.noise)
    return given._replace(embeddings=loud), train(given).params


def test_checks_are_asked_in_noise_contexts_of_their_own_that_stay():
    given, params = noisy()
    right = np.asarray(ask(given, params, given.world, SAMPLING, ARCHITECTURE))
    assert len(np.unique(right, axis=0)) == SAMPLING.checks
    again = ask(given, params, given.world, SAMPLING, ARCHITECTURE)
    assert_array_equal(right, again)
    elsewhere = given._replace(seed=jnp.int32(1))
    other = ask(elsewhere, params, given.world, SAMPLING, ARCHITECTURE)
    assert np.any(right != other)


def test_mean_and_worst_by_a_loop_over_facts_and_checks():
    given, params = noisy()
    right = np.asarray(ask(given, params, given.world, SAMPLING, ARCHITECTURE))
    recalled, always = 0, 0
    for s in range(4):
        for r in range(4):
            found = [bool(check[s, r]) for check in right]
            recalled += sum(found)
            always += all(found)
    found = evaluate(given, params, SAMPLING, ARCHITECTURE)
    assert_allclose(found.mean, recalled / (16 * SAMPLING.checks), rtol=1e-6)
    assert_allclose(found.worst, always / 16, rtol=1e-6)
    assert 0 < float(found.worst) < float(found.mean) < 1


def test_evaluation_counts_live_facts_only():
    given = problem()
    params = train(given).params
    padded = wide(given)._replace(initial=transformer.pad(params, *WIDE))
    found = evaluate(padded, padded.initial, SAMPLING, ARCHITECTURE)
    expected = evaluate(given, params, SAMPLING, ARCHITECTURE)
    chex.assert_trees_all_close(found, expected, rtol=1e-6)


# What a lane does not see


def test_a_probe_sees_its_part_of_the_world_only():
    n, given = 2, problem()
    S, R, D, N = sizes(n)
    tables = given.embeddings
    haunted = transformer.Embeddings(
        subjects=tables.subjects.at[S:].set(1e3),
        relations=tables.relations.at[R:].set(-1e3),
        noise=tables.noise.at[N:].set(1e3),
        end=tables.end,
        answers=tables.answers.at[R * D :].set(-1e3),
    )
    world = given.world
    other = world._replace(choices=world.choices.at[S:].set(0).at[:, R:].set(0))
    fit = train(given, n)
    spoilt = given._replace(embeddings=haunted, world=other)
    chex.assert_trees_all_close(train(spoilt, n), fit, rtol=1e-6, atol=1e-6)
    seen = haunted._replace(subjects=haunted.subjects.at[0].multiply(2.0))
    changed = train(spoilt._replace(embeddings=seen), n)
    assert np.max(np.abs(changed.params.V - fit.params.V)) > 1e-3


def test_lanes_are_what_they_would_be_alone():
    problems = [problem(seed=seed) for seed in (0, 1)]
    numbers, rates = (
        (jnp.int32(4), jnp.int32(2)),
        (jnp.float32(0.03), jnp.float32(0.01)),
    )
    lanes = [
        (given, training.start(given.initial), n, rate)
        for given, n, rate in zip(problems, numbers, rates, strict=True)
    ]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *lanes)
    vmapped = advance_lanes(*stacked)
    for i, lane in enumerate(lanes):
        found = jax.tree.map(lambda leaf, i=i: leaf[i], vmapped)
        chex.assert_trees_all_close(found, advance(*lane), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [2, 4])
def test_padding_changes_nothing(n):
    given = problem()
    fit, wide_fit = train(given, n), train(wide(given), n)
    for field in ("steps", "correct", "asked", "most", "most_at"):
        assert int(getattr(wide_fit, field)) == int(getattr(fit, field))
    moved = np.abs(fit.params.V - given.initial.V)
    assert np.median(moved) > 0.05  # there was something to get wrong
    expected = transformer.pad(fit.params, *WIDE)
    chex.assert_trees_all_close(wide_fit.params, expected, atol=1e-5)
    assert_allclose(wide_fit.loss, fit.loss, rtol=1e-5)
    assert_allclose(wide_fit.residual, fit.residual, rtol=1e-4)


# Embeddings


def test_frozen_embeddings_stay_and_trained_ones_move():
    n, given = 2, problem()
    assert train(given, n).params.embeddings is None
    initial = given.initial._replace(embeddings=given.embeddings)
    unused = jax.tree.map(jnp.zeros_like, given.embeddings)
    along = given._replace(initial=initial, embeddings=unused)
    found = train(along, n).params.embeddings
    S, R, D, N = sizes(n)
    for name, live in zip(found._fields, (S, R, N, WIDTHS[0], R * D), strict=True):
        moved = np.abs(getattr(found, name) - getattr(given.embeddings, name))
        assert np.median(moved[:live]) > 0.05
        assert_array_equal(moved[live:], 0.0)
