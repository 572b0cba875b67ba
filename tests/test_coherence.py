"""Coherence of point sets that are known by hand, and what it is blind to."""

from typing import Any

import numpy as np
from numpy.testing import assert_allclose

from recall import embeddings
from recall.theory import crosstalk, laws

BASIS = np.eye(4, dtype=np.float32)


def test_a_basis_does_not_overlap_and_has_rank_less_its_mean():
    found = embeddings.coherence(BASIS)
    assert_allclose(
        [found.max_overlap, found.rms_overlap, found.norm_spread], 0, atol=0
    )
    assert_allclose(found.participation, 3.0, rtol=1e-5)
    assert_allclose(found.entropy_rank, 3.0, rtol=1e-5)
    assert_allclose(found.mean_share, 0.5, rtol=1e-6)


def test_numbers_of_a_few_points():
    points = np.array([[2, 0], [0, 1], [-2, 0], [0, -1]], np.float32)
    found = embeddings.coherence(points)
    assert_allclose(found.max_overlap, 1.0)
    assert_allclose(found.rms_overlap, np.sqrt(4 / 12), rtol=1e-6)
    assert_allclose(found.participation, 10**2 / (8**2 + 2**2), rtol=1e-6)
    entropy = -0.8 * np.log(0.8) - 0.2 * np.log(0.2)
    assert_allclose(found.entropy_rank, np.exp(entropy), rtol=1e-5)
    assert_allclose(found.mean_share, 0.0, atol=1e-7)
    assert_allclose(found.norm_spread, 0.5 / 1.5, rtol=1e-6)


def test_rotations_and_scale_do_not_matter_nor_zero_coordinates():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((20, 4)).astype(np.float32)
    Q = np.linalg.qr(rng.standard_normal((4, 4)))[0].astype(np.float32)
    wide = np.pad(points, ((0, 0), (0, 3)))
    for other in (3 * points @ Q, wide):
        assert_allclose(
            embeddings.coherence(other), embeddings.coherence(points), rtol=1e-4
        )


def sphere(rng, n, d):
    points = rng.standard_normal((n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_moments_are_those_of_the_law_they_were_drawn_from():
    rng, d, mu = np.random.default_rng(0), 16, 0.5
    points = mu * np.eye(d)[0] + np.sqrt(1 - mu**2) * sphere(rng, 4096, d)
    side = crosstalk.side(points)
    spread = (1 - mu**2) / d
    assert_allclose(side.trace, 1 - mu**2, rtol=0.02)
    assert_allclose(np.mean(side.along), mu**2, rtol=0.02)
    assert_allclose(
        np.mean(side.energy), (mu**2 + spread) ** 2 + (d - 1) * spread**2, rtol=0.03
    )
    assert_allclose(side.purity, spread * (mu**2 + d * spread), rtol=0.1)
    assert_allclose(side.mean_energy, mu**2 * spread, rtol=0.15)


def test_on_the_sphere_the_prediction_is_the_law_of_the_outer_product():
    rng, d = np.random.default_rng(0), 64
    sides: Any = [crosstalk.side(sphere(rng, 2048, d)) for _ in range(2)]
    expected = laws.outer_product_facts(d)
    assert_allclose(crosstalk.facts(*sides), expected, rtol=0.08)
    # As little noise as fewer facts make, but as many rivals as there are.
    fewer, orthogonal, all_of_them = (
        crosstalk.misses(200 - d + 1, *sides),
        crosstalk.misses(200, *sides, orthogonal=d - 1),
        crosstalk.misses(200, *sides),
    )
    assert fewer < orthogonal < all_of_them


def test_a_mean_and_a_spectrum_cost_facts():
    rng, d = np.random.default_rng(1), 32
    plain, other = (sphere(rng, 1024, d) for _ in range(2))
    outputs = crosstalk.side(other)
    least = crosstalk.facts(crosstalk.side(plain), outputs)
    mean = 0.7 * np.eye(d)[0] + np.sqrt(0.51) * plain
    bent = plain * np.arange(1, d + 1) ** -0.5
    for points in (mean, bent):
        assert crosstalk.facts(crosstalk.side(points), outputs) < 0.6 * least
