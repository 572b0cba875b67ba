"""The population loss against the plain definition: read every sequence, in float64."""

import functools
import itertools

import chex
import jax
import jax.experimental
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import normal
from numpy.testing import assert_allclose, assert_array_equal

from recall.data import recall_task, sequences
from recall.memories import mlp
from recall.models import population, transformer

SIZES = recall_task.Sizes(subjects=5, relations=3, answers=2, noise=4)
WIDTHS = (16, 2, 3, 5)  # d, H, d_h, m
MODEL = transformer.Architecture(activation="sin", mlp_weight=0.7)
LENGTH = 7
# Layouts, contexts and facts in each: always twelve, read by one plain program.
DRAWS = [("grid", 4, 3), ("grid", 12, 1), ("pairs", 4, 3), ("pairs", 12, 1)]

QUICKLY = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
jit = functools.partial(jax.jit, compiler_options=QUICKLY)  # each runs a few times


def tables(sizes=SIZES, d=WIDTHS[0], seed=0):
    S, R, D, N = sizes
    rows = [normal(n, d, seed=(seed, i)) for i, n in enumerate((S, R, N, 1, R * D))]
    subjects, relations, noise, end, answers = (part / np.sqrt(d) for part in rows)
    return transformer.Embeddings(subjects, relations, noise, 2 * end[0], 4 * answers)


def model(d, heads, head_dim, m, seed=0):
    shape = (heads, head_dim, d)
    scales = 1.0, 1.0, 0.5, 0.5
    weights = [scale * normal(*shape, seed=(seed, i)) for i, scale in enumerate(scales)]
    units = None
    if m:
        W, V = (0.3 * normal(m, d, seed=(seed, i)) for i in (4, 5))
        units = mlp.Params(W=W, b=normal(m, seed=seed), V=V)
    return transformer.Params(*weights, mlp=units)


