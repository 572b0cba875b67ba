"""Runs a cell of searches to its end, in chunks that can be stopped and resumed.

Nothing here touches a disk or a screen: `run` yields rows and states, the caller keeps
them and hands a state back to go on from it.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from recall import capacity
from recall.sweeps import cells, lanes

CHUNK_SECONDS = 1.5  # how long a program runs between two looks of the host
State = Mapping[str, np.ndarray]


class Update(NamedTuple):
    """What a running cell reports at a safe place to stop.

    Attributes:
        cell: which one.
        rows: probes and capacities that were not reported before.
        state: arrays to go on from.
        compile_seconds: spent on the program so far.
    """

    cell: cells.Cell
    rows: list[dict[str, Any]]
    state: State
    compile_seconds: float


def run(
    cell: cells.Cell,
    devices: Sequence[Any],
    restore: Callable[[str], State | None] = lambda name: None,
    *,
    trace: bool = False,
) -> Iterator[Update]:
    """Runs the searches of a cell, and on in a wider one where a bracket has no end.

    Args:
        cell: what to run.
        devices: over which lanes are spread.
        restore: finds the state that an earlier run of a cell of this name left.
        trace: whether to report loss and accuracy of every check.

    Yields:
        An update about every CHUNK_SECONDS, or after every check that is traced. The
        first after a restart tells again all that the state knows, for rows that a
        disk has lost.
    """
    lane: Any = None
    chunks = _chunks(cell, devices, restore(cell.name), trace)
    for update, lane in chunks:  # noqa: B007
        yield update
    full = [i for i in range(len(cell.searches)) if _is_full(cell, i, lane)]
    following = cells.wider(cell, full, [int(k) for k in lane.num_probes])
    if following is not None:
        yield from run(following, devices, restore, trace=trace)


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Names every array of a tree by its path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def unflatten(like: Any, state: State) -> Any:
    """Puts named arrays back into a tree of the same structure."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: state[jax.tree_util.keystr(path)], like
    )


def params_of(cell: cells.Cell, state: State, index: int) -> Any:
    """The params that a state holds for one lane."""
    like = cell.searches[index].problem(cell.shape).initial
    mine = {name.removeprefix(".fit.params"): x[index] for name, x in state.items()}
    return jax.tree.map(jnp.asarray, unflatten(like, mine))


def _chunks(
    cell: cells.Cell, devices: Sequence[Any], state: State | None, trace: bool
) -> Iterator[tuple[Update, Any]]:
    """Runs a cell in its own shape; yields what happened, and its lanes on the host."""
    num_lanes, any_search = len(cell.searches), cell.searches[0]
    num_scores, trained = any_search.num_scores(cell.shape), any_search.trained
    group = lanes.group_size(num_lanes, num_scores, devices, trained=trained)
    count = lanes.padded_count(num_lanes, group, len(devices))
    problems, lane = _begin(cell, count)
    reported, told = np.zeros(count, np.int32), np.zeros(count, bool)
    if state is not None:
        lane = jax.tree.map(_refill, unflatten(lane, state), lane)
        reported = np.maximum(lane.num_probes - capacity.MAX_LOG, 0)
    mesh = lanes.mesh(devices)
    step = any_search.advance(cell.shape)
    fleet = lanes.Fleet(step, problems, lane, mesh, group)
    checks = 1 if trace else 4
    while True:
        rows = _probe_rows(cell, lane, reported) + _capacity_rows(cell, lane, told)
        rows += _trace_rows(cell, lane, reported) if trace else []
        reported, told = lane.num_probes.copy(), lane.done.copy()
        kept = flatten(jax.tree.map(lambda x: x[:num_lanes], lane))
        yield Update(cell, rows, kept, fleet.compile_seconds), lane
        if lane.done.all():
            return
        begun = time.perf_counter()
        lane = fleet.advance(checks)
        checks = 1 if trace else _pace(checks, time.perf_counter() - begun)


def _begin(cell: cells.Cell, count: int) -> tuple[Any, Any]:
    """Stacks the problems and fresh lanes of a cell; filling lanes are done at once."""
    problems = [search.problem(cell.shape) for search in cell.searches]
    firsts = [jnp.asarray(first, jnp.int32) for first in cell.firsts]
    begun = [capacity.begin(*pair) for pair in zip(problems, firsts, strict=True)]
    lane = lanes.stack(begun, count)
    lane.done[len(cell.searches) :] = True
    return lanes.stack(problems, count), lane


