"""Laws of stage times against the Jacobian, against training, against each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall.data import recall_task
from recall.models import linear_attention, prompts, stage_training
from recall.models import stages as dynamics
from recall.theory import clock, reduced, stages

SIZES = recall_task.Sizes(subjects=8, relations=3, answers=4, noise=5)
LENGTH, ALPHA = 12, 1e-3
TASK = stages.Task(*SIZES, LENGTH)
CHECKS = 512


def train(optimizer, attention, alpha, learning_rate, check_every):
    """Stage times of all weights, on the population loss."""
    recipe = stage_training.Recipe(
        optimizer=optimizer,
        attention=attention,
        loss="population",
        length=LENGTH,
        num_noise=SIZES.noise,
        batch=1,
        share=1,
    )
    world = recall_task.sample_world(jax.random.key(0), SIZES, structured=True)
    problem = stage_training.Problem(
        world=world,
        embeddings=None,
        head_dim=jnp.ones((), jnp.int32),
        learning_rate=jnp.asarray(learning_rate),
        seed=jnp.zeros((), jnp.int32),
        contexts=jnp.zeros((1, LENGTH - 3), jnp.int32),
    )
    params = linear_attention.init(jax.random.key(0), "published", alpha, SIZES)

    def check(state, _):
        state = stage_training.advance(problem, state, recipe, check_every)
        return state, stage_training.check(problem, state.params, recipe)

    start = stage_training.start(problem, params, recipe)
    run = jax.jit(lambda state: jax.lax.scan(check, state, length=CHECKS))
    found = run(start)[1]
    at = check_every * (1.0 + np.arange(CHECKS))
    curves = np.asarray(found.loss), np.asarray(found.relation_loss)
    return clock.stages(at, *curves, np.log(SIZES.answers), np.log(SIZES.relations))


@pytest.mark.parametrize(
    ("optimizer", "attention", "alpha", "rate", "check_every"),
    [
        ("sgd", "linear", ALPHA, 0.05, 8),
        ("adam", "linear", ALPHA, 0.002, 2),
        ("sign", "linear", 0.05, 0.001, 4),
        ("muon", "linear", 0.05, 0.002, 8),
        ("sgd", "softmax", ALPHA, 0.5, 16),
    ],
)
def test_eight_numbers_train_as_all_weights_do(
    optimizer, attention, alpha, rate, check_every
):
    """Where weights are small beside a step, the first steps of sign descent and Muon
    blow up rounding: gradients of scores are zero at first, and those of noise always.
    """
    measured = train(optimizer, attention, alpha, rate, check_every)
    most = check_every * CHECKS
    predicted = reduced.run(TASK, optimizer, attention, alpha, rate, most)
    assert measured.facts < most
    tolerance = 0.02 * measured.facts + 2 * check_every
    assert predicted.relation == pytest.approx(measured.relation, abs=tolerance)
    assert predicted.facts == pytest.approx(measured.facts, abs=tolerance)


@pytest.mark.parametrize("attention", ["linear", "softmax"])
@pytest.mark.parametrize(("optimizer", "flow"), [("sgd", "gradient"), ("sign", "sign")])
def test_small_steps_follow_the_flow(optimizer, flow, attention):
    expected = stages.flow_stages(TASK, flow, attention, ALPHA)
    rate = expected.facts / 2000
    found = reduced.run(TASK, optimizer, attention, ALPHA, rate, 2200)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine * rate == pytest.approx(theirs, rel=0.02, nan_ok=True)


@pytest.mark.parametrize(
    ("S", "R", "D", "alpha"),
    [(16, 4, 8, 1e-5), (32, 2, 4, 1e-2), (4, 16, 2, 1e-3), (6, 3, 2, 0.1)],
)
def test_the_integral_is_the_flow_of_two_variables(S, R, D, alpha):
    exact = stages.gradient_stages(S, R, D, alpha)
    task = stages.Task(S, R, D, 7, 9)
    flow = stages.flow_stages(task, "gradient", "linear", alpha)
    assert exact.relation == pytest.approx(flow.relation, rel=1e-3)
    assert exact.facts == pytest.approx(flow.facts, rel=1e-3)
    if flow.plateau_end - flow.plateau_start > 0.05 * flow.facts:
        assert exact.plateau_start == pytest.approx(flow.plateau_start, rel=5e-3)
        assert exact.plateau_end == pytest.approx(flow.plateau_end, rel=5e-3)


def test_the_default_world_has_the_published_stages():
    found = np.array(stages.gradient_stages(16, 4, 8, 1e-5)) / 0.1
    assert found == pytest.approx([1684, 1910, 3922, 4376], rel=2e-3)


def test_what_is_conserved_along_a_curve_gives_its_growth():
    part = stages.subject_part(16, 4, 8)
    times, q = stages.gap_curve(part, 1e-5)
    early = (q > 1e-8) & (q < 1e-2)
    slope = np.polyfit(times[early], np.log(q[early]), 1)[0]
    assert slope == pytest.approx(2 * part.rate, rel=1e-2)
    assert stages.escape_time(part.rate, 1e-5) == pytest.approx(417.56, abs=0.1)


def test_rates_of_structured_answers_have_closed_forms():
    S, R, D, _ = SIZES
    answers = (np.arange(S) * D // S)[:, None] + D * np.arange(R)[None, :]
    rates = stages.token_rates(answers, R * D, SIZES.noise, LENGTH)
    of_s = np.sqrt(1 - 1 / D) / (S * np.sqrt(R))
    of_r = np.sqrt(1 - 1 / R) / (R * np.sqrt(D))
    assert rates[:S] == pytest.approx(of_s)
    assert rates[S : S + R] == pytest.approx(of_r)
    assert rates[S + R :] == pytest.approx(0, abs=1e-12)
    assert stages.subject_part(S, R, D).rate == pytest.approx(of_s)
    assert stages.relation_part(S, R, D).rate == pytest.approx(of_r)


def test_rates_are_eigenvalues_of_the_jacobian_for_any_answers():
    world = recall_task.sample_world(jax.random.key(3), SIZES)
    counts = prompts.mean_context(world, SIZES.noise, LENGTH)
    reads = prompts.every_fact(world, counts, jnp.ones(1))

    def loss(w, V):
        known = linear_attention.Tables(scores=w, values=V)
        logits = linear_attention.logits(known, world, reads)
        rest = reads.subjects, reads.relations, reads.weights
        return dynamics.cross_entropy(logits, world, *rest)

    tokens, A = sum(SIZES) - SIZES.answers + 1, SIZES.relations * SIZES.answers
    zeros = jnp.zeros(tokens), jnp.zeros((tokens, A))
    mixed = jax.jit(jax.jacfwd(jax.grad(loss), argnums=1))(*zeros)  # d2 L / dw dV
    own = jnp.diagonal(mixed, axis1=0, axis2=1)  # [A, tokens]
    growth = jnp.linalg.norm(own, axis=0)  # +- |c| of [[0, c], [c^T, 0]]
    table = np.asarray(recall_task.answers(world))
    rates = stages.token_rates(table, A, SIZES.noise, LENGTH)
    first = SIZES.subjects + SIZES.relations
    np.testing.assert_allclose(growth[:first], rates[:first], atol=1e-6)
    np.testing.assert_allclose(growth[first:-1], rates[-2], atol=1e-6)
    np.testing.assert_allclose(growth[-1], rates[-1], atol=1e-6)
    assert rates[-2] > 0.01  # unbalanced answers are also learned from noise


@pytest.mark.parametrize("many", [4, 16])
def test_spectral_flow_has_no_power_of_the_ratio_between_its_stages(many):
    """Times scale like sqrt(S/R) at most; under gradient flow like S / sqrt(R D)."""
    few = stages.Task(16, 4, 8, 20, 32)
    more = few._replace(S=16 * many)
    spread = []
    for flow in ("gradient", "spectral", "sign"):
        found = [stages.flow_stages(t, flow, "linear", 1e-5) for t in (few, more)]
        gaps = [f.facts / f.relation for f in found]
        spread.append(gaps[1] / gaps[0])
    assert spread[0] == pytest.approx(many, rel=0.01)
    assert spread[1] < 1.3 * np.sqrt(many)
    assert spread[2] == pytest.approx(1.0, rel=1e-3)


def test_a_gap_that_halves_the_loss():
    q = np.log(1 + np.sqrt(9))
    assert stages.part_loss(q, 9) == pytest.approx(np.log(9) / 2)
    assert stages.part_loss(0.0, 9) == pytest.approx(np.log(9))


make = functools.partial(np.array, dtype=float)


@pytest.mark.parametrize("attention", ["linear", "softmax"])
def test_the_reduced_gradient_is_that_of_the_loss(attention):
    """Of the loss per weight: what one weight of each kind feels."""
    x = make([0.3, 0.5, 0.1, -0.2, 0.8, -0.1, 0.6, -0.3])
    counts = np.array([TASK.S, TASK.R, TASK.N, 1.0])
    D, R, S = TASK.D, TASK.R, TASK.S
    values = np.array([S * R, S * R * (D - 1), R * D, R * D * (R - 1)], float)

    def loss(x):
        y = np.array([*x[:4], x[4] - x[5], x[6] - x[7]])
        of_s, of_r = stages.gaps(TASK, attention, y)
        return float(stages.part_loss(of_s, D) + stages.part_loss(of_r, R))

    numeric = [(loss(x - h) - loss(x + h)) / 2e-5 for h in 1e-5 * np.eye(8)]
    felt = numeric / np.concatenate([counts, values])
    np.testing.assert_allclose(reduced.gradient(TASK, attention, x), felt, atol=1e-7)
