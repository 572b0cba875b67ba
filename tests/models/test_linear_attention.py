"""The simplified model: shared contexts are the plain definition, flows its limit."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recall import embeddings
from recall.data import recall_task, sequences
from recall.models import gradient_flow, linear_attention, prompts, stages

SIZES = recall_task.Sizes(subjects=4, relations=3, answers=2, noise=3)
LENGTH = 6
TOKENS = sum(SIZES) - SIZES.answers + 1


@functools.cache
def world():
    return recall_task.sample_world(jax.random.key(5), SIZES)


@functools.cache
def params():
    return linear_attention.init(jax.random.key(1), "gaussian", 1.0, SIZES)


def tables(d=7):
    keys = jax.random.split(jax.random.key(2))
    return linear_attention.Embeddings(
        tokens=embeddings.sphere(keys[0], TOKENS, d),
        answers=embeddings.sphere(keys[1], SIZES.relations * SIZES.answers, d),
    )


@functools.partial(jax.jit, static_argnames="attention")
def loss(some, reads, where, attention="linear"):
    known = linear_attention.tables(some, None)
    found = linear_attention.logits(known, where, reads, attention)
    rest = reads.subjects, reads.relations, reads.weights
    return stages.cross_entropy(found, where, *rest)


def everywhere(where, length=LENGTH):
    return prompts.every_fact(
        where, *map(jnp.asarray, prompts.every_context(SIZES.noise, length))
    )


@pytest.mark.parametrize("attention", linear_attention.ATTENTIONS)
@pytest.mark.parametrize("embedded", [False, True])
def test_shared_contexts_give_what_reading_position_by_position_gives(
    attention, embedded
):
    where = world()
    draw = sequences.sample_draw(jax.random.key(3), where, 4, 5, LENGTH, "pairs")
    frozen = tables() if embedded else None
    width = linear_attention.init_of_widths(jax.random.key(1), "gaussian", 1.0, 7, 7)
    some = width if embedded else params()
    batch = sequences.written_out(draw, where)
    shuffled = jax.random.permutation(
        jax.random.key(4), batch.tokens[:, :-1], axis=1, independent=True
    )
    tokens = jnp.concatenate([shuffled, batch.tokens[:, -1:]], axis=1)
    plain = jax.vmap(lambda row: linear_attention.apply(some, frozen, row, attention))(
        tokens
    )
    known = linear_attention.tables(some, frozen)
    reads = prompts.sampled(draw, SIZES.noise)
    shared = linear_attention.logits(known, where, reads, attention)
    np.testing.assert_allclose(shared.reshape(plain.shape), plain, atol=1e-5)


def test_descent_on_the_whole_of_W_KQ_is_descent_on_what_it_makes_of_the_end():
    where, frozen, rate = world(), tables(), 0.3
    d = frozen.tokens.shape[1]
    some = linear_attention.init_of_widths(jax.random.key(1), "gaussian", 1.0, d, d)
    end = frozen.tokens[-1]
    matrix = jnp.outer(some.w, end)  # W phi(end) = w, as |phi(end)| = 1
    tokens = jnp.array([1, 5, 8, 8, 9, TOKENS - 1])

    def folded(w):
        logits = linear_attention.apply(some._replace(w=w), frozen, tokens)
        return -jax.nn.log_softmax(logits)[2]

    def whole(matrix):
        return folded(matrix @ end)

    new = matrix - rate * jax.grad(whole)(matrix)
    expected = some.w - rate * jax.grad(folded)(some.w)
    np.testing.assert_allclose(new @ end, expected, atol=1e-6)
    assert where.live.noise == SIZES.noise


@pytest.mark.parametrize("attention", linear_attention.ATTENTIONS)
def test_padding_changes_neither_loss_nor_gradient(attention):
    where, some = world(), params()
    draw = sequences.sample_draw(jax.random.key(3), where, 3, 4, LENGTH, "pairs")
    wide = recall_task.Sizes(subjects=6, relations=4, answers=3, noise=5)
    more = recall_task.pad(where, wide.subjects, wide.relations)

    def padded(some):
        grown = linear_attention.pad(some, SIZES, wide)
        reads = prompts.sampled(draw, wide.noise)
        return loss(grown, reads, more, attention)

    def cut(some):
        reads = prompts.sampled(draw, SIZES.noise)
        return loss(some, reads, where, attention)

    both = (jax.jit(jax.value_and_grad(f))(some) for f in (padded, cut))
    for mine, theirs in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize(("kind", "conserved"), [("published", -5.0), ("paper", 1.0)])
def test_first_weights_conserve_what_the_paper_says(kind, conserved):
    alpha = 0.25
    some = linear_attention.init(jax.random.key(0), kind, alpha, SIZES)
    assert some.V.shape == (SIZES.relations * SIZES.answers, TOKENS)
    np.testing.assert_allclose(
        gradient_flow.conserved(some), conserved * alpha**2, rtol=1e-5
    )


def test_contexts_are_listed_with_their_odds():
    counts, odds = prompts.every_context(2, 5)
    np.testing.assert_array_equal(counts, [[2, 0], [1, 1], [0, 2]])
    np.testing.assert_allclose(odds, [0.25, 0.5, 0.25])


def test_batches_estimate_the_population_loss_without_bias():
    where, some = world(), params()
    exact = loss(some, everywhere(where), where)

    def sampled(key, share):
        draw = sequences.sample_draw(key, where, 24 // share, share, LENGTH, "pairs")
        return loss(some, prompts.sampled(draw, SIZES.noise), where)

    keys = jax.random.split(jax.random.key(8), 400)
    for share in (1, 6):
        found = jax.jit(jax.vmap(functools.partial(sampled, share=share)))(keys)
        error = jnp.std(found) / jnp.sqrt(len(keys))
        assert abs(jnp.mean(found) - exact) < 4 * error
        assert error < 0.02 * exact


@pytest.mark.parametrize("attention", linear_attention.ATTENTIONS)
def test_the_mean_context_is_exact_where_noise_tokens_are_alike(attention):
    where, some = world(), params()
    first = SIZES.subjects + SIZES.relations
    alike = slice(first, first + SIZES.noise)
    same = some._replace(
        w=some.w.at[alike].set(some.w[first]),
        V=some.V.at[:, alike].set(some.V[:, first][:, None]),
    )
    counts = prompts.mean_context(where, SIZES.noise, LENGTH)
    reads = prompts.every_fact(where, counts, jnp.ones(1))
    for some_params, equal in ((same, True), (some, False)):
        mean = loss(some_params, reads, where, attention)
        exact = loss(some_params, everywhere(where), where, attention)
        assert bool(abs(mean - exact) < 1e-5) == equal


def test_training_on_the_population_keeps_noise_tokens_alike():
    where = world()
    reads = everywhere(where)

    def step(some, _):
        gradient = jax.grad(loss)(some, reads, where)
        return jax.tree.map(lambda x, g: x - g, some, gradient), None

    start = linear_attention.init(jax.random.key(0), "published", 0.1, SIZES)
    some = jax.lax.scan(step, start, length=50)[0]
    first = SIZES.subjects + SIZES.relations
    noise = some.w[first : first + SIZES.noise]
    assert float(jnp.ptp(some.w)) > 0.1
    np.testing.assert_allclose(noise, noise[0], rtol=1e-5)


def test_attention_is_what_tokens_are_given():
    where = world()
    some = linear_attention.Params(
        w=jnp.array([0.0] * 4 + [1.0] * 3 + [2.0] * 3 + [3.0]), V=params().V
    )
    counts = prompts.mean_context(where, SIZES.noise, LENGTH)
    reads = prompts.every_fact(where, counts, jnp.ones(1))
    known = linear_attention.tables(some, None)
    mass = linear_attention.attention_mass(known, where, reads, "linear")
    np.testing.assert_allclose(mass, [0, 1, 3 * 2, 3], atol=1e-5)
    e = np.exp([0.0, 1.0, 2.0, 3.0]) * [1, 1, 3, 1]
    mass = linear_attention.attention_mass(known, where, reads, "softmax")
    np.testing.assert_allclose(mass, e / e.sum(), atol=1e-5)


def test_softmax_survives_scores_that_differ_by_hundreds():
    where = world()
    some = params()._replace(w=params().w * 300)
    reads = everywhere(where)
    assert jnp.isfinite(loss(some, reads, where, "softmax"))
    gradient = jax.jit(jax.grad(functools.partial(loss, attention="softmax")))(
        some, reads, where
    )
    assert all(jnp.all(jnp.isfinite(g)) for g in gradient)


@pytest.mark.parametrize("kind", ["published", "paper"])
def test_gradient_flow_conserves_and_lowers_the_loss(kind):
    where = world()
    reads = everywhere(where)
    start = linear_attention.init(jax.random.key(0), kind, 0.1, SIZES)
    follow = jax.jit(
        lambda p: gradient_flow.follow(p, lambda q: loss(q, reads, where), 60.0)
    )
    end = follow(start)
    assert loss(end, reads, where) < 0.5 * loss(start, reads, where)
    np.testing.assert_allclose(
        gradient_flow.conserved(end), gradient_flow.conserved(start), atol=2e-4
    )
    assert float(jnp.max(jnp.abs(end.w))) > 1
