"""Failures of any run: unfinished, diverged, at a ceiling, too few seeds, given up."""

import collections
from collections.abc import Sequence

from recall.diagnosis import finding
from recall.diagnosis.finding import Row, Symptom
from recall.stats import comparison
from recall.stats import points as rows_lib

SEEDS = 5  # from which the range of seeds covers a median with 94 %: 1 - 2 / 2^5
ENDS = ("capacity", "run")
_BUILT = ("construction", "subjects", "relations", "answers", "width")
_ASIDE = ("tried", "loss")  # rates, of which the best counts; a loss is an outcome


def unfinished(rows: Sequence[Row]) -> Symptom | None:
    """Finds searches, planned or with probes, that have no row of their end."""
    done, planned, started = (
        {row["search"] for row in finding.of_kind(rows, *kinds) if row.get("search")}
        for kinds in (ENDS, ("planned",), ("probe", "trace"))
    )
    # A single training ends with its model.
    done |= {r["search"] for r in finding.of_kind(rows, "model") if _single(r)}
    # A plan of which no search has a row is that of other code; then probes name the
    # searches, if the experiment writes rows of ends at all.
    planned_here = bool(planned & (done | started))
    expected = planned if planned_here else started if done else set()
    left = sorted(expected - done)
    if not left:
        return None
    return Symptom(
        f"{finding.fraction(left, [*expected], 'searches')} have not ended ("
        f"{len(started.intersection(left))} of them have begun), so that medians and "
        "fits lack them.",
        "Give the command of the run again: it goes on from its rows.",
    )


def diverged(rows: Sequence[Row]) -> Symptom | None:
    """Finds probes and runs whose loss or weights were not finite."""
    tried = finding.of_kind(rows, "probe", "trace", "run", "model")
    bad = [*tried, *finding.of_kind(rows, "capacity")]
    bad = [r for r in bad if r.get("finite") is False or r.get("ended") == "nonfinite"]
    if not bad:
        return None
    norms = [r["weight_norm"] for r in tried if r.get("weight_norm") is not None]
    norm = f" The largest weight norm is {max(norms):.3g}." if norms else ""
    at = finding.settings(bad, "learning_rate", "optimizer", "init_scale")
    return Symptom(
        f"{len(bad):,} rows are not finite{f', at {at}' if at else ''}.{norm}",
        "Lower the learning rate by 3, or the initial scale; keep the matmul precision "
        'at "highest" (TF32 and bfloat16 overflow and blur first); what such a row '
        "stores is a lower bound.",
    )


def _single(row: Row) -> bool:
    return row.get("method") == "single"


def censored(rows: Sequence[Row]) -> Symptom | None:
    """Finds searches that stored the most that they were allowed to try."""
    # A single training is no search: it is at its only size.
    ends = [row for row in finding.of_kind(rows, *ENDS) if not _single(row)]
    capped = [row for row in ends if row.get("censored")]
    if not capped:
        return None
    most = sorted(r["capacity"] for r in capped if r.get("capacity") is not None)
    span = dict.fromkeys((*most[:1], *most[-1:]))  # of equal capacities, one number
    at = f" ({' to '.join(f'{end:,}' for end in span)} facts)" if most else ""
    where = finding.settings(capped, "memory", "method", "d", "m")
    return Symptom(
        f"{finding.fraction(capped, ends, 'searches')} reached their ceiling{at}; "
        f"their capacity is a lower bound and no fit may use it: {where}.",
        "Raise the ceiling: --config.n_max of memories, --config.size_max of "
        "transformers, --config.most of searches for weights.",
    )


def few_seeds(rows: Sequence[Row]) -> Symptom | None:
    """Finds settings that were measured with fewer seeds than an interval needs."""
    seeds = collections.defaultdict(set)
    ended = finding.of_kind(rows, *ENDS) or finding.of_kind(rows, "probe", "trace")
    for row in (row for row in ended if row.get("seed") is not None):
        seeds[_setting(row)].add(row["seed"])
    few = [setting for setting in seeds if len(seeds[setting]) < SEEDS]
    if not few:
        return None
    return Symptom(
        f"{finding.fraction(few, [*seeds], 'settings')} have fewer than {SEEDS} seeds "
        f"(the fewest: {min(map(len, seeds.values()))}), so that their intervals cover "
        "less than 94 % or are missing.",
        f'Add seeds: --config.seeds="{tuple(range(SEEDS))}".',
    )


