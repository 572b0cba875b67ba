"""Many searches in one compiled program: the only place that names a batch axis.

Lanes are stacked along a leading axis and spread over a one-dimensional mesh. Within a
device, groups of lanes are vmapped and the groups run one after the other: a vmapped
group waits for its slowest lane, a group of one costs nothing once it is done.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from recall import capacity

AXIS = "lane"
Advance = Callable[[Any, capacity.Lane], capacity.Lane]

# On a CPU core vmapping pays while dispatch outweighs arithmetic: a step takes 5 us
# vmapped against 10 alone at 48 facts (d = 8), 33 against 34 at 160 (d = 16), 117
# against 109 at 256 (d = 32), 1,238 against 1,001 at 600 (d = 64).
SMALL_SCORES = 10_000
SMALL_GROUP = 8


def mesh(devices: Sequence[Any]) -> Mesh:
    """Returns a mesh of one axis over the devices."""
    return Mesh(np.asarray(devices), (AXIS,), axis_types=(AxisType.Auto,))


def group_size(
    num_lanes: int, num_scores: int, devices: Sequence[Any], *, trained: bool
) -> int:
    """Returns the number of lanes that are vmapped together on each device."""
    per_device = -(-num_lanes // len(devices))
    if devices[0].platform != "cpu":
        return per_device
    # Constructions go one by one on CPUs: a batch of singular value decompositions on
    # each of two CPU devices never returns (jaxlib 0.10.2).
    return min(per_device, SMALL_GROUP) if trained and num_scores <= SMALL_SCORES else 1


def padded_count(num_lanes: int, group: int, num_devices: int) -> int:
    """Returns the number of lanes that fills every group on every device."""
    whole = group * num_devices
    return -(-num_lanes // whole) * whole


def stack(trees: Sequence[Any], count: int) -> Any:
    """Stacks lanes on the host, repeating the last one up to `count`."""
    # By NumPy: JAX would compile a program for each array.
    filled = [*trees, *[trees[-1]] * (count - len(trees))]
    return jax.tree.map(lambda *xs: np.stack([np.asarray(x) for x in xs]), *filled)


def program(advance: Advance, lane_mesh: Mesh, group: int) -> Any:
    """Jits `(problems, lanes, num_checks) -> lanes` for stacked lanes.

    Every lane makes up to `num_checks` calls of `advance`, and none once it is done.
    """

    def one(problem: Any, lane: capacity.Lane, num_checks: jax.Array) -> capacity.Lane:
        # Under vmap a while loop freezes finished lanes, it does not free them.
        def going(carry: tuple) -> jax.Array:
            return (carry[0] < num_checks) & ~carry[1].done

        def step(carry: tuple) -> tuple:
            return carry[0] + 1, advance(problem, carry[1])

        start = (jnp.zeros((), jnp.int32), lane)
        return jax.lax.while_loop(going, step, start)[1]

    def of_device(problems: Any, lanes: capacity.Lane, num_checks: jax.Array) -> Any:
        return jax.lax.map(
            lambda pair: one(pair[0], pair[1], num_checks),
            (problems, lanes),
            batch_size=None if group == 1 else group,
        )

    spec = PartitionSpec(AXIS)
    spread = jax.shard_map(
        of_device,
        mesh=lane_mesh,
        in_specs=(spec, spec, PartitionSpec()),
        out_specs=spec,
        check_vma=False,  # else a scan whose carry starts from a constant is refused
    )
    return jax.jit(spread, donate_argnums=(1,))  # lanes are replaced, problems stay


class Fleet:
    """Lanes on their devices, moved so that no device idles while another has several.

    Attributes:
        compile_seconds: seconds that it took to compile the program.
    """

    def __init__(
        self, advance: Advance, problems: Any, lanes: Any, lane_mesh: Mesh, group: int
    ) -> None:
        """Compiles the program and places the lanes, stacked on the host."""
        self._mesh, self._problems = lane_mesh, problems
        spread = round_robin(np.arange(len(lanes.done)), lane_mesh.size)
        self._order = spread  # the lane that each slot holds; neighbours cost alike
        start = time.perf_counter()
        self._place(lanes)
        lowered = program(advance, lane_mesh, group).lower(*self._placed, jnp.int32(1))
        self._program = lowered.compile()
        self.compile_seconds = time.perf_counter() - start

    def advance(self, num_checks: int) -> Any:
        """Moves every lane on by up to `num_checks` checks; returns them stacked."""
        problems, lanes = self._placed
        lanes = self._program(problems, lanes, jnp.int32(num_checks))
        self._placed = problems, lanes
        slots = np.argsort(self._order)
        lanes = jax.tree.map(lambda x: np.asarray(x)[slots], lanes)
        # Two devices take 3.0 s of a quick sweep that takes one 4.9 s, dealt like this.
        dealt = deal(lanes.done[self._order], self._mesh.size)
        if dealt is not None:
            self._order = self._order[dealt]
            self._place(lanes)
        return lanes

    def _place(self, lanes: Any) -> None:
        ordered = jax.tree.map(lambda x: x[self._order], (self._problems, lanes))
        sharding = NamedSharding(self._mesh, PartitionSpec(AXIS))
        self._placed = jax.device_put(ordered, sharding)


def deal(done: np.ndarray, num_devices: int) -> np.ndarray | None:
    """Returns an order that spreads the unfinished lanes; None if they are spread.

    Returns:
        `[lanes]` which lane each slot should hold next.
    """
    unfinished = (~done).reshape(num_devices, -1).sum(axis=1)
    if unfinished.max() - unfinished.min() < 2:  # moving lanes copies all arrays
        return None
    return round_robin(np.argsort(done, kind="stable"), num_devices)


def round_robin(lanes: np.ndarray, num_devices: int) -> np.ndarray:
    """Deals lanes to devices one by one; those of the first device come first."""
    return lanes.reshape(-1, num_devices).T.reshape(-1)
