"""Models in named parts, some of which are trained: memories and transformers alike.

The parts of a kind of model are a NamedTuple, a field each; so are flags about them.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from recall import training


class Problem(NamedTuple):
    """Facts as a kind of model reads them, first values, and the parts that move."""

    facts: Any
    initial: Any
    moves: Any
    learning_rate: Float[Array, "*lanes"]


def moving(kind: Any, names: Collection[str]) -> Any:
    """Returns a flag for each part of a kind of model: the named ones move."""
    return kind(*(jnp.asarray(name in names) for name in kind._fields))


def chosen(moves: Any, moved: Any, others: Any) -> Any:
    """Selects the first value of each part that moves, and the second of the rest."""
    pick = lambda move, one, other: jax.tree.map(  # noqa: E731
        lambda x, y: jnp.where(move, x, y), one, other
    )
    return type(moved)(*map(pick, moves, moved, others))


def trained(moves: Any, params: Any) -> Any:
    """Returns the same values, without a gradient where a part does not move."""
    return chosen(moves, params, jax.lax.stop_gradient(params))


def shuffled(key: Key[Array, ""], tree: Any) -> Any:
    """Permutes the rows of each array by an order of its own.

    One order for W, b and V of an MLP would be the same MLP.
    """
    leaves, form = jax.tree.flatten(tree)
    keys = jax.random.split(key, len(leaves))
    mixed = [jax.random.permutation(k, x) for k, x in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(form, mixed)


def solve(
    problem: Problem,
    budget: Int[Array, ""],
    advance: Callable[[Problem, training.Fit], training.Fit],
) -> training.Fit:
    """Trains until all facts are recalled, or for a budget of steps; 0 is idle."""

    def going(fit: training.Fit) -> Bool[Array, ""]:
        stored = (fit.asked > 0) & (fit.correct == fit.asked)
        return ~stored & (fit.steps < budget) & fit.finite

    step = lambda fit: advance(problem, fit)  # noqa: E731
    return jax.lax.while_loop(going, step, training.start(problem.initial))


def program(advance: Callable) -> Callable:
    """Compiles `solve` for stacked problems and budgets, one lane after the other."""
    lane = lambda pair: solve(pair[0], pair[1], advance)  # noqa: E731
    # Not a vmap: side by side each lane would wait for the slowest.
    return jax.jit(lambda problems, budgets: jax.lax.map(lane, (problems, budgets)))


def stack(trees: Sequence[Any]) -> Any:
    """Stacks trees of one form along a new first axis."""
    return jax.tree.map(lambda *xs: jnp.stack(xs), *trees)


def at(tree: Any, index: int) -> Any:
    """Returns the tree of one lane out of stacked ones."""
    return jax.tree.map(lambda x: x[index], tree)