def _setting(row: Row) -> str:
    """Returns the settings of a row without its seed and outcomes, as one string."""
    if row.get("construction") is not None:
        return str([row.get(name) for name in _BUILT])
    columns = comparison.settings(row) | {n: row.get(n) for n in ("facts", "keys")}
    return str([value for name, value in columns.items() if name not in _ASIDE])


def still_rising(rows: Sequence[Row]) -> Symptom | None:
    """Finds trainings that were given up while they still got better.

    A single training (no search) that failed with its last accuracy as its best; or a
    trace whose last tenth is better than the tenth before by half a point.
    """
    single = filter(_single, finding.of_kind(rows, "probe"))
    failed = [r for r in single if not r["stored"] and r.get("ended") == "budget"]
    known = [row for row in failed if row.get("best_accuracy") is not None]
    rising = [row for row in known if row["accuracy"] >= row["best_accuracy"]]
    traces = collections.defaultdict(list)
    for row in finding.of_kind(rows, "trace"):
        if row.get("accuracy") is not None and row.get("threshold") is not None:
            traces[row["search"]].append(row)
    trainings = [*failed, *traces.values()]
    cut = rising + [trace[-1] for trace in traces.values() if _climbs(trace)]
    if 5 * len(cut) < max(1, len(trainings)):  # searches fail on purpose, now and then
        return None
    best, steps = (max(float(row[n]) for row in cut) for n in ("accuracy", "steps"))
    return Symptom(
        f"{finding.fraction(cut, trainings, 'trainings')} were given up while accuracy "
        f"still rose (to {best:.3f} at best, within {steps:,.0f} steps): they show the "
        "budget, not the capacity.",
        f"Train longer: --config.training.num_steps={4 * int(steps)}, or a higher "
        "learning rate.",
    )


def _climbs(trace: Sequence[Row]) -> bool:
    """Tells if a trace ends below its threshold, and rising."""
    trace = sorted(trace, key=lambda row: row["steps"])
    tenth = max(1, len(trace) // 10)  # means of several checks: one alone is noise
    last = [float(row["accuracy"]) for row in trace[-tenth:]]
    before = [float(row["accuracy"]) for row in trace[-2 * tenth : -tenth]]
    if not before or max(last) >= trace[-1]["threshold"]:
        return False
    return sum(last) / tenth > sum(before) / tenth + 0.005


def lenient_threshold(rows: Sequence[Row]) -> Symptom | None:
    """Finds capacities at less than all facts, with none at all of them beside."""
    points = rows_lib.capacities(finding.of_kind(rows, "capacity"))
    slack = [point for point in points if point.threshold < 1 and point.median >= 100]
    if not slack or any(point.threshold == 1 for point in points):
        return None
    levels = ", ".join(sorted({f"{100 * point.threshold:g} %" for point in slack}))
    return Symptom(
        f"{finding.fraction(slack, points, 'capacities')} count {levels} of the facts "
        "and are of 100 facts or more, where all of the facts means fewer, by up to a "
        "factor of 1.4; below 100 facts the two agree.",
        'Compare with laws at 100 % only after --config.thresholds="(0.99, 1.0)".',
    )


def changed_code(rows: Sequence[Row]) -> Symptom | None:
    """Finds rows of code that was not committed, or of several commits."""
    commits = {r["git_commit"] for r in rows if r.get("git_commit")}
    stamped = [row for row in rows if row.get("git_dirty") is not None]
    dirty = [row for row in stamped if row["git_dirty"]]
    if not dirty and len(commits) < 2:
        return None
    return Symptom(
        f"{finding.fraction(dirty, stamped, 'rows')} come from code with changes not "
        f"committed; commits named: {len(commits)}.",
        "Before rows are published, run them again from one commit.",
    )
