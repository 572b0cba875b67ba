"""Ways to make a memory of a given width without descent through its features."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from recall import embeddings, facts, readout
from recall.memories import gated, random_features
from recall.solvers import alternating, separation


class Found(NamedTuple):
    """What came of one width.

    Attributes:
        stored: whether all facts are recalled.
        accuracy: the fraction that is.
        impossible: whether it is proved that no weights do, or None.
        steps: gradient steps; 0 of a closed form.
    """

    stored: bool
    accuracy: float
    impossible: bool | None
    steps: int


class Method(NamedTuple):
    """One way to make a memory out of a width.

    Attributes:
        attempt: (facts, key, width, padded width) -> Found.
        weights: (d, width) -> all weights, random ones too.
        iterative: whether it descends, rather than solves.
    """

    attempt: Any
    weights: Any
    iterative: bool


@functools.partial(jax.jit, static_argnames=("count", "d"))
def draw(seed: Any, count: int, d: int) -> facts.Facts:
    """A random permutation of points on the sphere: keys and values are one table."""
    key_points, key_order = jax.random.split(jax.random.key(seed))
    points = embeddings.sphere(key_points, count, d)
    return facts.of(points, points, jax.random.permutation(key_order, count))


def _gates(given: facts.Facts, key: Any, width: int, most: int) -> Found:
    """Sign gates, the last one on as many coordinates as are left of the width."""
    d = given.inputs.shape[1]
    gates = gated.draw_gates(key, -(-most // d), d)
    features = gated.features(gates, given.inputs)[:, :most]
    wide = given._replace(
        inputs=jnp.where(jnp.arange(most)[None, :] < width, features, 0.0)
    )
    found = separation.separate(wide)
    accuracy = float(readout.accuracy(wide.inputs @ found.params.W.T, wide))
    return Found(found.stored, accuracy, found.impossible, found.steps)


def _alternating(given: facts.Facts, key: Any, width: int, most: int) -> Found:
    initial = _bilinear(given, key, width, most)
    found = alternating.fit(given, initial)
    steps = int(found.sweeps) * alternating.SWEEPS.steps * len(alternating.BLOCKS)
    return Found(bool(found.stored), int(found.correct) / int(given.n), None, steps)


def _closed(solve: Any, given: facts.Facts, key: Any, width: int, most: int) -> Found:
    memory = solve(given, _bilinear(given, key, width, most))
    recalled = random_features.apply_bilinear(memory, given.inputs)
    correct = int(readout.num_correct(recalled, given))
    return Found(correct == int(given.n), correct / int(given.n), None, 0)


def _bilinear(given: facts.Facts, key: Any, width: int, most: int) -> Any:
    """Bilinear features and a random readout, silent beyond the width."""
    d = given.inputs.shape[1]
    key_features, key_readout = jax.random.split(key)
    drawn = random_features.draw_bilinear(key_features, d, most)
    drawn = drawn._replace(V=jax.random.normal(key_readout, (most, d)))
    live = jnp.arange(most)[:, None] < width
    return jax.tree.map(lambda rows: jnp.where(live, rows, 0.0), drawn)


@jax.jit
def _whiten(given: facts.Facts, drawn: Any) -> Any:
    return random_features.whitened(given, drawn, random_features.bilinear)


_data_dependent = jax.jit(random_features.data_dependent)


def _gate_weights(d: int, width: int) -> int:
    return d * width + d * -(-width // d)


METHODS: Mapping[str, Method] = {
    "sign_gates": Method(
        attempt=_gates,
        weights=_gate_weights,
        iterative=True,
    ),
    "alternating": Method(
        attempt=_alternating,
        weights=lambda d, width: 3 * d * width,
        iterative=True,
    ),
    "whitened": Method(
        attempt=functools.partial(_closed, _whiten),
        weights=lambda d, width: 3 * d * width,
        iterative=False,
    ),
    "data_dependent": Method(
        attempt=functools.partial(_closed, _data_dependent),
        weights=lambda d, width: 3 * d * width,
        iterative=False,
    ),
}
