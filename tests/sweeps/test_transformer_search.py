"""Searches of transformers: worlds, shapes that do not matter, names and kinds."""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from recall import capacity, training
from recall.models import transformer
from recall.stats import points
from recall.sweeps import packing, transformer_search

WORLDS = transformer_search.WORLDS


def outlines(search, shape):
    """A problem's shapes and types: drawing its arrays would compile for seconds."""
    return jax.eval_shape(lambda: search.problem(shape))


# Worlds


@pytest.mark.parametrize("world", WORLDS)
def test_traced_sizes_are_those_of_python(world):
    numbers = range(1, 201)
    traced = jax.jit(jax.vmap(lambda n: tuple(map(jnp.asarray, WORLDS[world](n)))))
    found = np.stack(traced(jnp.arange(1, 201)), axis=-1)
    expected = [WORLDS[world](n) for n in numbers]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int32


def test_worlds_are_what_their_names_say():
    for n in range(1, 201):
        assert WORLDS["S=R"](n) == WORLDS["D=S"](n) == (n, n)
        assert WORLDS["S=R^2"](n) == (n * n, n)
        S, R = WORLDS["R=sqrt(S)"](n)
        assert n == S
        assert R * R <= n < (R + 1) ** 2


@pytest.mark.parametrize(
    ("world", "answers", "expected"),
    [
        ("S=R", 2, (10, 10, 2, 20)),
        ("R=sqrt(S)", 8, (10, 3, 8, 13)),
        ("S=R^2", 3, (100, 10, 3, 110)),
        ("D=S", None, (10, 10, 10, 20)),
    ],
)
def test_a_size_has_subjects_relations_answers_and_as_many_noise_tokens(
    world, answers, expected
):
    search = tiny.transformer(world=world, answers=answers)
    S, R, *_ = expected
    assert search.sizes(10) == expected
    assert search.facts(10) == S * R
    assert (
        search.size_columns(10).items()
        >= {
            "n": S * R,
            "subjects": S,
            "relations": R,
        }.items()
    )
    assert search.facts(0) == 0


def test_parameters_are_counted_with_the_head_dimension_there_is():
    # d = 11 over 8 heads leaves d_h = 1: 4 x 8 x 1 x 11 + 2 x 11 x 11, not 6 x 121.
    search = tiny.transformer(d=11, heads=8, head_dim=1, m=11)
    weights = outlines(search, search.own_shape()).initial
    held = [*weights[:4], weights.mlp.W, weights.mlp.V]
    assert search.num_parameters == sum(array.size for array in held) == 594
    assert search.columns()["parameters"] == 594
    assert tiny.transformer(m=0).num_parameters == 4 * 2 * 2 * 8


def test_columns_say_what_a_search_is_and_json_holds_them():
    found = tiny.transformer(learning_rates=(0.01, 0.03)).columns()
    assert (
        found.items()
        >= {
            "memory": "transformer",
            "world": "S=R",
            "num_outputs": 2,
            "heads": 2,
            "head_dim": 2,
            "activation": "relu",
            "tried": "0.01 0.03",
            "trained": True,
            "embedding": "gaussian",
        }.items()
    )
    assert json.loads(json.dumps(found)) == found
    assert found.keys() >= set(points.GROUP) - {"experiment", "rank", "degree"}
    assert tiny.transformer(world="D=S", answers=None).columns()["num_outputs"] is None


# Shapes


def test_a_shape_has_room_for_a_little_more_than_is_expected():
    shape = tiny.transformer().own_shape()
    assert shape == (math.ceil(1.6 * 4), 2, 8, 2, 2, 8)
    assert tiny.transformer(limit=5).own_shape().n_max == 5
    assert tiny.transformer().shape_of(14) == shape._replace(n_max=14)


def test_answers_grow_with_the_shape_where_they_are_the_size():
    search = tiny.transformer(world="D=S", answers=None)
    shape = search.own_shape()
    assert shape[:2] == (7, 7)
    assert search.shape_of(14)[:2] == (14, 14)
    wide = tiny.batch([search]).wider([0], [3])
    assert wide is not None
    assert wide.shape[:2] == (8, 8)  # the limit
    tables = outlines(search, wide.shape).embeddings
    assert tables.answers.shape == (8 * 8, 8)
    assert tables.noise.shape == (8 + 8, 8)


def test_a_padded_problem_is_the_same_problem():
    search = tiny.transformer()
    own, padded = (search.problem(s) for s in (search.own_shape(), tiny.LARGER))
    assert (int(own.n_max), int(padded.n_max)) == (7, 8)  # room, and the limit
    assert int(padded.head_dim) == 2
    assert padded.embeddings.subjects.shape == (12, 11)
    assert padded.initial.K.shape == (3, 3, 11)
    pairs = zip(*map(jax.tree.leaves, (own.initial, padded.initial)), strict=True)
    for ours, theirs in pairs:
        inner = tuple(slice(size) for size in ours.shape)
        np.testing.assert_array_equal(theirs[inner], ours)
        assert jnp.count_nonzero(theirs) == jnp.count_nonzero(ours)
    ours, theirs = own.embeddings, padded.embeddings
    for name, count in (("subjects", 7), ("relations", 7), ("noise", 14)):
        table, wide = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_array_equal(wide[:count, :8], table)
        assert not wide[:, 8:].any()
    np.testing.assert_array_equal(padded.world.choices[:7, :7], own.world.choices)


