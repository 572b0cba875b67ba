"""Who holds a fact: by hand, in constructed transformers, and conserved in any."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from recall import constructions, embeddings, facts, readout, training
from recall.constructions import codes, heads
from recall.data import recall_task
from recall.memories import mlp
from recall.models import fit as factual_training
from recall.models import freezing, population, probing, transformer

SIZES = recall_task.Sizes(subjects=4, relations=3, answers=2, noise=5)
LENGTH, CONTEXTS = 8, 2
PLAIN = transformer.Architecture()
ADD = probing.ABLATIONS["none"]


@functools.cache
def drawn():
    key_world, key_tokens = jax.random.split(jax.random.key(0))
    tokens = transformer.draw_embeddings(key_tokens, embeddings.sphere, SIZES, 16)
    return recall_task.sample_world(key_world, SIZES), tokens


def asked(params, world, tokens):
    """What attention writes, and the facts that were asked."""
    return of_attention(params._replace(mlp=None), world, tokens)


@jax.jit
def of_attention(params, world, tokens):
    draw = probing.ask_every_fact(jax.random.key(1), world, LENGTH, CONTEXTS)
    x = population.attended(params, tokens, draw, params.K.shape[1])
    return x, population.as_facts(x, params, tokens, world, draw)


@functools.partial(jax.jit, static_argnums=3)
def shares(params, x, found, architecture):
    read = probing.reader(params, architecture)
    return {
        name: jnp.mean(readout.margins(ablate(x, read), found) > 0)
        for name, ablate in probing.ABLATIONS.items()
    }


def recalled(params, world, tokens, architecture=PLAIN):
    """The share of the facts that are recalled under every ablation."""
    return shares(params, *asked(params, world, tokens), architecture)


@pytest.fixture(scope="module")
def trained_like():
    """Weights of order one with an MLP, what they write and add, and the facts."""
    world, tokens = drawn()
    params = transformer.init(jax.random.key(3), 16, 4, 2, 12)
    x, found = asked(params, world, tokens)
    return params, world, tokens, x, probing.reader(params, PLAIN)(x), found


# By hand


def by_hand():
    """Two facts about three answers on the axes: x says 3 and 1, the MLP adds 1, 2."""
    x = jnp.array([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    added = jnp.array([[1.0, 2.0, 0.0], [0.0, 2.0, 1.0]])
    return x, added, facts.of(x, jnp.eye(3), jnp.array([0, 1]))


@pytest.mark.parametrize(
    ("against", "attention", "mlp"),
    [
        ("nothing", [3, 1], [1, 2]),
        ("mean", [3 - 1, 1 - 2 / 3], [1 - 1, 2 - 1]),
        ("rival", [3 - 0, 1 - 1], [1 - 2, 2 - 0]),  # answers 1, and 0 before 2
    ],
)
def test_scores_are_split_between_attention_and_mlp(against, attention, mlp):
    parts = probing.attribute(*by_hand(), against)
    assert_allclose(parts.attention, attention, atol=1e-6)
    assert_allclose(parts.mlp, mlp, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", [[6, 2], [4, 8]]),
        ("mlp_zero", [[2, 0], [0, 4]]),
        ("mlp_mean", [[6, 3], [4, 7]]),
        ("direct_zero", [[4, 2], [4, 4]]),
        ("direct_mean", [[5, 4], [5, 6]]),
        ("ov_zero", [[1, 1], [1, 1]]),
        ("ov_mean", [[4, 4], [4, 4]]),
    ],
)
def test_an_ablation_is_what_its_name_says(name, expected):
    x = jnp.array([[2.0, 0.0], [0.0, 4.0]])
    added = {(2.0, 0.0): [4, 2], (0.0, 4.0): [4, 4], (0.0, 0.0): [1, 1]}
    added[(1.0, 2.0)] = [3, 2]  # of the mean

    def read(z):
        rows = [added[tuple(row)] for row in np.asarray(z, float).tolist()]
        return jnp.asarray(rows, jnp.float32)

    assert_allclose(probing.ABLATIONS[name](x, read), expected)


def test_holders_share_out_the_facts_recalled():
    yes = lambda text: jnp.array([letter == "x" for letter in text])  # noqa: E731
    held = probing.holders(yes("xxxxx."), yes("xx..xx"), yes("x.x..x"))
    assert_allclose(held, [0.4, 0.2, 0.2, 0.2], rtol=1e-6)
    assert jnp.isnan(probing.holders(*[yes("...")] * 3).both)


def test_ranks_of_matrices_that_are_known():
    flat, skew = np.diag([2.0, 2, 0]), np.diag([3.0, 1, 0])
    found = probing.ranks(np.stack([flat, skew, np.zeros((3, 3))]))
    assert_allclose(found.participation[:2], [2, 100 / 82], rtol=1e-5)
    assert_allclose(found.entropy[:2], [2, 4 / 27**0.25], rtol=1e-5)
    assert np.isnan(found.participation[2])


def test_heads_write_what_their_matrices_make_of_a_token(trained_like):
    params, _, tokens, *_ = trained_like
    token = tokens.subjects[0]
    wanted = [o.T @ (v @ token) for o, v in zip(params.O, params.V, strict=True)]
    assert_allclose(probing.ov(params) @ token, jnp.stack(wanted), atol=1e-5)


# Parts add up


@pytest.mark.parametrize("against", probing.AGAINST)
def test_parts_add_up_to_the_score(trained_like, against):
    *_, x, added, found = trained_like
    parts = probing.attribute(x, added, found, against)
    own = readout.own_scores(x + added, found)
    of_all = jnp.mean(readout.scores(x + added, found), axis=1)
    margin = readout.margins(x + added, found)
    total = {"nothing": own, "mean": own - of_all, "rival": margin}[against]
    assert_allclose(parts.attention + parts.mlp, total, atol=1e-5)
    assert probing.conservation(x, added, found) < 1e-5


def test_parts_that_do_not_add_up_are_found(trained_like, monkeypatch):
    *_, x, added, found = trained_like
    split = probing.attribute
    lost = lambda *args: split(*args)._replace(mlp=jnp.zeros(len(x)))  # noqa: E731
    monkeypatch.setattr(probing, "attribute", lost)
    assert probing.conservation(x, added, found) > 0.01


def test_what_attention_writes_and_the_mlp_adds_is_what_is_recalled(trained_like):
    params, world, tokens, x, added, _ = trained_like
    draw = probing.ask_every_fact(jax.random.key(1), world, LENGTH, CONTEXTS)
    assert draw.noise.shape == (CONTEXTS * 4, LENGTH - 3)
    assert len({tuple(row) for row in draw.noise.tolist()}) == CONTEXTS * 4
    recall = jax.jit(population.recalled, static_argnums=3)
    whole = recall(params, tokens, draw, PLAIN, 2)
    assert_allclose(x + added, whole, atol=1e-5)


# Constructed transformers


def test_attention_without_an_mlp_holds_everything():
    world, tokens = drawn()
    design = heads.Heads(size=2, keys="widest")
    params = constructions.attention_only(world, tokens, design, codes.decorrelated)
    left = recalled(params, world, tokens)
    for name in ("none", "mlp_zero", "mlp_mean"):
        assert left[name] == 1
    for name in ("direct_zero", "direct_mean", "ov_zero", "ov_mean"):
        assert left[name] < 0.5
    x, found = asked(params, world, tokens)
    assert_array_equal(probing.attribute(x, 0 * x, found, "rival").mlp, 0)
    right = [readout.margins(y, found) > 0 for y in (x, x, 0 * x)]
    assert_allclose(probing.holders(*right), [1, 0, 0, 0])


def gates_of_pairs(world, tokens):
    """A unit for each fact: on if both its tokens are copied, and says its answer."""
    d, S = tokens.end.shape[0], 4
    dual = jnp.linalg.pinv(jnp.concatenate([tokens.subjects, tokens.relations])).T
    W = (dual[:S, None, :] + dual[None, S:, :]).reshape(-1, d)
    says = jnp.linalg.pinv(tokens.answers).T[recall_task.answers(world).reshape(-1)]
    return mlp.Params(W=W, b=jnp.full((len(W),), -1.5), V=100 * says)


def test_behind_copying_heads_the_mlp_holds_everything():
    world, tokens = drawn()
    design = heads.Heads(size=2, keys="widest")
    copies = heads.Codes(tokens.subjects, tokens.relations)
    params = heads.construct(tokens, copies, design)
    params = params._replace(mlp=gates_of_pairs(world, tokens))
    left = recalled(params, world, tokens)
    for name in ("none", "direct_zero", "direct_mean"):
        assert left[name] == 1
    for name in ("mlp_zero", "mlp_mean", "ov_zero", "ov_mean"):
        assert left[name] < 0.5


# Freezing

SAMPLING = factual_training.Sampling(
    length=LENGTH, layout="grid", contexts=4, facts=3, checks=CONTEXTS
)
RATE = jnp.float32(0.03)
ONE = training.Recipe(num_steps=1, check_every=1, cosine=True)


@pytest.fixture(scope="module")
def fit():
    how = {"sampling": SAMPLING, "architecture": PLAIN, "recipe": ONE}
    return jax.jit(lambda begun, free: freezing.fit(begun, free, RATE, **how))


def problem(params):
    world, tokens = drawn()
    return factual_training.Problem(
        world=world,
        embeddings=tokens,
        head_dim=jnp.asarray(2, jnp.int32),
        seed=jnp.asarray(0, jnp.int32),
        n_max=jnp.asarray(4, jnp.int32),
        initial=params,
        learning_rates=jnp.ones((1,)),
        threshold=jnp.ones(()),
    )


@pytest.mark.parametrize(
    ("free", "still"),
    [
        (freezing.all_free, ()),
        (freezing.only_mlp, ("K", "Q", "V", "O")),
        (freezing.without_values, ("V", "O")),
    ],
)
def test_what_is_frozen_stays_and_the_rest_moves(trained_like, fit, free, still):
    begun = trained_like[0]
    ended = fit(problem(begun), free(begun)).params
    for name in ("K", "Q", "V", "O"):  # the first step of Adam is the rate, everywhere
        moved = jnp.abs(getattr(ended, name) - getattr(begun, name))
        wanted = 0.0 if name in still else RATE
        assert_allclose(jnp.median(moved), wanted, rtol=1e-3)
        assert (jnp.max(moved) == 0) == (name in still)
    assert_allclose(jnp.max(jnp.abs(ended.mlp.W - begun.mlp.W)), RATE, rtol=1e-3)


def test_a_copy_map_adds_up_to_the_identity():
    maps = freezing.copy_map(4, 3, 6)
    assert_allclose(jnp.einsum("hkd,hke->de", maps, maps), 2 * jnp.eye(6))
    assert_array_equal(freezing.copy_map(1, 2, 6)[0], jnp.eye(2, 6))
