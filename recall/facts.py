"""Fact sets x -> f(x), padded so that the number of facts is a value, not a shape."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int


class Facts(NamedTuple):
    """A padded fact set: rows at or beyond `n` (outputs: `num_outputs`) are dead.

    Attributes:
        inputs: `[N, d]` input embeddings e_x, or features of them of any width.
        outputs: `[M, d]` output embeddings u_y.
        targets: `[N]` the output f(x) that each input recalls.
        n: `[]` live inputs, the number of facts.
        num_outputs: `[]` live outputs, the candidates of the argmax.
    """

    inputs: Float[Array, "*lanes N d"]
    outputs: Float[Array, "*lanes M d"]
    targets: Int[Array, "*lanes N"]
    n: Int[Array, "*lanes"]
    num_outputs: Int[Array, "*lanes"]


def of(
    inputs: Float[Array, "N q"], outputs: Float[Array, "M d"], targets: Int[Array, " N"]
) -> Facts:
    """Returns facts of given targets, none of them padding."""
    return Facts(
        inputs=inputs,
        outputs=outputs,
        targets=jnp.asarray(targets, jnp.int32),
        n=jnp.asarray(inputs.shape[0], jnp.int32),
        num_outputs=jnp.asarray(outputs.shape[0], jnp.int32),
    )


def balanced(inputs: Float[Array, "N d"], outputs: Float[Array, "M d"]) -> Facts:
    """Sends input i to output i mod M: every output is used equally often."""
    # The published floor(i M / N) changes every target with N; up to the order of the
    # inputs it is the same map, and this one is nested in N.
    targets = jnp.arange(inputs.shape[0], dtype=jnp.int32) % outputs.shape[0]
    return of(inputs, outputs, targets)


def injective(inputs: Float[Array, "N d"], outputs: Float[Array, "M d"]) -> Facts:
    """Sends input i to output i; raises a ValueError if there are fewer outputs."""
    if outputs.shape[0] < inputs.shape[0]:
        raise ValueError(
            f"Expected at least one output per input; got outputs={outputs.shape[0]}, "
            f"inputs={inputs.shape[0]}."
        )
    return balanced(inputs, outputs)  # embeddings are random: any order will do


def take(facts: Facts, n: Int[Array, ""]) -> Facts:
    """Keeps the first n facts, and of the outputs the first min(n, num_outputs).

    With as many outputs as facts each fact brings its own output along; with fewer
    outputs all of them stay candidates. Nothing is copied: dead rows are only marked.
    """
    n = jnp.minimum(facts.n, n).astype(jnp.int32)  # a weak type would compile twice
    return facts._replace(n=n, num_outputs=jnp.minimum(facts.num_outputs, n))


def cut(facts: Facts, num_inputs: int, num_outputs: int) -> Facts:
    """Cuts facts to those that a draw of fewer inputs and outputs has; on the host."""
    inputs: Any = np.asarray(facts.inputs)[:num_inputs]
    outputs: Any = np.asarray(facts.outputs)[:num_outputs]
    targets: Any = np.arange(num_inputs, dtype=np.int32) % len(outputs)  # `balanced`
    n, M = (jnp.asarray(count, jnp.int32) for count in (num_inputs, len(outputs)))
    return Facts(inputs, outputs, targets, n=n, num_outputs=M)


def pad(facts: Facts, num_inputs: int, num_outputs: int, d: int) -> Facts:
    """Appends dead inputs, dead outputs and zero coordinates; on the host."""
    rows, columns = facts.inputs.shape
    more_inputs, more_outputs = num_inputs - rows, num_outputs - facts.outputs.shape[0]
    return facts._replace(
        inputs=np.pad(facts.inputs, ((0, more_inputs), (0, d - columns))),
        outputs=np.pad(facts.outputs, ((0, more_outputs), (0, d - columns))),
        targets=np.pad(facts.targets, (0, more_inputs)),
    )


def live_inputs(facts: Facts) -> Bool[Array, " N"]:
    """Marks the inputs that are facts, not padding."""
    return jnp.arange(facts.inputs.shape[0]) < facts.n


def pairs(facts: Facts) -> tuple[Float[Array, "N q"], Float[Array, "N d"]]:
    """Returns the inputs e_x and the outputs u_f(x) of facts, zero for dead ones."""
    live = live_inputs(facts)[:, None]
    U_f = facts.outputs[facts.targets]
    return jnp.where(live, facts.inputs, 0.0), jnp.where(live, U_f, 0.0)


def live_outputs(facts: Facts) -> Bool[Array, " M"]:
    """Marks the outputs that are candidates of the argmax."""
    return jnp.arange(facts.outputs.shape[0]) < facts.num_outputs
