"""The kinds of associative memories that are searched: a registry by name.

A kind says what a lane draws from its seed, how many rows of it, what is trained or
constructed from that, and how many parameters it has. What is drawn depends on the
seed and its own size only, never on the number of facts.
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
    """What a memory is, but for its weights; zero or empty where it has no such thing.

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
    """One kind of memory.

    Attributes:
        draw: `(key, d, rows) -> drawn`: what training begins from, or what a
            construction is given besides the facts.
        rows: how many units, gates, factors or features are drawn; 0 where none are.
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

    def wider(x: Any, to: Any) -> Any:
        more = [(0, b - a) for a, b in zip(x.shape, to.shape, strict=True)]
        return np.pad(x, more) if more else np.asarray(x)

    return jax.tree.map(wider, tree, like)


def _nothing(key: Any, d: int, rows: int) -> tuple[()]:
    del key, d, rows
    return ()


def _number(key: Any, d: int, rows: int) -> Any:
    del key, d
    return jnp.asarray(rows, jnp.int32)


def _matrix(key: Any, d: int, rows: int) -> linear.Params:
    del rows
    return linear.init(key, d)


def _factors(key: Any, d: int, rows: int) -> Any:
    return embeddings.sphere(key, rows, d)


def _gates(key: Any, d: int, rows: int) -> Any:
    return gated.draw_gates(key, rows, d)


def _given(construct: Callable[[Any, Any], Any]) -> Callable[[Design], Any]:
    """A construction that is the same for every design."""
    return lambda design: construct


def _linear(construct: Callable[[Any, Any], Any], **fields: Any) -> Kind:
    """A linear memory made by hand, of full rank unless other fields are given."""
    full = {"draw": _nothing, "rows": lambda design: 0}
    full |= {"parameters": lambda design: design.d**2}
    return Kind(
        **full | fields, apply=_given(linear.apply), construct=_given(construct)
    )


_LOW_RANK = {
    "rows": lambda design: design.rank,
    "parameters": lambda design: 2 * design.d * design.rank,
}
_FEATURES = {
    "rows": lambda design: design.m,
    "parameters": lambda design: 3 * design.d * design.m,
    "draw": random_features.draw_bilinear,
    "apply": _given(random_features.apply_bilinear),
}


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
    """Gates G of the plain network of m = G (d + 1) hidden units."""
    return design.m // (design.d + 1)


KINDS: Mapping[str, Kind] = {
    "outer_product": _linear(lambda facts, _: linear.outer_product(facts)),
    "low_rank": _linear(linear.low_rank, draw=_number, **_LOW_RANK),
    "random_low_rank": _linear(linear.random_low_rank, draw=_factors, **_LOW_RANK),
    "whitened": _linear(lambda facts, _: linear.whitened(facts)),
    "centred": _linear(lambda facts, _: linear.centred(facts)),
    "pseudo_inverse": _linear(lambda facts, _: linear.pseudo_inverse(facts), passes=20),
    "linear": Kind(
        draw=_matrix,
        rows=lambda design: 0,
        parameters=lambda design: design.d**2,
        apply=_given(linear.apply),
    ),
    "mlp": Kind(
        draw=mlp.init,
        rows=lambda design: design.m,
        parameters=lambda design: 2 * design.d * design.m,
        apply=_mlp,
    ),
    "hermite": Kind(
        draw=hermite.draw,
        rows=lambda design: design.m // 2,
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
        draw=_gates,
        rows=num_gates,
        parameters=lambda design: num_gates(design) * design.d * (design.d + 1),
        apply=_given(gated.apply),
        construct=_given(sign_gates.construct),
        passes=10.0,
    ),
    "hebbian": Kind(
        **_FEATURES,
        construct=_given(
            lambda facts, drawn: random_features.hebbian(
                facts, drawn, random_features.bilinear
            )
        ),
    ),
    "bilinear": Kind(
        **_FEATURES,
        construct=_given(
            lambda facts, drawn: random_features.whitened(
                facts, drawn, random_features.bilinear
            )
        ),
        passes=20,
    ),
    "relu_features": Kind(
        draw=random_features.draw_relu,
        rows=lambda design: design.m,
        parameters=lambda design: 2 * design.d * design.m,
        apply=_given(functools.partial(mlp.apply, activation="relu")),
        construct=_given(
            lambda facts, drawn: random_features.whitened(
                facts, drawn, random_features.relu
            )
        ),
        passes=20,
    ),
    "data_dependent": Kind(
        **_FEATURES,
        construct=_given(random_features.data_dependent),
        passes=600,
    ),
}