def _refill(saved: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Appends lanes that only fill up groups: as many as the devices now ask for."""
    return np.concatenate([saved, fresh[len(saved) :]])


def _pace(checks: int, seconds: float) -> int:
    """Checks to make in the next chunk; no more than the log of probes holds."""
    factor = min(4.0, max(0.25, CHUNK_SECONDS / max(seconds, 1e-3)))
    return max(1, min(capacity.MAX_LOG, round(checks * factor)))


def _is_full(cell: cells.Cell, i: int, lane: Any) -> bool:
    """Whether a lane stored all the facts there was room for, and may have more."""
    return int(lane.bracket.lower[i]) == cell.shape.n_max < cell.searches[i].limit


def _probe_rows(cell: cells.Cell, lane: Any, reported: np.ndarray) -> list[dict]:
    rows = []
    for i, search in enumerate(cell.searches):
        same = search.columns()
        for probe in range(reported[i], lane.num_probes[i]):
            log = _entry(lane, i, probe)
            told = search.size_columns(int(log.n))
            told |= _probe_columns(log, cell.behind[i] + probe)
            rows.append(same | told)
            rows[-1]["key"] = f"{same['search']}:{rows[-1]['probe']}"
    return rows


def _probe_columns(log: capacity.Log, probe: int) -> dict[str, Any]:
    ended = capacity.ENDINGS[int(log.ended)]
    loss, residual = float(log.loss), float(log.residual)
    return {
        "kind": "probe",
        "probe": probe,
        "accuracy": int(log.correct) / int(log.asked),
        "best_accuracy": int(log.most) / int(log.asked),
        "loss": loss if math.isfinite(loss) else None,
        "stored": ended == "stored",
        "steps": int(log.steps),
        "ended": ended,
        "finite": ended != "nonfinite",
        "warm": int(log.attempt) == 0,
        "learning_rate": float(log.rate),
        "weight_norm": float(log.weight_norm),
        "residual": residual if math.isfinite(residual) else None,
    }


def _trace_rows(cell: cells.Cell, lane: Any, reported: np.ndarray) -> list[dict]:
    """A row for each probe that has ended, and for the one that is being trained."""
    rows = []
    for i, search in enumerate(cell.searches):
        checks = [_entry(lane, i, k) for k in range(reported[i], lane.num_probes[i])]
        if not lane.done[i] and lane.fit.asked[i]:
            checks.append(_under_way(lane, i))
        for check in checks:
            same = search.columns() | search.size_columns(int(check.n))
            rows.append(same | _trace_columns(check))
            at = f"{int(check.n)}:{int(check.attempt)}:{int(check.steps)}"
            rows[-1]["key"] = f"{same['search']}:{at}"
    return rows


def _entry(lane: Any, i: int, probe: int) -> capacity.Log:
    """What the log says of a probe."""
    return jax.tree.map(lambda x: x[i, probe % x.shape[1]], lane.log)


def _under_way(lane: Any, i: int) -> capacity.Log:
    """What the log would say of the probe that a lane is training."""
    fit = lane.fit
    said = {name: getattr(fit, name)[i] for name in ("correct", "asked", "steps")}
    said |= {name: getattr(lane, name)[i] for name in ("n", "attempt", "rate")}
    ended = np.int32(-1 if fit.finite[i] else capacity.ENDINGS.index("nonfinite"))
    unsaid = dict.fromkeys(capacity.Log._fields, np.float32(np.nan))
    told: dict[str, Any] = unsaid | said | {"loss": fit.loss[i], "ended": ended}
    return capacity.Log(**told)


def _trace_columns(check: capacity.Log) -> dict[str, Any]:
    loss = float(check.loss)
    return {
        "kind": "trace",
        "steps": int(check.steps),
        "loss": loss if math.isfinite(loss) else None,
        "accuracy": int(check.correct) / int(check.asked),
        "finite": int(check.ended) != capacity.ENDINGS.index("nonfinite"),
        "learning_rate": float(check.rate),
    }


def _capacity_rows(cell: cells.Cell, lane: Any, told: np.ndarray) -> list[dict]:
    rows = []
    for i, search in enumerate(cell.searches):
        if lane.done[i] and not told[i] and not _is_full(cell, i, lane):
            same = search.columns()
            rows.append(same | _capacity_columns(cell, i, lane))
            rows[-1]["key"] = f"{same['search']}:capacity"
    return rows


def _capacity_columns(cell: cells.Cell, i: int, lane: Any) -> dict[str, Any]:
    lower, upper = int(lane.bracket.lower[i]), int(lane.bracket.upper[i])
    failed = lane.log.ended[i][: lane.num_probes[i]]
    failed = failed[failed != capacity.ENDINGS.index("stored")]
    diverged = failed == capacity.ENDINGS.index("nonfinite")
    search = cell.searches[i]
    return {
        "kind": "capacity",
        "capacity": search.facts(lower),
        "upper": search.facts(upper) if upper <= search.limit else None,
        "censored": lower == search.limit,
        "finite": not (diverged.size and diverged.all()),
        "num_probes": cell.behind[i] + int(lane.num_probes[i]),
        "learning_rate": _winning_rate(jax.tree.map(lambda x: x[i], lane.log), lower),
    }


def _winning_rate(log: capacity.Log, size: int) -> float | None:
    """The learning rate that stored a size, if its probe is still in the log."""
    stored = (log.ended == capacity.ENDINGS.index("stored")) & (log.n == max(size, 1))
    return float(log.rate[stored][-1]) if stored.any() else None
