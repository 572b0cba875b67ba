"""A batch of searches: one program, in chunks that can be stopped and resumed.

Nothing here touches a disk or a screen: `run` yields rows and states, the caller keeps
them and hands a state back to go on from it.
"""

import dataclasses
import functools
import hashlib
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import override

from recall import capacity
from recall.sweeps import lanes as lanes_lib
from recall.sweeps import search_rows
from recall.sweeps.batch import ALL, About, Batch, Restore, State, Step
from recall.sweeps.search import Search, Shape, joined

CHUNK_SECONDS = 1.5  # between two looks of the host: stopping waits that long
MAX_HELD = 2**26  # scores held at once; beyond it they are computed in chunks


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchBatch(Batch):
    """Searches that share one compiled program, spread over all devices.

    Attributes:
        lanes: the searches.
        shape: what they are padded to.
        firsts: the size that each lane probes first.
        behind: probes that each lane has behind it, in a smaller shape.
        trace: whether to report loss and accuracy of every check, and keep models.
    """

    lanes: tuple[Search, ...]
    shape: Shape
    firsts: tuple[int, ...]
    behind: tuple[int, ...]
    trace: bool = False

    @property
    @override
    def devices(self) -> str:
        return ALL

    @functools.cached_property
    def name(self) -> str:
        """The name of the state of these lanes in this shape."""
        # In the order of the lanes: the arrays of a state are stacked in it.
        parts = [s.digest() for s in self.lanes] + [str(self.shape)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    @override
    def about(self) -> About:
        first, shape = self.lanes[0], self.shape._asdict()
        return About(
            title=first.title,
            shape=" ".join(f"{name}={size}" for name, size in shape.items()),
            parameters=[search.num_parameters for search in self.lanes],
            core_seconds=sum(s.core_seconds(self.shape) for s in self.lanes),
            memory_bytes=sum(s.bytes(self.shape) for s in self.lanes),
            # Scores of one lane, there and back, in float32.
            device_bytes=4 * 3 * min(first.num_scores(self.shape), MAX_HELD),
            compile_seconds=first.compile_seconds,
        )

    @override
    def part(self, positions: Sequence[int]) -> "SearchBatch":
        columns = ("lanes", "firsts", "behind")  # the shape stays that of the whole
        some = {n: tuple(getattr(self, n)[i] for i in positions) for n in columns}
        return dataclasses.replace(self, **some)

    def wider(self, full: Sequence[int], probes: Sequence[int]) -> "SearchBatch | None":
        """Returns the batch of twice the room for the lanes that filled this one.

        Args:
            full: positions of these lanes; None is returned where there are none.
            probes: that each lane of this batch has made.
        """
        if not full:
            return None
        searches = tuple(self.lanes[i] for i in full)
        n_max = min(2 * self.shape.n_max, max(s.limit for s in searches))
        return SearchBatch(
            lanes=searches,
            shape=joined(self.shape, searches[0].shape_of(n_max)),
            firsts=(self.shape.n_max,) * len(full),  # stored already: a lower end
            behind=tuple(self.behind[i] + probes[i] for i in full),
            trace=self.trace,
        )

    @override
    def run(
        self,
        devices: Sequence[Any],
        done: Collection[str] = (),
        restore: Restore = lambda name: None,
    ) -> Iterator[Step]:
        """Runs all lanes, and on in a wider batch where a bracket has no end.

        Lanes that are done run along: leaving them out would change the name of the
        state, and they cost nothing once their brackets are closed.

        Yields:
            A step about every CHUNK_SECONDS, or after every check that is traced. The
            first after a restart tells again all that the state knows, for rows that
            a disk has lost. The last drops the state.
        """
        lane: Any = None
        for step, lane in self._chunks(devices, restore(self.name)):  # noqa: B007
            yield step
        full = [i for i in range(len(self.lanes)) if search_rows.is_full(self, i, lane)]
        wider = self.wider(full, [int(k) for k in lane.num_probes])
        if wider is not None:
            yield from wider.run(devices, done, restore)
        # Not earlier: a restart must find its way through here to the wider batch.
        yield Step([], self.name)

    def _chunks(
        self, devices: Sequence[Any], state: State | None
    ) -> Iterator[tuple[Step, Any]]:
        """Yields steps in this shape, each with the lanes as they are on the host."""
        num_lanes, first = len(self.lanes), self.lanes[0]
        scores = first.num_scores(self.shape)
        group = lanes_lib.group_size(num_lanes, scores, devices, trained=first.trained)
        count = lanes_lib.padded_count(num_lanes, group, len(devices))
        problems, lane = self._start(count)
        probes, over = np.zeros(count, np.int32), np.zeros(count, bool)
        if state is not None:
            lane = jax.tree.map(_refill, unflatten(lane, state), lane)
            # All that the log holds: a kill may have cut rows off that it had counted.
            probes = np.maximum(lane.num_probes - capacity.MAX_LOG, 0)
        mesh, advance = lanes_lib.mesh(devices), first.advance(self.shape)
        fleet = lanes_lib.Fleet(advance, problems, lane, mesh, group)
        checks = 1 if self.trace else 4  # few, until a chunk has been timed
        while True:
            rows = search_rows.probes(self, lane, probes)
            rows += search_rows.capacities(self, lane, over)
            rows += search_rows.traces(self, lane, probes) if self.trace else []
            probes, over = lane.num_probes.copy(), lane.done.copy()
            kept = flatten(jax.tree.map(lambda x: x[:num_lanes], lane))
            compiled = {"compile_seconds": round(fleet.compile_seconds, 3)}
            ended = search_rows.models(self, lane, rows) if self.trace else []
            rows += [row for row, _ in ended]
            models = [model for _, model in ended]
            yield Step(rows, self.name, kept, compiled, models), lane
            if lane.done.all():
                return
            start = time.perf_counter()
            lane = fleet.advance(checks)
            checks = 1 if self.trace else _pace(checks, time.perf_counter() - start)

    def _start(self, count: int) -> tuple[Any, Any]:
        """Stacks problems and fresh lanes; lanes that fill up groups are done."""
        problems = [search.problem(self.shape) for search in self.lanes]
        # Typed, as a weak integer would compile everything once more.
        firsts = [jnp.asarray(first, jnp.int32) for first in self.firsts]
        starts = [capacity.begin(*pair) for pair in zip(problems, firsts, strict=True)]
        lane = lanes_lib.stack(starts, count)
        lane.done[len(self.lanes) :] = True
        return lanes_lib.stack(problems, count), lane


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Returns the arrays of a tree by their paths."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def unflatten(like: Any, state: State) -> Any:
    """Puts named arrays back into a tree of the structure of `like`."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: state[jax.tree_util.keystr(path)], like
    )


def _refill(saved: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Appends lanes that only fill up groups: as many as the devices now ask for."""
    return np.concatenate([saved, fresh[len(saved) :]])


def _pace(checks: int, seconds: float) -> int:
    """Returns the checks of the next chunk: no more than the log of probes holds."""
    factor = min(4.0, max(0.25, CHUNK_SECONDS / max(seconds, 1e-3)))
    return max(1, min(capacity.MAX_LOG, round(checks * factor)))
