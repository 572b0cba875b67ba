"""Verdicts follow from rows: rows that say otherwise give another verdict."""

import io
import math
import pathlib

import pytest
from rich.console import Console

from recall.pages import claims as table
from recall.stats import claims as checks
from recall.store import csv_files
from recall.sweeps import presets

ROOT = pathlib.Path(__file__).parents[2]
TABLES = {
    path.stem: csv_files.read(path)
    for path in sorted((ROOT / "results").glob("*.csv"))
    if not path.stem.endswith("_probes")
}
BY_NAME = {claim.name: claim for claim in table.everything()}


def verdict(name, **tables):
    return checks.judge(BY_NAME[name], TABLES | tables).verdict


def changed(name, change, **where):
    """The committed rows of an experiment, some of them changed."""
    return [
        {**row, **change(row)}
        if all(row.get(column) == value for column, value in where.items())
        else row
        for row in TABLES[name]
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], "open"),
        ([(1.0, False)], "holds"),
        ([(1.0, False), (3.0, True)], "holds with conditions"),
        ([(3.0, False), (1.0, True)], "refuted"),
        ([(math.nan, False)], "refuted"),
    ],
)
def test_a_miss_refutes_unless_it_only_limits(found, expected):
    made = [checks.Check("x", v, least=0, most=2, limits=limits) for v, limits in found]
    assert checks.verdict(made) == expected


def test_every_claim_has_its_rows_and_a_config_that_exists():
    for claim in table.everything():
        assert not checks.judge(claim, TABLES).missing
        file, _, preset = claim.config.partition(":")
        assert (ROOT / "configs" / file).exists()
        assert presets.preset(preset or None) == preset


def test_a_claim_without_rows_is_open_and_says_what_to_run():
    judgement = checks.judge(BY_NAME["S1"], {})
    assert judgement == checks.Judgement("open", (), ("linear_capacity",))
    lines = {line[0]: line for line in table.table({}).rows}
    assert lines["S1"][3] == "no rows of linear_capacity: run the command"


def test_a_memory_that_stores_far_more_at_large_d_refutes_its_law():
    more = changed(
        "linear_capacity",
        lambda row: {"capacity": int(row["capacity"] * (row["d"] / 8) ** 0.5)},
        memory="linear",
    )
    assert verdict("S1") == "holds"
    assert verdict("S1", linear_capacity=more) == "refuted"


def test_the_cubic_law_would_hold_if_capacities_were_cubic():
    cubic = changed(
        "mlp_capacity", lambda row: {"capacity": round(0.01 * row["d"] ** 3) + 3}
    )
    assert verdict("S3'") == "refuted"
    assert verdict("S3'", mlp_capacity=cubic) == "holds"


def test_one_seed_that_forgets_refutes_a_construction():
    forgot = changed(
        "constructions", lambda row: {"stored": False}, construction="plain", seed=0
    )
    assert verdict("R3") == "holds"
    assert verdict("R3", constructions=forgot) == "refuted"


def test_optimizers_that_keep_the_stage_refute_that_they_remove_it():
    kept = changed(
        "stage_optimizer",
        lambda row: {"plateau_start_step": 100.0, "plateau_end_step": 600.0},
        optimizer="adam",
    )
    assert verdict("L3") == "holds"
    assert verdict("L3", stage_optimizer=kept) == "refuted"


def test_late_stages_refute_their_law():
    late = changed("stage_ratio", lambda row: {"facts_step": 1.1 * row["facts_step"]})
    assert verdict("L4") == "holds"
    assert verdict("L4", stage_ratio=late) == "refuted"


def test_the_table_shows_values_intervals_and_what_was_allowed():
    file = io.StringIO()
    made = table.table(TABLES)
    Console(file=file, width=150).print(made.rich())
    assert "linear_capacity" in file.getvalue()
    lines = {line[0]: line for line in made.rows}
    assert "x exponent of d² in N ln N at m = d" in lines["S3'"][3]
    assert lines["S3'"][2] == "refuted"
    assert table.counts(TABLES).startswith(f"{len(table.everything())} claims: ")
