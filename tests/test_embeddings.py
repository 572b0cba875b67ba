"""Point sets: their laws, and that a smaller draw is the start of a larger one."""

import chex
import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from recall import embeddings

JITTED = {
    name: jax.jit(sampler, static_argnums=(1, 2))
    for name, sampler in embeddings.SAMPLERS.items()
}


@pytest.fixture(params=sorted(JITTED))
def sample(request):
    return JITTED[request.param]


def test_samplers_go_by_their_names():
    assert sorted(JITTED) == ["gaussian", "orthonormal_blocks", "sphere"]
    for name, sampler in embeddings.SAMPLERS.items():
        assert sampler is getattr(embeddings, name)


@pytest.mark.parametrize("name", ["sphere", "orthonormal_blocks"])
@pytest.mark.parametrize(("num_points", "d"), [(1, 1), (23, 4)])
def test_points_have_norm_one(name, num_points, d):
    points = JITTED[name](jax.random.key(0), num_points, d)
    assert_allclose(np.linalg.norm(points, axis=-1), 1.0, rtol=1e-6)


def test_sphere_points_are_uniform_in_direction():
    # A coordinate of the circle is cos of a uniform angle: moments 0, 1/2, 0, 3/8.
    # Points of a square, scaled to norm one, would have 0.357 for 3/8.
    points = np.asarray(JITTED["sphere"](jax.random.key(0), 16384, 2), float)
    moments = [np.mean(points**p, axis=0) for p in (1, 2, 3, 4)]
    expected = np.array([0, 1 / 2, 0, 3 / 8])[:, None]
    assert_allclose(moments, np.tile(expected, (1, 2)), atol=0.015)
    assert abs(np.mean(points[:, 0] * points[:, 1])) < 0.015


def test_gaussian_coordinates_are_independent_of_variance_one_over_d():
    d = 8
    points = np.asarray(JITTED["gaussian"](jax.random.key(0), 8192, d), float)
    assert_allclose(np.mean(points, axis=0), 0.0, atol=4 / np.sqrt(8192 * d))
    assert_allclose(points.T @ points / 8192, np.eye(d) / d, atol=0.01)
    # On the sphere of the same mean norm the fourth moment would be 3 / (d + 2) / d.
    assert_allclose(np.mean(points**4), 3 / d**2, rtol=0.05)


def test_points_of_one_orthonormal_block_do_not_interfere():
    d = 4
    points = JITTED["orthonormal_blocks"](jax.random.key(0), 23, d)
    blocks = np.split(np.asarray(points, float), range(d, 23, d))
    assert [len(block) for block in blocks] == [4, 4, 4, 4, 4, 3]
    for block in blocks:
        assert_allclose(block @ block.T, np.eye(len(block)), atol=1e-6)
    assert np.max(np.abs(blocks[0] @ blocks[1].T)) > 0.1


def test_points_of_two_orthonormal_blocks_interfere_like_random_ones():
    d, num_blocks = 4, 512
    points = JITTED["orthonormal_blocks"](jax.random.key(0), d * num_blocks, d)
    bases = np.asarray(points, float).reshape(num_blocks, d, d)
    # A uniform basis has mean zero (a bare QR has a sign) and entries of variance 1/d.
    assert_allclose(np.mean(bases, axis=0), 0.0, atol=4 / np.sqrt(d * num_blocks))
    assert_allclose(np.mean(bases**2, axis=0), 1 / d, atol=0.05)
    overlaps = np.einsum("bij,bkj->bik", bases[:-1], bases[1:])
    assert_allclose(np.mean(overlaps**2), 1 / d, rtol=0.05)


@pytest.mark.parametrize("num_points", [1, 9])
def test_a_smaller_draw_is_the_start_of_a_larger_one(sample, num_points):
    key = jax.random.key(3)
    larger = sample(key, 23, 4)
    smaller = sample(key, num_points, 4)
    chex.assert_shape(smaller, (num_points, 4))
    chex.assert_trees_all_equal(smaller, larger[:num_points])


def test_a_key_decides_the_points(sample):
    key = jax.random.key(0)
    points = sample(key, 23, 4)
    chex.assert_trees_all_equal(points, sample(key, 23, 4))
    other = np.asarray(sample(jax.random.key(1), 23, 4))
    assert np.all(np.any(points != other, axis=-1))


def test_points_of_one_draw_differ(sample):
    points = np.asarray(sample(jax.random.key(0), 23, 4))
    assert len(np.unique(points, axis=0)) == 23
