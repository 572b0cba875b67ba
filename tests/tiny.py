"""Searches small enough for tests, and ways to run them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from recall import capacity, training
from recall.sweeps import lanes, memory_search, transformer_search
from recall.sweeps import search as searches
from recall.sweeps.batch import Step
from recall.sweeps.search_batch import SearchBatch

DECAY = training.Recipe(num_steps=64, check_every=8, cosine=True)
EXACT = capacity.Strategy(
    method="bisect", resolution=0.0, opening=1.0, headroom=1.6, widen=1.25
)
GROW = capacity.Strategy(method="grow", resolution=0.0)
SINGLE = capacity.Strategy(method="single", opening=1.0, headroom=1.0)
SHORT = training.Recipe(num_steps=256, check_every=32, cosine=True)
READS = transformer_search.Reads(length=8, batch=16, share=4, checks=2)
# A shape that has more room than any tiny transformer needs.
LARGER = transformer_search.Shape(12, 2, 11, 3, 3, 13)


def outer_product(d: int = 4, **changes: Any) -> memory_search.MemorySearch:
    return _search(memory="outer_product", d=d, expected=d, changes=changes)


def low_rank(d: int = 4, rank: int = 2, **changes: Any) -> memory_search.MemorySearch:
    return _search(memory="low_rank", d=d, rank=rank, expected=d, changes=changes)


def linear(d: int = 4, **changes: Any) -> memory_search.MemorySearch:
    recipe = {"recipe": DECAY, "learning_rates": (10.0,)}
    return _search(memory="linear", d=d, expected=2 * d, **recipe, changes=changes)


def mlp(d: int = 4, m: int = 4, **changes: Any) -> memory_search.MemorySearch:
    kind = {"memory": "mlp", "activation": "relu", "recipe": DECAY}
    fields = {"d": d, "m": m, "learning_rates": (0.1,), "expected": m}
    return _search(**kind, **fields, changes=changes)


def transformer(d: int = 8, **changes: Any) -> transformer_search.RecallSearch:
    widths: dict[str, Any] = {"d": d, "heads": 2, "head_dim": 2, "m": 8}
    world = {"world": "S=R", "answers": 2, "expected": 4, "limit": 8, "reads": READS}
    how = {"recipe": SHORT, "learning_rates": (0.03,), "strategy": EXACT}
    same = {"threshold": 1.0, "seed": 0, "embedding": "gaussian"}
    return transformer_search.RecallSearch(**widths | world | how | same | changes)


def _search(*, changes: dict[str, Any], **fields: Any) -> memory_search.MemorySearch:
    same = {"threshold": 1.0, "seed": 0, "limit": 1000, "strategy": EXACT}
    return memory_search.MemorySearch(**same | fields | changes)


def batch(
    some: Sequence[searches.Search],
    shape: searches.Shape | None = None,
    **changes: Any,
) -> SearchBatch:
    """All these searches together, in the smallest shape that fits unless given."""
    own = [search.own_shape() for search in some]
    wide = shape or type(own[0])(*map(max, zip(*own, strict=True)))
    firsts = tuple(min(s.first, wide.n_max) for s in some)
    fields: dict[str, Any] = {"firsts": firsts, "behind": (0,) * len(some)} | changes
    return SearchBatch(lanes=tuple(some), shape=wide, **fields)


def stacked(one: SearchBatch, count: int) -> tuple[Any, Any]:
    """The problems and fresh lanes of a batch, filled up with finished lanes."""
    problems = [s.problem(one.shape) for s in one.lanes]
    begun = [
        capacity.begin(p, jnp.asarray(first, jnp.int32))
        for p, first in zip(problems, one.firsts, strict=True)
    ]
    filled = lanes.stack(begun, count)
    filled.done[len(begun) :] = True
    return lanes.stack(problems, count), filled


def fleet(one: SearchBatch, devices: Sequence[Any], group: int) -> lanes.Fleet:
    count = lanes.padded_count(len(one.lanes), group, len(devices))
    step = one.lanes[0].advance(one.shape)
    return lanes.Fleet(step, *stacked(one, count), lanes.mesh(devices), group)


def finish(
    one: SearchBatch, num_devices: int = 1, group: int = 1, num_checks: int = 16
) -> Any:
    """Runs the lanes of a batch to their ends, in chunks; returns them stacked."""
    ships = fleet(one, jax.devices()[:num_devices], group)
    while not (lane := ships.advance(num_checks)).done.all():
        pass
    return jax.tree.map(lambda x: x[: len(one.lanes)], lane)


def steps(one: SearchBatch, **keywords: Any) -> list[Step]:
    return list(one.run(jax.devices(), **keywords))


def states(some: Sequence[Step]) -> list[Step]:
    """Those that save a state, and so are places to stop."""
    return [step for step in some if step.state is not None]


def rows_of(some: Sequence[Step]) -> list[dict[str, Any]]:
    return [row for step in some for row in step.rows]


def assert_same_lanes(one: Any, other: Any, atol: float = 1e-5) -> None:
    """Compares lanes: integers and answers exactly, weights up to rounding."""
    pairs = zip(*map(jax.tree_util.tree_leaves_with_path, (one, other)), strict=True)
    for (path, x), (_, y) in pairs:
        name = jax.tree_util.keystr(path)
        if x.dtype.kind == "f":
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=atol, err_msg=name)
        else:
            np.testing.assert_array_equal(x, y, err_msg=name)
