"""Lanes of configs and verdicts of claims are those that were committed.

A lane's digest names its rows and its saved state: where it changes, runs that were
started before begin anew. After a change that is meant to move claims, run

    UPDATE_GOLDEN=1 python -m pytest tests/experiments/test_golden.py

and say in the commit why. Presets other than `quick` take minutes to plan; they are
compared where RECALL_SLOW_TESTS is set.
"""

import hashlib
import importlib.util
import json
import os
import pathlib

import pytest
from configs_made import MODULES, NEEDS

from recall.pages import claims
from recall.runs import planning, sources
from recall.store import csv_files

FOLDER = pathlib.Path(__file__).parents[1] / "golden"
LANES = json.loads((FOLDER / "lanes.json").read_text())
CLAIMS = FOLDER / "claims.csv"


@pytest.mark.parametrize("named", LANES)
def test_the_lanes_of_a_config_have_the_digests_that_they_had(named):
    name, _, preset = named.partition(":")
    if preset != "quick" and not os.environ.get("RECALL_SLOW_TESTS"):
        pytest.skip("RECALL_SLOW_TESTS is not set")
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    lanes = planning.plan_of(MODULES[name].get_config(preset)).lanes
    digests = " ".join(lane.digest() for lane in lanes)
    joined = hashlib.sha256(digests.encode()).hexdigest()[:16]
    assert [len(lanes), joined] == LANES[named]


def test_committed_rows_give_the_verdicts_and_values_that_they_gave():
    found = [
        {"claim": claim.name, "verdict": judgement.verdict, "check": at}
        | {name: f"{getattr(check, name):.6g}" for name in ("value", "low", "high")}
        for claim, judgement in claims.judge_all(sources.tables())
        for at, check in enumerate(judgement.checks)
    ]
    if os.environ.get("UPDATE_GOLDEN"):
        csv_files.write(CLAIMS, found, list(found[0]))
    golden = csv_files.read(CLAIMS)
    known = {row["claim"] for row in golden}
    found = [row for row in found if row["claim"] in known]  # others are younger
    labels = ("claim", "verdict", "check")
    assert [[row[x] for x in labels] for row in found] == [
        [row[x] for x in labels] for row in golden
    ]
    for row, expected in zip(found, golden, strict=True):
        for name in ("value", "low", "high"):
            near = pytest.approx(float(expected[name]), rel=2e-6, abs=1e-9, nan_ok=True)
            assert float(row[name]) == near, (row, expected)
