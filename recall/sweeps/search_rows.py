"""Rows of searches: probes that ended, checks of training, capacities."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from recall import capacity
from recall.sweeps.batch import Row

Batch = Any  # a `search_batch.SearchBatch`, which makes its rows here


def is_full(batch: Batch, i: int, lane: Any) -> bool:
    """Tells whether a lane stored all the facts it has room for, and may get more."""
    return int(lane.bracket.lower[i]) == batch.shape.n_max < batch.lanes[i].limit


def probes(batch: Batch, lane: Any, reported: np.ndarray) -> list[Row]:
    """Returns a row for each probe that has ended and was not reported before.

    Args:
        batch: whose lanes these are.
        lane: all lanes, stacked, on the host.
        reported: `[lanes]` probes of each lane that have their rows.
    """
    rows = []
    for i, search in enumerate(batch.lanes):
        for k in range(reported[i], lane.num_probes[i]):
            log, probe = _entry(lane, i, k), batch.behind[i] + k
            columns = search.size_columns(int(log.n)) | _probe_columns(log, probe)
            rows.append(_row(search, probe, columns))
    return rows


def _row(search: Any, at: object, columns: Row) -> Row:
    same = search.columns()
    return same | columns | {"key": f"{same['search']}:{at}"}


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _probe_columns(log: capacity.Log, probe: int) -> Row:
    ended = capacity.ENDINGS[int(log.ended)]
    return {
        "kind": "probe",
        "probe": probe,
        "accuracy": int(log.correct) / int(log.asked),
        "best_accuracy": int(log.most) / int(log.asked),
        "loss": _finite(log.loss),
        "stored": ended == "stored",
        "steps": int(log.steps),
        "ended": ended,
        "finite": ended != "nonfinite",
        "warm": int(log.attempt) == 0,  # grown from a smaller size, not a fresh start
        "learning_rate": float(log.rate),
        "weight_norm": float(log.weight_norm),
        "residual": _finite(log.residual),  # none where no certificate is asked for
    }


def traces(batch: Batch, lane: Any, reported: np.ndarray) -> list[Row]:
    """Returns a row for each probe that ended, and for the one that is trained now."""
    rows = []
    for i, search in enumerate(batch.lanes):
        checks = [_entry(lane, i, k) for k in range(reported[i], lane.num_probes[i])]
        if not lane.done[i] and lane.fit.asked[i]:
            checks.append(_under_way(lane, i))
        for check in checks:
            at = f"{int(check.n)}:{int(check.attempt)}:{int(check.steps)}"
            columns = search.size_columns(int(check.n)) | _trace_columns(check)
            rows.append(_row(search, at, columns))
    return rows


def _entry(lane: Any, i: int, probe: int) -> capacity.Log:
    """Returns the log of one probe of a lane; it holds the latest MAX_LOG only."""
    return jax.tree.map(lambda x: x[i, probe % x.shape[1]], lane.log)


def _under_way(lane: Any, i: int) -> capacity.Log:
    """Returns the log entry that the probe in training would have if it ended now."""
    fit = lane.fit
    # -1 is no ending: the probe goes on. Fields that only an end decides are NaN.
    ended = np.int32(-1 if fit.finite[i] else capacity.ENDINGS.index("nonfinite"))
    fields: dict[str, Any] = dict.fromkeys(capacity.Log._fields, np.float32(np.nan))
    fields |= {name: getattr(fit, name)[i] for name in ("correct", "asked", "steps")}
    fields |= {name: getattr(lane, name)[i] for name in ("n", "attempt", "rate")}
    return capacity.Log(**fields | {"loss": fit.loss[i], "ended": ended})


def _trace_columns(check: capacity.Log) -> Row:
    return {
        "kind": "trace",
        "steps": int(check.steps),
        "loss": _finite(check.loss),
        "accuracy": int(check.correct) / int(check.asked),
        "finite": int(check.ended) != capacity.ENDINGS.index("nonfinite"),
        "learning_rate": float(check.rate),
    }


def capacities(batch: Batch, lane: Any, reported: np.ndarray) -> list[Row]:
    """Returns the capacity of each lane that ended, unless it goes on wider."""
    rows = []
    for i, search in enumerate(batch.lanes):
        if lane.done[i] and not reported[i] and not is_full(batch, i, lane):
            columns = _capacity_columns(batch, i, lane)
            rows.append(_row(search, "capacity", columns))
    return rows


def _capacity_columns(batch: Batch, i: int, lane: Any) -> Row:
    lower, upper = int(lane.bracket.lower[i]), int(lane.bracket.upper[i])
    failed = lane.log.ended[i][: lane.num_probes[i]]
    failed = failed[failed != capacity.ENDINGS.index("stored")]
    diverged = failed == capacity.ENDINGS.index("nonfinite")
    search = batch.lanes[i]
    return {
        "kind": "capacity",
        "capacity": search.facts(lower),
        "upper": search.facts(upper) if upper <= search.limit else None,
        "censored": lower == search.limit,
        # Diverging is how high rates fail; only if all did, no capacity was measured.
        "finite": not (diverged.size and diverged.all()),
        "num_probes": batch.behind[i] + int(lane.num_probes[i]),
        "learning_rate": _winning_rate(jax.tree.map(lambda x: x[i], lane.log), lower),
    }


def models(
    batch: Batch, lane: Any, rows: Sequence[Row]
) -> list[tuple[Row, tuple[Any, Any, Any]]]:
    """Returns models of the lanes that rows end, each behind a row of its quality.

    A model is a search, its problem and its params.
    """
    over = {row["search"] for row in rows if row["kind"] == "capacity"}
    pairs = []
    for i, search in enumerate(batch.lanes):
        if search.digest() not in over:
            continue
        problem = search.problem(batch.shape)  # drawn again: batches keep stacks only
        params = jax.tree.map(lambda x, i=i: jnp.asarray(x[i]), lane.fit.params)
        if (columns := search.quality(problem, params)) is not None:
            loss = _finite(lane.fit.loss[i])
            columns |= {"kind": "model", "steps": int(lane.fit.steps[i])}
            columns |= {"loss": loss, "finite": loss is not None}
            row = _row(search, "model", columns)
            pairs.append((row, (search, problem, params)))
    return pairs


def _winning_rate(log: capacity.Log, size: int) -> float | None:
    """Returns the learning rate that stored a size, if its probe is in the log."""
    stored = (log.ended == capacity.ENDINGS.index("stored")) & (log.n == max(size, 1))
    return float(log.rate[stored][-1]) if stored.any() else None
