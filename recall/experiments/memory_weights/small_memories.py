"""Methods to make a memory of a given width without descent through its features."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from recall import embeddings, facts, readout
from recall.memories import gated, random_features
from recall.solvers import alternating, separation


class Attempt(NamedTuple):
    """The outcome of a method at one width.

    Attributes:
        stored: if all facts are recalled.
        accuracy: the fraction that is.
        impossible: if it is proved that no weights recall them, or None.
        steps: gradient steps; 0 of a closed form.
    """

    stored: bool
    accuracy: float
    impossible: bool | None
    steps: int


class Method(NamedTuple):
    """A method to make a memory of a width.

    Attributes:
        attempt: (facts, key, width, padded width) -> Attempt.
        weights: (d, width) -> all weights, random ones too.
        iterative: if it descends, rather than solves.
    """

    attempt: Any
    weights: Any
    iterative: bool


@functools.partial(jax.jit, static_argnames=("count", "d"))
def draw(seed: Any, count: int, d: int) -> facts.Facts:
    """Draws a permutation of points on the sphere: keys and values are one table."""
    # As in 2607.10034, whose weights the rows are compared with.
    key_points, key_order = jax.random.split(jax.random.key(seed))
    points = embeddings.sphere(key_points, count, d)
    return facts.of(points, points, jax.random.permutation(key_order, count))


def _gates(stored: facts.Facts, key: Any, width: int, most: int) -> Attempt:
    d = stored.inputs.shape[1]
    gates = gated.draw_gates(key, -(-most // d), d)
    # The last gate is on as many coordinates as the width leaves: whole gates would
    # take 2,112 weights instead of 1,536 at (32, 256).
    features = gated.features(gates, stored.inputs)[:, :most]
    wide = stored._replace(
        inputs=jnp.where(jnp.arange(most)[None, :] < width, features, 0.0)
    )
    fit = separation.separate(wide)
    accuracy = float(readout.accuracy(wide.inputs @ fit.params.W.T, wide))
    return Attempt(fit.stored, accuracy, fit.impossible, fit.steps)


def _alternating(stored: facts.Facts, key: Any, width: int, most: int) -> Attempt:
    fit = alternating.fit(stored, _bilinear(stored, key, width, most))
    steps = int(fit.sweeps) * alternating.SWEEPS.steps * len(alternating.BLOCKS)
    # Each of its solves is convex, not all of them together: nothing is proved.
    return Attempt(bool(fit.stored), int(fit.correct) / int(stored.n), None, steps)


def _closed(
    solve: Any, stored: facts.Facts, key: Any, width: int, most: int
) -> Attempt:
    memory = solve(stored, _bilinear(stored, key, width, most))
    recalled = random_features.apply_bilinear(memory, stored.inputs)
    correct = int(readout.num_correct(recalled, stored))
    return Attempt(correct == int(stored.n), correct / int(stored.n), None, 0)


def _bilinear(stored: facts.Facts, key: Any, width: int, most: int) -> Any:
    """Draws bilinear features and a readout, zero beyond the width."""
    d = stored.inputs.shape[1]
    key_features, key_readout = jax.random.split(key)
    drawn = random_features.draw_bilinear(key_features, d, most)
    drawn = drawn._replace(V=jax.random.normal(key_readout, (most, d)))
    live = jnp.arange(most)[:, None] < width
    return jax.tree.map(lambda rows: jnp.where(live, rows, 0.0), drawn)


@jax.jit
def _whiten(stored: facts.Facts, drawn: Any) -> Any:
    return random_features.whitened(stored, drawn, random_features.bilinear)


_data_dependent = jax.jit(random_features.data_dependent)

_GATES = lambda d, width: d * width + d * -(-width // d)  # noqa: E731
_BILINEAR = lambda d, width: 3 * d * width  # noqa: E731  # two features, a readout
METHODS: Mapping[str, Method] = {
    "sign_gates": Method(_gates, _GATES, iterative=True),
    "alternating": Method(_alternating, _BILINEAR, iterative=True),
    "whitened": Method(functools.partial(_closed, _whiten), _BILINEAR, iterative=False),
    "data_dependent": Method(
        functools.partial(_closed, _data_dependent), _BILINEAR, iterative=False
    ),
}
