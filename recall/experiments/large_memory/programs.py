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
SAMPLERS = ("sphere", "gaussian")  # whose points are independent
SEED = np.int32(0)
SPREAD, SAME = PartitionSpec(ring.AXIS), PartitionSpec()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory, the facts it is to store, and how.

    Attributes:
        kind: one of CONSTRUCTED or TRAINED.
        design: its widths.
        n: facts.
        embedding: one of SAMPLERS.
        chunk: facts whose scores are held at once.
        recipe: how it is trained.
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
        """How the facts lie on so many devices."""
        return ring.Layout(n=self.n, parts=parts, chunk=self.chunk)

    @property
    def num_parameters(self) -> int:
        """Numbers that the weights hold, biases among them."""
        drawn = jax.eval_shape(self.initial, 0)
        return sum(x.size for x in jax.tree.leaves(drawn))

    def initial(self, seed: Any) -> Any:
        """The weights that training begins from; a construction will replace them."""
        name = "linear" if self.kind in CONSTRUCTED else self.kind
        kind, key = kinds.KINDS[name], jax.random.key(seed)
        rows = kind.rows(self.design)
        return kind.draw(jax.random.fold_in(key, 1), self.design.d, rows)


class Programs(NamedTuple):
    """What runs on the mesh, each compiled once for all seeds.

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
    """A ring of devices."""
    return Mesh(np.asarray(devices), (ring.AXIS,), axis_types=(AxisType.Auto,))


@functools.lru_cache(maxsize=1)  # seeds come one after the other
def programs(memory: Memory, over: Mesh) -> Programs:
    """The programs of a memory on a mesh."""
    layout, d = memory.layout(over.size), memory.design.d
    step = _build if memory.kind in CONSTRUCTED else _train

    def points(seed: Any) -> ring.Points:
        key = jax.random.fold_in(jax.random.key(seed), 0)
        return ring.draw(key, layout, d, embeddings.SAMPLERS[memory.embedding])

    def begin(seed: Any) -> training.Fit:
        return training.start(memory.initial(seed))

    def spread(program: Callable[..., Any], given: Any, made: Any, **how: Any) -> Any:
        some = {"mesh": over, "in_specs": given, "out_specs": made}
        return jax.jit(jax.shard_map(program, check_vma=False, **some), **how)

    advance = functools.partial(step, memory, layout)
    drawing, beginning = spread(points, SAME, SPREAD), spread(begin, SAME, SAME)
    going = spread(advance, (SPREAD, SAME), SAME, donate_argnums=(1,))
    like = _like(drawing, over, SPREAD), _like(beginning, over, SAME)
    return Programs(drawing, beginning, going.lower(*like).compile())


def _like(program: Callable[..., Any], over: Mesh, spec: PartitionSpec) -> Any:
    """The shapes of what a program makes of a seed, and where they lie."""
    where = NamedSharding(over, spec)
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where),
        jax.eval_shape(program, SEED),
    )


def _train(
    memory: Memory, layout: ring.Layout, points: ring.Points, fit: training.Fit
) -> training.Fit:
    """Steps of Adam on the loss of all facts, then a count."""
    facts = ring.facts_of(points, layout)
    apply = kinds.KINDS[memory.kind].apply(memory.design)

    def share(params: Any, step: Any) -> Any:
        del step
        return ring.loss(apply(params, facts.inputs), facts, layout)

    rate, loss = jnp.float32(memory.learning_rate), ring.together(share)
    fit = training.descend(fit, rate, loss=loss, recipe=memory.recipe)
    correct = ring.num_correct(apply(fit.params, facts.inputs), facts, layout)
    return training.check(fit, correct, jnp.int32(layout.n))


def _build(
    memory: Memory, layout: ring.Layout, points: ring.Points, fit: training.Fit
) -> training.Fit:
    """The sum of what each device's facts add to the weights, then a count."""
    facts = ring.facts_of(points, layout)
    kind = kinds.KINDS[memory.kind]
    assert kind.construct is not None
    params = ring.add_up(kind.construct(memory.design)(facts, ()))
    recalled = kind.apply(memory.design)(params, facts.inputs)
    correct = ring.num_correct(recalled, facts, layout)
    found = ring.add_up(ring.loss(recalled, facts, layout))
    fit = fit._replace(
        params=params,
        steps=jnp.ones((), jnp.int32),
        loss=found.value,
        finite=jnp.isfinite(optax.tree.norm(params)),
    )
    return training.check(fit, correct, jnp.int32(layout.n))
