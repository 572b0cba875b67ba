"""The one-layer transformer: its equations, where it starts, and what padding means."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn import normal
from numpy.testing import assert_allclose, assert_array_equal

from recall import embeddings, training
from recall.data import recall_task, sequences
from recall.memories import mlp
from recall.models import population, transformer

SIZES = recall_task.Sizes(subjects=4, relations=3, answers=2, noise=5)
VOCABULARY = 4 + 3 + 5 + 1
CASES = [(4, 1, 1, 0, 3), (5, 3, 2, 7, 6), (6, 2, 8, 4, 9)]  # d, H, d_h, m, T
WIDTHS = (5, 3, 2, 7)  # d, H, d_h, m of everything else
WIDE = (8, 4, 5, 11)  # what they are padded to
WIDE_SIZES = recall_task.Sizes(subjects=6, relations=4, answers=2, noise=7)
ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
    "sin": np.sin,
    "abs": np.abs,
    "square": np.square,
    "silu": lambda x: x / (1 + np.exp(-x)),
}

apply = jax.jit(transformer.apply, static_argnums=3)


def model(d, heads, head_dim, m, seed=0):
    """Weights of order one, none of them zero, and embeddings."""
    shape = (heads, head_dim, d)
    weights = [0.7 * normal(*shape, seed=(seed, i)) for i in range(4)]
    units = None
    if m:
        W, V = (normal(m, d, seed=(seed, i)) for i in (4, 5))
        units = mlp.Params(W=W, b=normal(m, seed=seed), V=V)
    return transformer.Params(*weights, mlp=units)


def tables(d, seed=0):
    S, R, D, N = SIZES
    rows = [normal(count, d, seed=(seed, count)) for count in (S, R, N)]
    return transformer.Embeddings(
        *rows, end=normal(d, seed=seed), answers=normal(R * D, d, seed=seed)
    )


def sequence(length, seed=0):
    tokens = np.random.default_rng(seed).integers(0, VOCABULARY - 1, length)
    tokens[-1] = VOCABULARY - 1
    return jnp.asarray(tokens, jnp.int32)


def plain(params, table, tokens, architecture):
    """The equations of the paper in float64: head by head, position by position."""
    as_float64 = lambda tree: jax.tree.map(lambda x: np.asarray(x, float), tree)  # noqa: E731
    params, rows = as_float64(params), as_float64(table)
    lookup = [*rows.subjects, *rows.relations, *rows.noise, rows.end]
    X = [lookup[token] for token in np.asarray(tokens)]
    total = np.zeros(len(rows.end))
    for K, Q, V, O in zip(*params[:4], strict=True):  # noqa: E741
        logits = [(K @ x) @ (Q @ X[-1]) / np.sqrt(len(K)) for x in X]
        odds = np.exp(logits) / np.sum(np.exp(logits))
        for weight, x in zip(odds, X, strict=True):
            total = total + weight * (O.T @ (V @ x))
    if params.mlp is None:
        return total
    b = params.mlp.b if architecture.biases else 0.0
    hidden = ACTIVATIONS[architecture.activation](params.mlp.W @ total + b)
    return total + architecture.mlp_weight * (params.mlp.V.T @ hidden)


# The equations


@pytest.mark.parametrize(("d", "heads", "head_dim", "m", "length"), CASES)
def test_apply_by_a_loop_over_heads_and_positions(d, heads, head_dim, m, length):
    params, table = model(d, heads, head_dim, m), tables(d)
    for seed in range(3):
        tokens = sequence(length, seed)
        expected = plain(params, table, tokens, transformer.Architecture())
        found = apply(params, table, tokens, transformer.Architecture())
        assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("mlp_weight", [1.0, 0.3])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_add_mlp_by_the_formula(activation, mlp_weight, biases):
    architecture = transformer.Architecture(
        activation=activation, mlp_weight=mlp_weight, biases=biases
    )
    params, x = model(*WIDTHS), np.asarray(normal(4, 5, seed=9))
    assert params.mlp is not None
    W, b, V = (np.asarray(part, float) for part in params.mlp)
    hidden = ACTIVATIONS[activation](x @ W.T + biases * b)
    found = transformer.add_mlp(params, jnp.asarray(x), architecture)
    assert_allclose(found, x + mlp_weight * (hidden @ V), rtol=1e-4, atol=1e-5)


def test_apply_passes_its_architecture_on():
    params, table, tokens = model(*WIDTHS), tables(5), sequence(6)
    other = transformer.Architecture(activation="sin", mlp_weight=0.3, biases=False)
    expected = plain(params, table, tokens, other)
    found = apply(params, table, tokens, other)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert np.max(np.abs(expected - apply(params, table, tokens))) > 0.1


def test_without_biases_b_has_no_influence_and_no_gradient():
    without = transformer.Architecture(biases=False)

    @functools.partial(jax.jit, static_argnums=1)
    def grads(params, architecture):
        vector = lambda p: transformer.apply(p, tables(5), sequence(6), architecture)  # noqa: E731
        return jax.grad(lambda p: jnp.sum(vector(p) ** 2))(params)

    found = grads(model(*WIDTHS), without).mlp
    assert_array_equal(found.b, 0.0)
    assert np.all(np.any(np.asarray([found.W, found.V]) != 0, axis=(1, 2)))
    assert np.any(grads(model(*WIDTHS), transformer.Architecture()).mlp.b != 0)


@pytest.mark.parametrize("name", ["", "ReLU", "softmax"])
def test_an_unknown_activation_is_refused(name):
    with pytest.raises(ValueError, match=f"Expected activation in .*; got {name!r}"):
        transformer.Architecture(activation=name)


def test_every_activation_of_the_mlp_is_accepted():
    for name in mlp.ACTIVATIONS:
        assert transformer.Architecture(activation=name).activation == name


def test_the_order_of_the_tokens_before_the_last_does_not_matter():
    params, table, tokens = model(*WIDTHS), tables(5), sequence(6)
    architecture = transformer.Architecture()
    expected = apply(params, table, tokens, architecture)
    for order in ([4, 3, 2, 1, 0, 5], [1, 2, 0, 4, 3, 5]):
        found = apply(params, table, tokens[jnp.asarray(order)], architecture)
        assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    last = apply(params, table, tokens[jnp.asarray([5, 1, 2, 3, 4, 0])], architecture)
    assert np.max(np.abs(last - expected)) > 0.1


def test_trained_embeddings_override_frozen_ones():
    params, frozen, trained = model(*WIDTHS), tables(5), tables(5, seed=1)
    assert transformer.used(params, frozen) is frozen
    along = params._replace(embeddings=trained)
    assert transformer.used(along, frozen) is trained
    tokens, architecture = sequence(6), transformer.Architecture()
    found = transformer.apply(along, frozen, tokens, architecture)
    expected = transformer.apply(params, trained, tokens, architecture)
    assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_token_table_is_in_the_order_of_the_token_ids():
    table = tables(5)
    found = np.asarray(transformer.token_table(table))
    assert found.shape == (VOCABULARY, 5)
    for first, rows in ((0, table.subjects), (4, table.relations), (7, table.noise)):
        assert_array_equal(found[first : first + len(rows)], rows)
    assert_array_equal(found[12], table.end)
    world = recall_task.sample_world(jax.random.key(0), SIZES)
    draw = sequences.every_fact(jax.random.key(1), world, length=4)
    tokens = sequences.written_out(draw, world).tokens[5]  # subject 1, relation 2
    noise = table.noise[draw.noise[1, 0]]
    expected = [table.subjects[1], table.relations[2], noise, table.end]
    assert_array_equal(found[tokens], expected)


# Where it starts


def test_initial_weights_have_the_variances_of_the_paper():
    d, heads, head_dim, m = 128, 4, 16, 32
    params = transformer.init(jax.random.key(0), d, heads, head_dim, m)
    for weights, variance in zip(params[:4], [1 / 16] * 3 + [1 / 128], strict=True):
        assert weights.shape == (heads, head_dim, d)
        assert abs(np.mean(weights)) < 4 * np.sqrt(variance / weights.size)
        assert_allclose(np.var(weights), variance, rtol=0.06)
    assert_allclose(np.corrcoef([w.ravel() for w in params[:4]]), np.eye(4), atol=0.05)
    assert params.mlp is not None
    assert_allclose(np.var(params.mlp.W), 1 / d, rtol=0.1)
    assert_allclose(np.var(params.mlp.V), 1 / m, rtol=0.1)
    assert_array_equal(params.mlp.b, np.zeros(m))
    assert params.embeddings is None


@pytest.mark.parametrize(("heads", "head_dim"), [(0, 2), (2, 0), (-1, 3)])
def test_a_transformer_needs_heads_of_some_dimension(heads, head_dim):
    with pytest.raises(ValueError, match=f"heads={heads}, head_dim={head_dim}"):
        transformer.init(jax.random.key(0), 4, heads, head_dim, 0)


@pytest.mark.parametrize("widths", [(4, 1, 1, 0), (5, 3, 2, 7)])
def test_num_parameters_counts_the_weights_without_biases(widths):
    init = functools.partial(transformer.init, jax.random.key(0), *widths)
    params = jax.eval_shape(init)
    assert (params.mlp is None) == (widths[-1] == 0)
    if params.mlp is not None:
        params = params._replace(mlp=params.mlp._replace(b=None))
    sizes = [leaf.size for leaf in jax.tree.leaves(params)]
    assert transformer.num_parameters(*widths) == sum(sizes)


def test_embeddings_are_nested_and_drawn_independently():
    draw = functools.partial(
        transformer.draw_embeddings, jax.random.key(0), embeddings.gaussian
    )
    small, large = (
        draw(recall_task.Sizes(*s), 4) for s in ((2, 3, 1, 2), (3, 3, 2, 3))
    )
    assert [len(rows) for rows in small[:3]] == [2, 3, 2]
    assert small.end.shape == (4,)
    assert small.answers.shape == (3, 4)
    for few, many in zip(small, large, strict=True):
        assert_array_equal(few, many[: len(few)])
    rows = [*large.subjects, *large.relations, *large.noise, large.end, *large.answers]
    assert len(np.unique(rows, axis=0)) == 3 + 3 + 3 + 1 + 6


# Padding


def padded(params, table):
    """The same model, wider; its embeddings have dead rows and zero coordinates."""
    return (
        transformer.pad(params, *WIDE),
        transformer.pad_embeddings(table, WIDE_SIZES, WIDE[0]),
    )


@jax.jit
def trained(params, table, world):
    """What is recalled of every fact, and 50 steps of Adam on all of them."""
    architecture, head_dim = transformer.Architecture(activation="gelu"), WIDTHS[2]
    noise = np.random.default_rng(0).integers(0, SIZES.noise, (4, 2))
    facts = np.arange(4)[:, None], np.arange(3)[None, :]
    draw = sequences.Draw(*(jnp.asarray(ids, jnp.int32) for ids in (noise, *facts)))

    def loss(params, _):
        return population.loss(params, table, world, draw, architecture, head_dim)

    vectors = population.recalled(params, table, draw, architecture, head_dim)
    recipe = training.Recipe(num_steps=50, check_every=50)
    fit = training.start(params._replace(embeddings=table))
    fit = training.descend(fit, jnp.float32(0.005), loss=loss, recipe=recipe)
    return vectors, fit.params


def test_padding_is_exact_in_outputs_and_through_50_steps_of_adam():
    params, table = model(*WIDTHS), tables(WIDTHS[0])
    world = recall_task.sample_world(jax.random.key(0), SIZES)
    vectors, after = trained(params, table, world)
    wide_vectors, wide_after = trained(*padded(params, table), world)
    assert_allclose(wide_vectors[:, : WIDTHS[0]], vectors, rtol=1e-4, atol=1e-5)
    assert_array_equal(wide_vectors[:, WIDTHS[0] :], 0.0)

    assert params.mlp is not None
    moved = (after.K - params.K, after.mlp.b - params.mlp.b)
    moved += (after.embeddings.answers - table.answers,)
    for change in moved:  # there was something to get wrong
        assert np.median(np.abs(change)) > 0.02
    expected, rows = padded(after, after.embeddings)
    chex.assert_trees_all_close(
        wide_after, expected._replace(embeddings=rows), atol=1e-4
    )


def test_padding_adds_zeros_and_nothing_else():
    params, table = model(*WIDTHS), tables(5)
    wide_params, wide_table = padded(params, table)
    assert_array_equal(wide_params.O[:3, :2, :5], params.O)
    assert_array_equal(wide_table.answers[:6, :5], table.answers)
    for wide, narrow in ((wide_params, params), (wide_table, table)):
        for leaf, own in zip(
            jax.tree.leaves(wide), jax.tree.leaves(narrow), strict=True
        ):
            assert leaf.size > own.size
            assert np.count_nonzero(leaf) == np.count_nonzero(own)
    counts = [len(rows) for rows in wide_table]
    assert counts == [6, 4, 7, WIDE[0], 4 * 2]
    assert_array_equal(wide_table.end[:5], table.end)
