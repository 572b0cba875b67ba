"""Programs of one large memory, whose facts are spread over all devices of a mesh."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from recall import embeddings, training
from recall.experiments.large_memory import ring
from recall.memories import kinds

CONSTRUCTED, TRAINED = ("outer_product",), ("linear", "mlp")
SAMPLERS = ("sphere", "gaussian")  # independent points: each is drawn where it lives
SEED = np.int32(0)  # for its type: a weak one would compile again
SPREAD, SAME = PartitionSpec(ring.AXIS), PartitionSpec()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory, the facts that it is to store, and its training.

    Attributes:
        kind: one of CONSTRUCTED or TRAINED.
        design: its widths.
        n: facts.
        embedding: one of SAMPLERS.
        chunk: facts whose scores are held at once.
        recipe: of the training.
        learning_rate: of Adam.
    """

    kind: str
    design: kinds.Design
    n: int
    embedding: str
    chunk: int
    recipe: training.Recipe
    learning_rate: float

    def layout(self, parts: int) -> ring.Layout:
        """Returns the layout of the facts on a ring of `parts` devices."""
        return ring.Layout(n=self.n, parts=parts, chunk=self.chunk)

    @property
    def num_parameters(self) -> int:
        """The number of weights, biases among them."""
        drawn = jax.eval_shape(self.initial, 0)  # shapes alone: planning has no room
        return sum(x.size for x in jax.tree.leaves(drawn))

    def initial(self, seed: Any) -> Any:
        """Draws the weights that training begins from, the same on every device."""
        # A construction replaces them; until then they are of the shape of its own.
        kind = kinds.KINDS["linear" if self.kind in CONSTRUCTED else self.kind]
        key = jax.random.fold_in(jax.random.key(seed), 1)
        return kind.draw(key, self.design.d, kind.rows(self.design))


class Programs(NamedTuple):
    """The programs of a memory on a mesh, each compiled once for all seeds.

    Attributes:
        draw: `seed -> Points`, spread over the devices.
        begin: `seed -> Fit`, the same on every device.
        advance: `(Points, Fit) -> Fit`: `check_every` steps and a count of the facts
            that are recalled, or the construction and a count.
    """

    draw: Callable[..., Any]
    begin: Callable[..., Any]
    advance: Callable[..., Any]


def mesh(devices: Sequence[Any]) -> Mesh:
    """Returns devices as a mesh of one axis, the ring."""
    return Mesh(np.asarray(devices), (ring.AXIS,), axis_types=(AxisType.Auto,))


@functools.lru_cache(maxsize=1)  # seeds come one after the other
def programs(memory: Memory, over: Mesh) -> Programs:
    """Compiles the programs of a memory for a mesh."""
    layout, d = memory.layout(over.size), memory.design.d
    step = _build if memory.kind in CONSTRUCTED else _train

    def points(seed: Any) -> ring.Points:
        key = jax.random.fold_in(jax.random.key(seed), 0)
        return ring.draw(key, layout, d, embeddings.SAMPLERS[memory.embedding])

    def first(seed: Any) -> training.Fit:
        return training.start(memory.initial(seed))

    def spread(program: Callable[..., Any], ins: Any, outs: Any, **options: Any) -> Any:
        # Sums over devices make weights equal everywhere, which JAX cannot see here.
        mapped = jax.shard_map(
            program, mesh=over, in_specs=ins, out_specs=outs, check_vma=False
        )
        return jax.jit(mapped, **options)

    def shapes(program: Callable[..., Any], spec: PartitionSpec) -> Any:
        where = NamedSharding(over, spec)
        return jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where),
            jax.eval_shape(program, SEED),
        )

    draw, begin = spread(points, SAME, SPREAD), spread(first, SAME, SAME)
    advance = spread(
        functools.partial(step, memory, layout),
        (SPREAD, SAME),
        SAME,
        donate_argnums=(1,),  # else two copies of weights and optimizer state
    )
    # Ahead of time, from shapes alone: its bytes are known before anything is drawn.
    compiled = advance.lower(shapes(draw, SPREAD), shapes(begin, SAME)).compile()
    return Programs(draw, begin, compiled)


def _train(
    memory: Memory, layout: ring.Layout, points: ring.Points, fit: training.Fit
) -> training.Fit:
    """Takes `check_every` steps on the loss of all facts, then counts the recalled."""
    facts = ring.facts_of(points, layout)
    apply = kinds.KINDS[memory.kind].apply(memory.design)

    def part(params: Any, step: Any) -> Any:
        del step  # all facts are read in every step
        return ring.loss(apply(params, facts.inputs), facts, layout)

    rate, loss = jnp.float32(memory.learning_rate), ring.together(part)
    fit = training.descend(fit, rate, loss=loss, recipe=memory.recipe)
    correct = ring.num_correct(apply(fit.params, facts.inputs), facts, layout)
    return training.check(fit, correct, jnp.int32(layout.n))


def _build(
    memory: Memory, layout: ring.Layout, points: ring.Points, fit: training.Fit
) -> training.Fit:
    """Sums the weights that the facts of each device construct, then counts."""
    facts = ring.facts_of(points, layout)
    kind = kinds.KINDS[memory.kind]
    assert kind.construct is not None
    # Outer products are sums over facts: parts of them add up to the whole.
    params = ring.add_up(kind.construct(memory.design)(facts, ()))
    recalled = kind.apply(memory.design)(params, facts.inputs)
    correct = ring.num_correct(recalled, facts, layout)
    fit = fit._replace(
        params=params,
        steps=jnp.ones((), jnp.int32),
        loss=ring.add_up(ring.loss(recalled, facts, layout)).value,
        finite=jnp.isfinite(optax.tree.norm(params)),
    )
    return training.check(fit, correct, jnp.int32(layout.n))
