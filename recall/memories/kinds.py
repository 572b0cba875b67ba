"""The kinds of associative memories that are searched: a registry by name.

A kind says what a lane draws from its seed, how many rows of it, what is trained or
constructed from that, and how many parameters it has. Draws depend on the seed and on
the memory's own size only, never on the number of facts.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from recall import embeddings, training
from recall.memories import gated, hermite, linear, mlp, random_features, sign_gates


class Design(NamedTuple):
    """The hyperparameters of a memory; zero or empty for those that it lacks.

    Attributes:
        d: width of the embeddings.
        m: hidden units of an MLP; of a constructed one those of the plain network that
            computes the same, 2 m0 of a Hermite memory and G (d + 1) of sign gates; of
            a readout its features.
        rank: of a low-rank memory.
        activation: of an MLP, one of `mlp.ACTIVATIONS`.
        degree: k of a Hermite memory.
    """

    d: int
    m: int = 0
    rank: int = 0
    activation: str = ""
    degree: int = 0


class Kind(NamedTuple):
    """One kind of memory, as functions of its design.

    Attributes:
        draw: `(key, d, rows) -> drawn`: the initial weights of training, or the
            argument of a construction besides the facts.
        rows: number of units, gates, factors or features that are drawn; 0 for none.
        parameters: numbers that the weights hold, without biases.
        apply: `(params, inputs) -> recalled` of a design.
        construct: `(facts, drawn) -> params` of a design; None of a trained memory.
        passes: cost of a construction, in steps of training.
    """

    draw: Callable[[Any, int, int], Any]
    rows: Callable[[Design], int]
    parameters: Callable[[Design], int]
    apply: Callable[[Design], training.Apply]
    construct: Callable[[Design], training.Construct] | None = None
    passes: float = 3.0


def pad(tree: Any, like: Any) -> Any:
    """Appends zeros to every array up to the shapes of another tree; on the host."""

    # Drawn at the memory's own size and padded after, a lane's result cannot depend on
    # the shape that it shares, and the program needs no masks.
    def wider(x: Any, to: Any) -> Any:
        more = [(0, b - a) for a, b in zip(x.shape, to.shape, strict=True)]
        return np.pad(x, more) if more else np.asarray(x)

    return jax.tree.map(wider, tree, like)


def _always(function: Callable[..., Any]) -> Callable[[Design], Any]:
    return lambda design: function


def _linear(construct: Callable[[Any, Any], Any], **fields: Any) -> Kind:
    """Returns a constructed linear memory, of full rank but for other fields."""
    full = {"draw": lambda key, d, rows: (), "rows": lambda design: 0}
    full |= {"parameters": lambda design: design.d**2}
    return Kind(
        **full | fields, apply=_always(linear.apply), construct=_always(construct)
    )


_LOW_RANK = {
    "rows": lambda design: design.rank,
    "parameters": lambda design: 2 * design.d * design.rank,
}
_FEATURES = {
    "rows": lambda design: design.m,
    "parameters": lambda design: 3 * design.d * design.m,  # A0, A1 and V
    "draw": random_features.draw_bilinear,
    "apply": _always(random_features.apply_bilinear),
}


def _readout(
    construct: Callable[..., Any],
    features: random_features.Features = random_features.bilinear,
) -> Callable[[Design], training.Construct]:
    return _always(functools.partial(construct, features=features))


def _mlp(design: Design) -> training.Apply:
    return functools.partial(mlp.apply, activation=design.activation)


def _gated_hermite(design: Design) -> training.Construct:
    return functools.partial(
        hermite.construct, degree=design.degree, activation=design.activation
    )


def _plain_hermite(design: Design) -> training.Construct:
    construct = _gated_hermite(design)
    return lambda facts, units: hermite.as_mlp(construct(facts, units))


def num_gates(design: Design) -> int:
    """Returns the gates G of the plain network of m = G (d + 1) hidden units."""
    return design.m // (design.d + 1)


KINDS: Mapping[str, Kind] = {
    "outer_product": _linear(lambda facts, _: linear.outer_product(facts)),
    "low_rank": _linear(
        linear.low_rank,
        draw=lambda key, d, rank: jnp.asarray(rank, jnp.int32),  # traced: a lane each
        **_LOW_RANK,
    ),
    "random_low_rank": _linear(
        linear.random_low_rank,
        draw=lambda key, d, rows: embeddings.sphere(key, rows, d),
        **_LOW_RANK,
    ),
    "whitened": _linear(lambda facts, _: linear.whitened(facts)),
    "centred": _linear(lambda facts, _: linear.centred(facts)),
    "pseudo_inverse": _linear(lambda facts, _: linear.pseudo_inverse(facts), passes=20),
    "linear": Kind(
        draw=lambda key, d, rows: linear.init(key, d),
        rows=lambda design: 0,
        parameters=lambda design: design.d**2,
        apply=_always(linear.apply),
    ),
    "mlp": Kind(
        draw=mlp.init,
        rows=lambda design: design.m,
        parameters=lambda design: 2 * design.d * design.m,
        apply=_mlp,
    ),
    "hermite": Kind(
        draw=hermite.draw,
        rows=lambda design: design.m // 2,  # two plain units for each gated one
        parameters=lambda design: 2 * design.d * design.m,
        apply=_mlp,
        construct=_plain_hermite,
    ),
    "gated_hermite": Kind(
        draw=hermite.draw,
        rows=lambda design: design.m // 2,
        parameters=lambda design: 3 * design.d * (design.m // 2),
        apply=lambda design: functools.partial(
            hermite.apply, activation=design.activation
        ),
        construct=_gated_hermite,
    ),
    "sign_gates": Kind(
        draw=lambda key, d, rows: gated.draw_gates(key, rows, d),
        rows=num_gates,
        parameters=lambda design: num_gates(design) * design.d * (design.d + 1),
        apply=_always(gated.apply),
        construct=_always(sign_gates.construct),
        passes=10.0,
    ),
    "hebbian": Kind(**_FEATURES, construct=_readout(random_features.hebbian)),
    "bilinear": Kind(
        **_FEATURES, construct=_readout(random_features.whitened), passes=20
    ),
    "relu_features": Kind(
        draw=random_features.draw_relu,
        rows=lambda design: design.m,
        parameters=lambda design: 2 * design.d * design.m,
        apply=_always(functools.partial(mlp.apply, activation="relu")),
        construct=_readout(random_features.whitened, random_features.relu),
        passes=20,
    ),
    "data_dependent": Kind(
        **_FEATURES,
        construct=_always(random_features.data_dependent),
        passes=600,  # at most 256 conjugate gradients for A1, as many for A0
    ),
}