def test_trained_embeddings_are_padded_along():
    search = tiny.transformer(train_embeddings=True)
    problem = outlines(search, tiny.LARGER)
    assert problem.initial.embeddings == problem.embeddings
    assert problem.initial.embeddings.answers.shape == (12 * 2, 11)


# What a step reads


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("batch", "share"), [(1024, 32), (49, 4), (7, 32), (1, 1)])
def test_a_grid_reads_no_fact_twice_and_pairs_read_a_batch(world, batch, share):
    read = transformer_search.Reads(batch=batch, share=share, length=9, checks=3)
    pairs = dataclasses.replace(read, layout="pairs")
    for n in (1, 2, 3, 7, 40):
        search = tiny.transformer(world=world, reads=read)
        shape = search.shape_of(n)
        found, sizes = search.sampling(shape), search.sizes(n)
        assert 1 <= found.contexts <= sizes.subjects
        assert 1 <= found.facts <= sizes.relations
        assert found.contexts * found.facts <= batch
        assert (found.length, found.layout, found.checks) == (9, "grid", 3)
        found = tiny.transformer(world=world, reads=pairs).sampling(shape)
        assert found.contexts * found.facts == batch - batch % min(share, batch)
        assert found.layout == "pairs"


def test_a_grid_reads_every_fact_of_a_world_that_fits():
    search = tiny.transformer(reads=transformer_search.Reads(batch=1024, share=32))
    found = search.sampling(search.shape_of(32))
    assert (found.contexts, found.facts) == (32, 32)


# Names and kinds

# What a search of like kind may differ in, and still share a program.
OTHER = {
    "d": 5,
    "heads": 3,
    "head_dim": 3,
    "m": 5,
    "threshold": 0.5,
    "seed": 1,
    "expected": 5,
    "limit": 9,
    "embedding": "sphere",
    "exponents": (0.0, 1.0),
    "recipe_name": "published",
    "learning_rates": (0.2,),
    "table": ((0, 1), (1, 1)),
}
# What is compiled into a program.
KIND = {
    "world": "S=R^2",
    "answers": 3,
    "architecture": transformer.Architecture(mlp_weight=0.5),
    "reads": dataclasses.replace(tiny.READS, share=2),
    "train_embeddings": True,
    "recipe": training.Recipe(num_steps=64, check_every=4, cosine=True),
    "strategy": capacity.Strategy(method="bisect", resolution=0.5),
}


def changed(field, value):
    return dataclasses.replace(tiny.transformer(), **{field: value})


@pytest.mark.parametrize("field", OTHER)
def test_searches_that_differ_in_data_share_a_program(field):
    pair = [tiny.transformer(), changed(field, OTHER[field])]
    (batch,) = packing.group(pair)
    assert set(batch.lanes) == set(pair)


@pytest.mark.parametrize(
    ("field", "value"),
    [*KIND.items(), ("m", 0), ("learning_rates", (0.1, 0.2))],
)
def test_searches_that_differ_in_kind_do_not(field, value):
    assert len(packing.group([tiny.transformer(), changed(field, value)])) == 2


def parts(search):
    """Changes of a single field of each of the settings within a search."""
    for name in ("architecture", "reads", "recipe", "strategy"):
        part = getattr(search, name)
        for field, value in dataclasses.asdict(part).items():
            other = {"method": "grow", "layout": "pairs", "activation": "gelu"}
            fresh = other.get(field, fresh_number(value))
            yield name, dataclasses.replace(part, **{field: fresh})


def fresh_number(value):
    if isinstance(value, bool | str):
        return not value
    return value + 1 if isinstance(value, int) else value + 0.125


def test_a_digest_changes_with_every_setting():
    fields = OTHER | KIND
    names = {
        field.name for field in dataclasses.fields(transformer_search.RecallSearch)
    }
    assert fields.keys() == names
    search = tiny.transformer()
    others = [changed(name, value) for name, value in fields.items()]
    others += [changed(name, part) for name, part in parts(search)]
    assert len(others) > 25
    digests = {one.digest() for one in [search, *others]}
    assert len(digests) == 1 + len(others)


@pytest.mark.parametrize("field", transformer_search.Shape._fields)
def test_a_larger_shape_costs_more(field):
    shape = transformer_search.Shape(64, 64, 64, 64, 64, 64)
    larger = shape._replace(**{field: 128})
    search = tiny.transformer()
    ours, theirs = (tiny.batch([search], size).about() for size in (shape, larger))
    held = [about.memory_bytes + about.device_bytes for about in (ours, theirs)]
    assert held[1] > held[0]
    if field != "head_dim":
        assert theirs.core_seconds > ours.core_seconds
