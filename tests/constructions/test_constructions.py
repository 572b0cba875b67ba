"""Explicit transformers compute what their theorems say, for every fact."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from recall import constructions, embeddings, readout
from recall.constructions import codes, heads, product_duals, transformers
from recall.data import recall_task, sequences
from recall.memories import mlp
from recall.models import transformer

KEY = jax.random.key(0)
SIZES = recall_task.Sizes(subjects=5, relations=4, answers=3, noise=9)
FACTS = list(itertools.product(range(5), range(4)))
PLAIN = transformer.Architecture()
PADDED = functools.partial(codes.fitted, width=24)  # one program for all widths
apply = jax.jit(transformer.apply, static_argnames="architecture")
attend = jax.jit(transformer.attend)


@functools.cache
def drawn(d):
    key_world, key_tokens = jax.random.split(KEY)
    tokens = transformer.draw_embeddings(key_tokens, embeddings.sphere, SIZES, d)
    return recall_task.sample_world(key_world, SIZES), tokens


def sequence(s, r, length, seed=0):
    """Subject and relation among noise, in random places, and the end token."""
    S, R, _, N = SIZES
    draw = np.random.default_rng((s, r, length, seed))
    tokens = S + R + draw.integers(0, N, length)
    places = draw.permutation(length - 1)[:2]
    tokens[places] = s, S + r
    tokens[-1] = S + R + N
    return jnp.asarray(tokens, jnp.int32)


def recalled(params, tokens, length, architecture=PLAIN):
    """F of every fact, position by position."""
    read = [sequence(s, r, length) for s, r in FACTS]
    found = [apply(params, tokens, t, architecture=architecture) for t in read]
    return jnp.stack(found)


def num_right(found, world, tokens):
    facts = codes.pair_facts(world, tokens)
    return int(readout.num_correct(found, facts))


# Heads


@pytest.mark.parametrize(
    ("keys", "size", "d"),
    [("sum", 1, 64), ("least_squares", 3, 32), ("widest", 5, 24)],
)
def test_a_head_attends_to_its_own_token_alone_or_else_to_the_end(keys, size, d):
    _, tokens = drawn(d)
    design = heads.Heads(size=size, keys=keys, inverse_temperature=400.0)
    copies = heads.Codes(tokens.subjects, tokens.relations)
    params = heads.construct(tokens, copies, design)
    assert params.K.shape == (heads.count(5, 4, size), size, d)
    assert heads.gap(params, tokens) > 0
    of_subject = np.arange(params.K.shape[0]) < -(-5 // size)
    table = transformer.token_table(tokens)
    for s, r in FACTS[::3]:
        read = sequence(s, r, 32)
        attention = attend(params, table[read])
        for head, weights in enumerate(attention):
            first = head - (0 if of_subject[head] else of_subject.sum())
            token = s if of_subject[head] else r
            heard = token // size == first
            at = read == (token if of_subject[head] else 5 + token)
            place = int(jnp.argmax(at)) if heard else len(read) - 1
            assert_allclose(weights[place], 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("keys", "d", "length"), [("least_squares", 32, 32), ("widest", 14, 256)]
)
def test_copy_heads_write_the_subject_and_the_relation(keys, d, length):
    _, tokens = drawn(d)
    design = heads.Heads(size=3, keys=keys, inverse_temperature=100.0)
    copies = heads.Codes(tokens.subjects, tokens.relations)
    params = heads.construct(tokens, copies, design)
    found = recalled(params, tokens, length)
    expected = tokens.subjects[:, None] + tokens.relations[None]
    assert_allclose(found, expected.reshape(-1, d), atol=1e-4)


def test_a_head_that_hears_nothing_writes_nothing():
    _, tokens = drawn(32)
    copies = heads.Codes(tokens.subjects, tokens.relations)
    params = heads.construct(
        tokens, copies, heads.Heads(size=2, inverse_temperature=100.0)
    )
    noise_only = jnp.asarray([9, 12, 17, 10, 9, 18], jnp.int32)
    assert_allclose(apply(params, tokens, noise_only), jnp.zeros(32), atol=1e-5)


def test_sharpness_is_what_separates():
    _, tokens = drawn(32)
    copies = heads.Codes(tokens.subjects, tokens.relations)
    sharp = (heads.Heads(size=2, inverse_temperature=beta) for beta in (10.0, 20.0))
    gaps = [heads.gap(heads.construct(tokens, copies, h), tokens) for h in sharp]
    assert_allclose(gaps, [5.0, 10.0], rtol=1e-3)
    blurred = heads.construct(
        tokens, copies, heads.Heads(size=2, inverse_temperature=0.1)
    )
    assert float(jnp.max(transformer.attend(blurred, tokens.noise))) < 0.5


# Attention only


def test_answer_sets_are_what_a_token_may_be_followed_by():
    sizes = recall_task.Sizes(2, 2, 2, 1)
    world = recall_task.world_of([[0, 1], [1, 1]], sizes)  # answers 0 3, 1 3
    of_subjects, of_relations = codes.answer_sets(world)
    np.testing.assert_array_equal(of_subjects, [[1, 0, 0, 1], [0, 1, 0, 1]])
    np.testing.assert_array_equal(of_relations, [[1, 1, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("length", [32, 256])
def test_with_decorrelated_codes_the_right_answer_scores_two_and_others_less(length):
    world, tokens = drawn(24)
    design = heads.Heads(size=3, keys="widest", inverse_temperature=200.0)
    params = constructions.attention_only(world, tokens, design, codes.decorrelated)
    scores = recalled(params, tokens, length) @ tokens.answers.T
    answers = np.asarray(recall_task.answers(world)).reshape(-1)
    own = np.asarray(scores)[np.arange(20), answers]
    assert_allclose(own, 2.0, atol=1e-2)
    others = np.delete(np.asarray(scores), answers + 12 * np.arange(20))
    assert others.max() < 1.01
    assert others.min() > -0.01


@pytest.mark.parametrize(
    ("code", "d", "length"),
    [("plain", 512, 32), ("decorrelated", 12, 256), ("fitted", 10, 32)],
)
def test_attention_only_recalls_every_fact(code, d, length):
    world, tokens = drawn(d)
    design = heads.Heads(size=2, keys="widest", inverse_temperature=200.0)
    kind = PADDED if code == "fitted" else codes.CODES[code]
    params = constructions.attention_only(world, tokens, design, kind)
    assert params.mlp is None
    assert num_right(recalled(params, tokens, length), world, tokens) == 20


def test_every_fact_of_a_paper_size_world_is_recalled_position_by_position():
    """Theorem 3 at (S, R, D) = (16, 16, 8), d = 128, T = 256, by the plain model."""
    sizes = recall_task.Sizes(subjects=16, relations=16, answers=8, noise=32)
    key_world, key_tokens = jax.random.split(KEY)
    world = recall_task.sample_world(key_world, sizes)
    tokens = transformer.draw_embeddings(key_tokens, embeddings.sphere, sizes, 128)
    design = heads.Heads(size=4)
    params = constructions.attention_only(world, tokens, design, codes.decorrelated)
    read = sequences.written_out(sequences.every_fact(KEY, world, 256), world)
    one = lambda sequence: transformer.apply(params, tokens, sequence)  # noqa: E731
    found = jax.lax.map(jax.jit(one), read.tokens, batch_size=64)
    assert read.tokens.shape == (256, 256)
    assert num_right(found, world, tokens) == 256


def test_codes_need_their_subject_and_their_relation():
    world, tokens = drawn(64)
    code = codes.decorrelated(world, tokens)
    halves = [
        code._replace(subjects=np.zeros((5, 64))),
        code._replace(relations=np.zeros((4, 64))),
    ]
    for half in halves:
        params = heads.construct(tokens, half, heads.Heads(size=2))
        assert num_right(recalled(params, tokens, 32), world, tokens) < 15


# Attention and an MLP


def with_duals(world, tokens, design):
    memory = transformers.with_product_duals(KEY, world, tokens, design)
    assert memory.W.shape[0] == design.gates * (design.outputs + 1) <= design.m
    return memory, design.activation


def with_gates(world, tokens, num_gates):
    memory, found = transformers.with_fitted_gates(KEY, world, tokens, num_gates)
    assert found.verdict == "stored"
    assert memory.W.shape[0] == num_gates * (tokens.end.shape[0] + 1)
    return memory, "abs"


@pytest.mark.parametrize(("kind", "length"), [("duals", 32), ("gates", 256)])
def test_copy_heads_and_an_mlp_recall_every_fact(kind, length):
    world, tokens = drawn(32)
    if kind == "duals":
        made = with_duals(world, tokens, product_duals.Design(m=2000))
    else:
        made = with_gates(world, tokens, 3)
    design = heads.Heads(size=2, keys="widest", inverse_temperature=200.0)
    params = constructions.attention_mlp(world, tokens, design, *made)
    architecture = transformer.Architecture(activation=made[1])
    found = recalled(params, tokens, length, architecture)
    assert num_right(found, world, tokens) == 20
    copies = recalled(params._replace(mlp=None), tokens, length)
    assert num_right(copies, world, tokens) < 10  # the MLP is what recalls


def test_product_duals_are_a_plain_mlp():
    """Differences of sigma are its slope h_{j+k}, up to the shift."""
    degrees, outputs = (2, 1), 3
    world, tokens = drawn(16)
    design = product_duals.Design(m=200, degrees=degrees, outputs=outputs)
    plain = product_duals.construct(
        KEY,
        tokens.subjects,
        tokens.relations,
        tokens.answers[recall_task.answers(world)],
        design,
    )
    rows = plain.W.reshape(design.gates, outputs + 1, 16) * np.sqrt(2)
    gates = rows[:, -1]
    assert_allclose(jnp.linalg.norm(gates, axis=1), 4.0, rtol=1e-5)
    moves = rows[:, :-1] - gates[:, None]  # eps p
    writes = plain.V.reshape(design.gates, outputs + 1, 16)[:, :-1] / np.sqrt(2)
    x = codes.pair_facts(world, tokens).inputs
    slope = jax.vmap(jax.vmap(jax.grad(mlp.ACTIVATIONS[design.activation])))
    expected = jnp.einsum(
        "ng,nga,gad->nd",
        slope(x @ gates.T / np.sqrt(2)),
        jnp.einsum("gab,nb->nga", moves, x),
        writes,
    )
    found = mlp.apply(plain, x, design.activation)
    assert_allclose(found, expected, atol=0.05 * float(abs(expected).max()))
    cosine = jnp.sum(found * expected) / jnp.linalg.norm(found)
    assert float(cosine / jnp.linalg.norm(expected)) > 0.999


def test_outputs_of_a_gate_are_orthonormal():
    world, tokens = drawn(16)
    answers = tokens.answers[recall_task.answers(world)]
    design = product_duals.Design(m=300, outputs=4)
    rest = tokens.subjects, tokens.relations, answers, design
    V = product_duals.construct(KEY, *rest).V.reshape(60, 5, 16)
    norm = jnp.linalg.norm(V[:, :1], axis=2, keepdims=True)
    grams = jnp.einsum("gad,gbd->gab", V[:, :4] / norm, V[:, :4] / norm)
    assert_allclose(grams, jnp.broadcast_to(jnp.eye(4), grams.shape), atol=1e-4)
    assert_allclose(jnp.sum(V, axis=1) / norm[:, 0], jnp.zeros((60, 16)), atol=1e-4)


def test_fluctuation_of_product_duals_is_computed_by_hand():
    # X = h_2((a + b) / sqrt 2) a b: E X = 1 / sqrt 2, E X^2 = (7 + 9) / 2 = 8.
    assert_allclose(product_duals.fluctuation((1, 1)), 16.0)
    assert product_duals.fluctuation((1, 2)) > 16.0


# The check of every fact


@pytest.mark.parametrize("sharpness", [6.0, 200.0])
def test_asking_every_fact_is_asking_position_by_position(sharpness):
    world, tokens = drawn(10)
    design = heads.Heads(size=2, keys="widest", inverse_temperature=sharpness)
    params = constructions.attention_only(world, tokens, design, PADDED)
    key = jax.random.key(3)
    found = constructions.ask(
        params, world, tokens, key, length=40, contexts=3, architecture=PLAIN
    )
    shares = []
    for each in jax.random.split(key, 3):
        draw = sequences.every_fact(each, world, 40)
        read = sequences.written_out(draw, world).tokens
        F = jnp.stack([apply(params, tokens, t) for t in read])
        shares.append(num_right(F, world, tokens) / 20)
    assert_allclose(found.mean, np.mean(shares), rtol=1e-6)
    assert_allclose(found.worst, np.min(shares), rtol=1e-6)
    assert (min(shares) == 1.0) == (sharpness > 100)


# Bad input


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"size": 0}, "head size >= 1 token; got size=0"),
        ({"size": 2, "keys": "sums"}, "keys in .*'sum'.*; got 'sums'"),
        ({"size": 2, "inverse_temperature": 0.0}, r"inverse_temperature > 0; got 0\.0"),
    ],
)
def test_heads_that_make_no_sense_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        heads.Heads(**fields)


def test_a_width_without_dual_values_is_refused():
    world, tokens = drawn(6)
    with pytest.raises(ValueError, match=r"d >= head size \+ 1 = 7 .*; got d=6"):
        constructions.attention_only(world, tokens, heads.Heads(size=6))


def test_a_width_without_dual_codes_is_refused():
    world, tokens = drawn(11)
    with pytest.raises(ValueError, match=r"d >= R D = 12 .*; got d=11"):
        codes.decorrelated(world, tokens)


@pytest.mark.parametrize(
    ("design", "words"),
    [
        (product_duals.Design(m=0), r"m >= 20 hidden units .*; got m=0"),
        (product_duals.Design(m=19), r"m >= 20 hidden units .*; got m=19"),
        (product_duals.Design(m=99, degrees=(2, 2)), r"j \+ k <= 3; got \(2, 2\)"),
        (product_duals.Design(m=99, degrees=(0, 1)), r"j, k >= 1 .*; got \(0, 1\)"),
        (product_duals.Design(m=99, outputs=17), r"in \[1, d = 16\]; got 17"),
    ],
)
def test_product_duals_that_store_nothing_are_refused(design, words):
    with pytest.raises(ValueError, match=words):
        product_duals.check(design, 16)
    product_duals.check(product_duals.Design(m=20), 16)


def test_an_mlp_without_units_is_refused():
    world, tokens = drawn(16)
    empty = mlp.Params(W=jnp.zeros((0, 16)), b=jnp.zeros(0), V=jnp.zeros((0, 16)))
    with pytest.raises(ValueError, match="m >= 1 hidden units; got m=0"):
        constructions.attention_mlp(
            world, tokens, heads.Heads(size=2), empty, activation="abs"
        )
    with pytest.raises(ValueError, match="gates >= 1; got gates=0"):
        transformers.with_fitted_gates(KEY, world, tokens, 0)
