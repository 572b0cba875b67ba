"""Tables of named facts: the smallest memories, and the stages of learning."""

from collections.abc import Iterable

import numpy as np

from recall.experiments.real_facts import summary
from recall.experiments.transformer_capacity import table as transformer_table
from recall.stats.table import Table
from recall.store.row import Row

KEPT = ("run", "probe", "trace", "picture", "model")

_COLUMNS = (
    *("memory", "facts", "embedding", "n", "size, all\n[range]", "size,\n99 %"),
    *("weights,\nall", "facts/\nweight", "bits/weight\n(uniform)", "seeds"),
)
_CAPTION = (
    "size: the least of those tried that stores all facts (99 %), median [range] over "
    "seeds: width d, or hidden units, or gates. bits: sum_r n_r H(a | r) for each "
    "weight; uniform: sum_r n_r log2 |A_r|. own answers: a copy of each answer for "
    "each relation. seeds: that store all facts at some size."
)


def tables(rows: Iterable[Row]) -> list[Table]:
    """Returns the smallest memories of each kind, and the transformers trained."""
    rows = list(rows)
    smallest = Table(
        "Named facts: smallest memories",
        _COLUMNS,
        [_line(case) for case in summary.cases(rows)],
        f"{_CAPTION} {' '.join(describe(rows))}",
        num_labels=3,
    )
    return [smallest, *transformer_table.train_tables(rows)]


def describe(rows: Iterable[Row]) -> list[str]:
    """Returns sentences on the facts and on the stages of learning."""
    rows, sentences = list(rows), []
    real = [c for c in summary.cases(rows) if c.facts == "real"]
    if real:
        one = real[0].rows[0]
        sentences.append(
            f"The table: {one['n']:,} facts about {one['subjects']} subjects and "
            f"{one['relations']} relations, {one['answers']} answers; in 0-1 codes "
            f"{one['clashes']} facts tie with another answer; {one['swaps']} swaps."
        )
    for row in summary.stages(rows):
        typical = row["typical_there"]
        if row["stage_from"] is None or typical is None:
            sentences.append(f"No stage within .1 of H(a | r) = {row['entropy']:.2f}.")
            continue
        sentences.append(
            f"The loss stays within .1 of H(a | r) = {row['entropy']:.2f} nats from "
            f"step {row['stage_from']:,} to {row['stage_to']:,}; nearest to p(a | r) "
            f"at step {row['distance_least_step']:,}, where {typical:.0%} of all "
            "prompts get their relation's most frequent answer; accuracy at the end "
            f"{row['accuracy']:.3f}."
        )
    return sentences


def _line(case: summary.Case) -> list[str]:
    kind = case.method + (f" d={case.d}" if case.d else "")
    if case.method == "linear":
        kind += f" {case.keys}"
    seeds = f"{case.values('size_100').size} of {len(case.rows)}"
    impossible = int(case.values("impossible").sum())
    if impossible:
        seeds += f" ({impossible} sizes proved impossible)"
    facts = {"copies": "own answers"}.get(case.facts, case.facts)
    sizes = ("size_100", "size_99", "parameters_100")
    entropy = _number(case.spread("bits_per_parameter")[0], "{:.2f}")
    uniform = _number(case.spread("uniform_bits_per_parameter")[0], "{:.2f}")
    return [
        *(kind, facts, case.embedding.replace("_", " ")),
        f"{case.spread('n')[0]:,.0f}",
        *(_spread(case.spread(column)) for column in sizes),
        _number(case.spread("facts_per_parameter")[0], "{:.3f}"),
        f"{entropy} ({uniform})",
        seeds,
    ]


def _spread(values: tuple[float, float, float]) -> str:
    if np.isnan(values[0]):
        return "-"
    median, low, high = (f"{value:,.0f}" for value in values)
    return median if low == high else f"{median} [{low}, {high}]"


def _number(value: float, form: str) -> str:
    return "-" if np.isnan(value) else form.format(value)
