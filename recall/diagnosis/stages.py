"""Failures in the order of learning: slow, cut short, hallucinating, no stage."""

import math
from collections.abc import Sequence

import numpy as np

from recall.diagnosis import finding
from recall.diagnosis.finding import Row, Symptom
from recall.theory import stages

LATE = 1.25  # times what theory says, which is within 2.1 % where steps are small


def slow(rows: Sequence[Row]) -> Symptom | None:
    """Finds runs that learn relations or facts much later than theory predicts."""
    runs = _runs(rows)
    late = [row for row in runs if _lateness(row) > LATE]
    if not late:
        return None
    worst = max(late, key=_lateness)
    steps, budget = worst["relation_step"], _steps(worst)
    when = f"after {steps:,.0f} steps" if steps else f"not in {budget:,} steps"
    return Symptom(
        f"{finding.fraction(late, runs, 'runs')} are late: one learned relations "
        f"{when}, where theory at learning rate {worst['learning_rate']:g} and initial "
        f"scale {worst['init_scale']:g} expects {_expected(worst, 'relation'):,.0f}.",
        f"Times go like ln(2 / scale) / rate: --config.learning_rate="
        f"{worst['learning_rate'] * min(_lateness(worst), 10):.2g}, or a scale of "
        f"{math.sqrt(worst['init_scale']):.1g} for about half the time; if training "
        "began to jump, lower the rate.",
    )


def cut_short(rows: Sequence[Row]) -> Symptom | None:
    """Finds runs that ended before theory expects their facts to be learned."""
    runs = _runs(rows)
    open_ = [row for row in runs if row["facts_step"] is None]
    # A tenth beyond what theory says: seeds differ by less.
    short = [r for r in open_ if _steps(r) < 1.1 * _expected(r, "facts")]
    if not short:
        return None
    worst = max(short, key=lambda row: _expected(row, "facts") / _steps(row))
    needed = _expected(worst, "facts")
    rate = worst["learning_rate"] * 1.2 * needed / _steps(worst)
    return Symptom(
        f"{finding.fraction(short, runs, 'runs')} ended before their facts are due: "
        f"one after {_steps(worst):,} steps, where theory expects them after "
        f"{needed:,.0f}.",
        f"--config.num_steps={100 * math.ceil(needed * 0.012)}, or "
        f"--config.learning_rate={rate:.2g}.",
    )


def hallucinates(rows: Sequence[Row]) -> Symptom | None:
    """Finds runs that know the relation, and at their end still not the fact."""
    runs = _runs(rows)
    stuck = [
        row
        for row in runs
        if row["relation_step"] is not None
        and row["facts_step"] is None  # the loss ended above half of H(a | r)
        and row["loss"] is not None
        and row["loss"] < row["entropy"] + 0.5  # higher, not even relations hold
    ]
    if not stuck:
        return None
    worst = max(stuck, key=lambda row: row["subjects"] / row["relations"])
    S, R, D = (worst[name] for name in ("subjects", "relations", "answers"))
    faster = stages.relation_part(S, R, D).rate / stages.subject_part(S, R, D).rate
    return Symptom(
        f"{finding.fraction(stuck, runs, 'runs')} answer by the relation alone: at "
        f"S / R = {S / R:g} (S = {S}, R = {R}, D = {D}) the loss ended at "
        f"{worst['loss']:.3f} near H(a | r) = {worst['entropy']:.3f}; small weights "
        f"learn relations {faster:.1f} times as fast as subjects there.",
        "Train past the time of the facts, with fewer subjects for each relation, a "
        "larger initial scale, or Adam, under which the stage vanishes.",
    )


def no_stage(rows: Sequence[Row]) -> Symptom | None:
    """Finds runs without a plateau where small weights and descent have one."""
    runs = _runs(rows)
    gone = [
        row
        for row in runs
        if row["plateau_start_step"] is None
        and row["facts_step"] is not None
        # Rates of the two parts differ by S / sqrt(R D), about: here twice at least.
        and row["subjects"] ** 2 > 4 * row["relations"] * row["answers"]
        and (row["optimizer"] in ("adam", "sign") or row["init_scale"] >= 0.1)
    ]
    if not gone:
        return None
    return Symptom(
        f"{finding.fraction(gone, runs, 'runs')} learn relations and facts at once: "
        f"{finding.settings(gone, 'optimizer', 'init_scale')}.",
        "To see the stage, take plain gradient descent (--config.optimizer=sgd) and "
        "a small initial scale (--config.init_scale=1e-5).",
    )


def _runs(rows: Sequence[Row]) -> list[Row]:
    """Lists the ends of finite runs whose stages were watched."""
    ends = [r for r in finding.of_kind(rows, "run") if r.get("finite") is not False]
    return [r for r in ends if "facts_step" in r and r.get("optimizer") is not None]


def _steps(row: Row) -> int:
    """Returns the length of a run, or its budget if it ended with its facts."""
    return int(row["steps"] if row["facts_step"] is None else row["num_steps"])


def _expected(row: Row, stage: str) -> float:
    """Returns the time of a stage by theory; nan without a prediction."""
    # Reduced training takes the optimizer's steps: it comes closer than a flow.
    reduced, flow = row.get(f"reduced_{stage}"), row.get(f"predicted_{stage}")
    return float(reduced or flow or math.nan)


def _lateness(row: Row) -> float:
    """Returns measured over expected times, the larger; zero without a prediction."""
    expected = _expected(row, "relation")
    relation = row["relation_step"] or _steps(row)  # or later than the run was long
    facts = (row["facts_step"] or 0.0) / _expected(row, "facts")
    return float(np.nanmax([0.0, relation / expected, facts]))
