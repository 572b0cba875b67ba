"""One of the faults of `scripts/faults.py`, once: all of them take minutes."""

import random
import subprocess
import sys

import pytest

from recall.store import csv_files, journal
from scripts import fault_trials, faults


def test_a_fault_loses_nothing_and_what_is_found_is_equal(tmp_path):
    table = tmp_path / "faults.csv"
    script = [sys.executable, "scripts/faults.py", f"--table={table}", "--repeats=1"]
    done = subprocess.run(
        [*script, "--only=journal_truncated"],
        cwd=fault_trials.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = csv_files.read(table)
    assert (row["lost"], row["duplicates"], row["equal"]) == (0, 0, 1)
    assert row["fault"] in done.stdout


@pytest.mark.parametrize(
    ("flag", "words"),
    [("--only=flood", "flood"), ("--repeats=0", "repeats >= 1; got 0")],
)
def test_what_cannot_be_struck_is_refused(monkeypatch, capsys, flag, words):
    monkeypatch.setattr(sys, "argv", ["faults.py", flag])
    with pytest.raises(SystemExit) as refused:
        faults.main()
    assert refused.value.code == 2
    assert words in capsys.readouterr().err


def test_a_verdict_counts_what_is_lost_twice_and_different(tmp_path):
    book = journal.open_journal(tmp_path, {})
    row = {"key": "a", "kind": "run", "found": 1.0, "wall_seconds": 3.0}
    journal.append(book, [row])
    for name in fault_trials.TABLES:
        csv_files.write(tmp_path / name, [row])
    trial = fault_trials.Trial(tmp_path, random.Random(0))
    trial.acknowledged = {"a": row | {"found": 2.0}, "b": row}
    expected = {"a": {"key": "a", "kind": "run", "found": 1.0 + 1e-9}}
    found = trial.verdict(expected)
    assert (found["acknowledged"], found["lost"], found["duplicates"]) == (2, 2, 1)
    assert found["equal"] == 1
    assert trial.verdict({"a": {"key": "a", "kind": "run", "found": 1.1}})["equal"] == 0
    assert trial.verdict({})["equal"] == 0