def world_of(sizes=SIZES, seed=0):
    """Random facts."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, sizes.answers, (sizes.subjects, sizes.relations))
    return recall_task.world_of(table, sizes)


def draw_of(layout, contexts, facts, sizes=SIZES, length=LENGTH, seed=0):
    """Ids that leave the last noise token and, if there are more, subject out."""
    rng = np.random.default_rng((seed, contexts, facts))
    ids = rng.integers(0, sizes.noise - 1, (contexts, length - 3))
    pairs = layout == "pairs"
    shapes = [(contexts, facts if pairs else 1), (contexts if pairs else 1, facts)]
    s = rng.integers(0, sizes.subjects - 1, shapes[0])
    r = rng.integers(0, sizes.relations, shapes[1])
    return sequences.Draw(*(jnp.asarray(part, jnp.int32) for part in (ids, s, r)))


@functools.partial(jit, static_argnames=("architecture", "head_dim"))
def fast(params, frozen, world, draw, architecture=MODEL, head_dim=WIDTHS[2]):
    """Loss, gradients of params and of frozen embeddings, and what is recalled."""

    def value(params, frozen):
        rest = world, draw, architecture, head_dim
        found = population.loss(params, frozen, *rest)
        return found.value, (found, population.correct(params, frozen, *rest))

    grads, (found, right) = jax.grad(value, (0, 1), has_aux=True)(params, frozen)
    return found, right, grads


@functools.partial(jit, static_argnames="architecture")
def plain_program(params, table, batch, architecture):
    def value(params, table):
        read = lambda tokens: transformer.apply(params, table, tokens, architecture)  # noqa: E731
        scores = jax.vmap(read)(batch.tokens) @ table.answers.T
        own = jax.nn.log_softmax(scores)[jnp.arange(len(scores)), batch.answers]
        right = jnp.argmax(scores, axis=-1) == batch.answers
        return -jnp.mean(own), (jnp.mean(1 - jnp.exp(own)), right)

    return jax.value_and_grad(value, (0, 1), has_aux=True)(params, table)


def plain(params, table, world, draw, architecture=MODEL):
    """The same of the written-out sequences, in float64."""
    batch = sequences.written_out(draw, world)
    # The oldest JAX that we support keeps it among its experiments.
    home = jax if hasattr(jax, "enable_x64") else jax.experimental
    with home.enable_x64(True):  # pyright: ignore[reportAttributeAccessIssue]
        exact = jax.tree.map(lambda x: np.asarray(x, np.float64), (params, table))
        (value, (wrong, right)), grads = plain_program(*exact, batch, architecture)
        return jax.device_get((value, wrong, right, grads))


def assert_agree(found, expected, loss_tolerance=1e-5, tolerance=1e-5):
    """Gradients agree up to a fraction of their norm, and leaf by leaf."""
    (value, wrong, right, grads), (loss, found_right, found_grads) = expected, found
    assert_allclose(loss.value, value, rtol=loss_tolerance, atol=loss_tolerance)
    assert_allclose(loss.error_prob, wrong, rtol=loss_tolerance, atol=loss_tolerance)
    assert_array_equal(found_right.ravel(), right)
    chex.assert_trees_all_equal_structs(found_grads, grads)
    leaves = jax.tree.leaves(grads)
    norm = np.sqrt(sum(np.sum(leaf**2) for leaf in leaves))
    for leaf, own in zip(jax.tree.leaves(found_grads), leaves, strict=True):
        assert np.max(np.abs(leaf - own)) <= tolerance * norm  # false if not finite


# The plain definition


@pytest.mark.parametrize(("layout", "contexts", "facts"), DRAWS)
def test_loss_gradients_and_answers_are_those_of_every_sequence_read(
    layout, contexts, facts
):
    some_right = 0
    for seed in range(4):
        given = model(*WIDTHS, seed), tables(seed=seed), world_of(seed=seed)
        draw = draw_of(layout, contexts, facts, seed=seed)
        found = fast(*given, draw)
        assert found[1].shape == (contexts, facts)
        assert_agree(found, plain(*given, draw))
        some_right += np.sum(found[1])
    assert 0 < some_right < 48
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(found[2]))


def test_a_single_head_without_an_mlp_and_without_noise():
    sizes, widths = recall_task.Sizes(4, 2, 3, 2), (4, 1, 1, 0)
    given = model(*widths), tables(sizes, widths[0]), world_of(sizes)
    draw = draw_of("grid", 3, 2, sizes, length=3)
    architecture = transformer.Architecture()
    found = fast(*given, draw, architecture, widths[2])
    assert_agree(found, plain(*given, draw, architecture))


def test_trained_embeddings_of_a_padded_world_have_the_gradients_of_the_cut_one():
    params, table, world = model(*WIDTHS), tables(), world_of()
    draw = draw_of("grid", 4, 3)
    padding = recall_task.Sizes(subjects=7, relations=4, answers=2, noise=6)
    wide_table = transformer.pad_embeddings(table, padding, WIDTHS[0])
    haunted = [  # the end has no rows
        wide.at[len(own) :].set(1e3)
        for wide, own in zip(wide_table, table, strict=True)
    ]
    along = params._replace(embeddings=transformer.Embeddings(*haunted))
    unused = jax.tree.map(jnp.ones_like, wide_table)
    found = fast(along, unused, recall_task.pad(world, 7, 4), draw)
    loss, right, (grads, of_unused) = found
    assert all(np.all(leaf == 0) for leaf in of_unused)

    rows = [len(own) for own in table]
    for leaf, live in zip(grads.embeddings, rows, strict=True):
        assert_array_equal(leaf[live:], 0.0)
    cut = [leaf[:live] for leaf, live in zip(grads.embeddings, rows, strict=True)]
    grads = grads._replace(embeddings=None), transformer.Embeddings(*cut)
    assert_agree((loss, right, grads), plain(params, table, world, draw))


# Large logits


def attending(logits):
    """A model, and embeddings whose attention logits are the given ones, `[H, V]`."""
    S, R, _, N = SIZES
    X = np.linalg.qr(np.asarray(normal(WIDTHS[0], WIDTHS[0], seed=3), float))[0]
    X = X[: S + R + N + 1]
    params = model(*WIDTHS)
    Q = np.asarray(params.Q, float)
    q = Q @ X[-1]  # of every head; logits are x^T K^T q / sqrt(d_h)
    q *= np.sqrt(WIDTHS[2]) / np.sum(q**2, axis=1, keepdims=True)
    K = np.einsum("hk,hv,vd->hkd", q, logits, X)
    X = jnp.asarray(X, jnp.float32)
    ids = np.cumsum([S, R, N])
    own = tables()._replace(
        subjects=X[: ids[0]],
        relations=X[ids[0] : ids[1]],
        noise=X[ids[1] : ids[2]],
        end=X[-1],
    )
    return params._replace(K=jnp.asarray(K, jnp.float32)), own


LAST_SUBJECT, LAST_NOISE, END = 4, 11, 12  # token ids; no draw has the first two


def logits_of(kind):
    rng = np.random.default_rng(5)
    near = rng.normal(size=(WIDTHS[1], END + 1))
    if kind == "anywhere":
        return rng.uniform(-200, 200, near.shape)
    logits = near - 150  # close to each other, and far below what is absent
    raised = {"absent noise": LAST_NOISE, "absent subject": LAST_SUBJECT, "end": END}
    if kind in raised:
        logits[:, raised[kind]] = 200
    return logits


@pytest.mark.parametrize(("layout", "contexts", "facts"), [DRAWS[0], DRAWS[2]])
@pytest.mark.parametrize(
    "kind", ["anywhere", "all low", "absent noise", "absent subject", "end"]
)
def test_large_logits_have_a_finite_and_right_loss(kind, layout, contexts, facts):
    logits = logits_of(kind)
    params, table = attending(logits)
    X = transformer.token_table(table)
    scores = transformer.key_scores(params, X, table.end, WIDTHS[2])
    assert_allclose(scores.T, logits, atol=1e-3)
    world, draw = world_of(), draw_of(layout, contexts, facts)
    assert np.max(draw.noise) + SIZES.subjects + SIZES.relations < LAST_NOISE
    assert np.max(draw.subjects) < LAST_SUBJECT
    found = fast(params, table, world, draw)
    chex.assert_tree_all_finite(found)
    expected = plain(params, table, world, draw)
    assert_agree(found, expected, loss_tolerance=1e-4, tolerance=1e-3)


# No bias

FEW = recall_task.Sizes(subjects=4, relations=3, answers=2, noise=2)
FEW_LENGTH = 5
KEYS = 3000
NO_MLP = transformer.Architecture()


def few():
    """A model of attention alone, and embeddings, whose losses differ between facts."""
    params = model(6, 2, 2, 0)
    return params._replace(V=2 * params.V), tables(FEW, 6)


def losses(params, table, batch):
    """Of each sequence."""
    read = lambda tokens: transformer.apply(params, table, tokens, NO_MLP)  # noqa: E731
    scores = jax.vmap(read)(batch.tokens) @ table.answers.T
    return -jax.nn.log_softmax(scores)[jnp.arange(len(scores)), batch.answers]


@functools.partial(jit, static_argnames="how")
def estimates(world, how):
    """The loss of many draws, from a few reads each."""
    params, table = few()

    def one(key):
        if how == "batches":
            batch = sequences.sample_batch(key, world, 6, FEW_LENGTH)
            return jnp.mean(losses(params, table, batch))
        shape = (3, 2) if how == "grid" else (2, 4)
        draw = sequences.sample_draw(key, world, *shape, FEW_LENGTH, how)
        return population.loss(params, table, world, draw, NO_MLP, 2).value

    return jax.vmap(one)(jax.random.split(jax.random.key(0), KEYS))


def every_sequence(world):
    """The loss of each fact in each sequence of noise tokens, `[S, R, noise]`."""
    S, R, _, N = FEW
    noise = list(itertools.product(range(N), repeat=FEW_LENGTH - 3))
    ids = [[*c, s, r] for s in range(S) for r in range(R) for c in noise]
    ids = jnp.asarray(ids, jnp.int32)
    draw = sequences.Draw(
        noise=ids[:, :-2], subjects=ids[:, -2:-1], relations=ids[:, -1:]
    )
    read = jit(losses)(*few(), sequences.written_out(draw, world))
    return np.asarray(read, float).reshape(S, R, len(noise))


@pytest.mark.parametrize("exponents", [(0.0, 0.0), (1.5, 1.0)])
@pytest.mark.parametrize("how", ["grid", "pairs", "batches"])
def test_estimates_have_no_bias(how, exponents):
    laws = [np.arange(1.0, n + 1) ** -a for n, a in zip((4, 3), exponents, strict=True)]
    world = world_of(FEW)._replace(
        subject_weights=jnp.asarray(laws[0], jnp.float32),
        relation_weights=jnp.asarray(laws[1], jnp.float32),
    )
    odds = np.outer(*laws) / np.sum(np.outer(*laws))
    each = every_sequence(world)
    expected = np.sum(odds * np.mean(each, axis=2))
    found = np.asarray(estimates(world, how), float)
    error = np.std(found) / np.sqrt(KEYS)
    assert abs(np.mean(found) - expected) < 4 * error
    # It would see facts asked about equally often, and one noise token alone.
    if any(exponents):
        assert abs(np.mean(each) - expected) > 8 * error
    assert abs(np.sum(odds * each[:, :, 0]) - expected) > 8 * error
