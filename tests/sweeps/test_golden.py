"""A tiny sweep finds what it found when its answers were committed.

It notices what no theorem does: another stream of random numbers, another step of
Adam, one probe more. After a change that is meant to move results, run

    UPDATE_GOLDEN=1 python -m pytest tests/sweeps/test_golden.py

look at the difference in tests/golden/tiny.csv, and say in the commit why.
"""

import os
import pathlib

import pytest
import tiny

from recall.store import csv_files
from recall.sweeps import packing

PATH = pathlib.Path(__file__).parents[1] / "golden" / "tiny.csv"
SEARCH = ["memory", "d", "m", "rank", "num_outputs", "threshold", "seed", "method"]
FOUND = ["kind", "capacity", "upper", "num_probes"]
PROBE = ["probe", "n", "accuracy", "stored", "steps", "ended", "warm"]
COLUMNS = [*SEARCH, *FOUND, *PROBE, "learning_rate", "weight_norm"]
SWEEP = [
    *[tiny.outer_product(d, seed=seed) for d in (4, 8) for seed in (0, 1)],
    *[tiny.low_rank(8, rank) for rank in (2, 4)],
    *[tiny.linear(seed=seed, expected=6) for seed in (0, 1)],
    *[tiny.mlp(seed=seed, expected=6) for seed in (0, 1)],
    tiny.mlp(threshold=0.75, expected=6, embedding="gaussian"),
    tiny.mlp(num_outputs=4, strategy=tiny.GROW, expected=6),
]
ADVICE = """
If this change was meant to move results, update the golden rows by

    UPDATE_GOLDEN=1 python -m pytest tests/sweeps/test_golden.py

and say in the commit why they moved; if not, something is wrong."""


@pytest.fixture(scope="module")
def rows():
    told = [step for batch in packing.group(SWEEP) for step in tiny.steps(batch)]
    return [{name: _cell(row, name) for name in COLUMNS} for row in tiny.rows_of(told)]


def _cell(row, name):
    value = row.get(name)
    return float(f"{value:.5g}") if isinstance(value, float) else value


def place(row):
    """Where a row belongs, whatever the order in which batches run and lanes end."""
    names = ("memory", "d", "rank", "num_outputs", "threshold", "seed", "probe")
    return [(row[name] is None, row[name] or 0) for name in names]


def test_a_tiny_sweep_finds_what_it_found(rows):
    ours = sorted(rows, key=place)
    if os.environ.get("UPDATE_GOLDEN"):
        csv_files.write(PATH, ours, COLUMNS)
    theirs = csv_files.read(PATH)
    assert [row["kind"] for row in ours] == [row["kind"] for row in theirs], ADVICE
    for found, golden in zip(ours, theirs, strict=True):
        for name, value in golden.items():
            close = pytest.approx(value, rel=1e-3) if type(value) is float else value
            where = [golden[part] for part in SEARCH]
            assert found[name] == close, f"{name} of {where}{ADVICE}"


def test_the_golden_rows_hold_every_kind_of_memory_and_of_ending():
    golden = csv_files.read(PATH)
    assert {row["memory"] for row in golden} == {search.memory for search in SWEEP}
    assert {row["stored"] for row in golden if row["kind"] == "probe"} == {True, False}
    assert {row["warm"] for row in golden if row["kind"] == "probe"} == {True, False}
