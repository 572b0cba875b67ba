"""A run goes on where it can, and says what it lacks: failures, and other parts."""

import collections
import io

import pytest
import sweeps
from rich.console import Console

from configs import separability
from recall.cli import show
from recall.runs import launching, planning, shards
from recall.store import journal
from recall.sweeps import failures, running


@pytest.fixture
def poison(monkeypatch):
    """Makes cells of trained memories raise, until it is called."""
    sound = running.run

    def run(cell, *arguments, **keywords):
        if cell.searches[0].trained:
            raise MemoryError("out of memory\nwith details")
        yield from sound(cell, *arguments, **keywords)

    monkeypatch.setattr(launching.running, "run", run)
    return lambda: monkeypatch.setattr(launching.running, "run", sound)


def conclude(workdir, part=None, **changes):
    """The exit code of a run, and what it prints."""
    file, made = io.StringIO(), sweeps.config(**changes)
    plan = planning.plan_of(made)
    console = Console(file=file, width=200)
    return show.conclude(made, plan, part or plan, workdir, console), file.getvalue()


def test_a_poison_cell_is_named_the_rest_goes_on_and_a_later_launch_tries_again(
    poison, tmp_path
):
    rows = sweeps.run(tmp_path)
    failed = [row for row in rows if row["kind"] == "failed"]
    ended = [row for row in rows if row["kind"] == "capacity"]
    assert {row["memory"] for row in failed} == {"linear"}
    assert {row["memory"] for row in ended} == {"outer_product"}
    assert len(failed) + len(ended) == 5
    for row in failed:
        assert row["key"] == f"{row['search']}:failed"
        assert row["error"] == failed[0]["error"]
        assert row["experiment"] == "linear_capacity"
    code, out = conclude(tmp_path)
    assert code == 1
    assert "Failed: 1 lane of linear, n_max=" in out
    assert "MemoryError: out of memory (" in out
    assert journal.read_csv(tmp_path / "failed.csv") == failed
    assert (tmp_path / "figure.png").exists()

    poison()
    rows = sweeps.run(tmp_path)
    assert not [row for row in rows if row["kind"] == "failed"]
    assert sum(row["kind"] == "capacity" for row in rows) == 5
    code, out = conclude(tmp_path)
    assert (code, "Failed" in out) == (0, False)
    assert not (tmp_path / "failed.csv").exists()


def test_a_run_of_which_all_failed_has_no_figure_and_says_so(poison, tmp_path):
    sweeps.run(tmp_path, memories=("linear",))
    code, out = conclude(tmp_path, memories=("linear",))
    assert code == 1
    assert "Failed: 1 lane of linear, n_max=" in out
    assert "figure  none" in out


def test_a_journal_that_cannot_be_written_is_no_poison(monkeypatch, tmp_path):
    def run(*arguments, **keywords):
        raise journal.JournalError("disk full")

    monkeypatch.setattr(launching.running, "run", run)
    with pytest.raises(journal.JournalError, match="disk full"):
        sweeps.run(tmp_path, **sweeps.BUILT)


def test_a_part_does_not_claim_to_be_the_whole_and_the_last_one_shows_it(tmp_path):
    plan = planning.plan_of(sweeps.config(**sweeps.BUILT))
    parts = [shards.share(plan, shards.Shard(i, 2)) for i in range(2)]
    sweeps.run(tmp_path, parts[0], **sweeps.BUILT)
    (tmp_path / "state" / "other.npz").write_bytes(b"of another part")
    code, out = conclude(tmp_path, parts[0], **sweeps.BUILT)
    assert code == 0
    assert "2 of its 2 lanes have ended" in out
    assert "2 of 4 are still" in out
    assert not (tmp_path / "capacities.csv").exists()
    assert (tmp_path / "state" / "other.npz").exists()
    sweeps.run(tmp_path, parts[1], **sweeps.BUILT)
    code, out = conclude(tmp_path, parts[1], **sweeps.BUILT)
    assert (code, "Facts stored" in out) == (0, True)
    assert len(journal.read_csv(tmp_path / "capacities.csv")) == 4
    assert not list((tmp_path / "state").iterdir())


def test_a_reason_is_one_line_that_says_where():
    def fails():
        raise KeyError("first\nsecond")

    with pytest.raises(KeyError) as caught:
        fails()
    told = failures.reason(caught.value)
    assert told.startswith("KeyError: 'first")
    assert "test_launching.py:" in told
    assert "\n" not in told
    assert failures.reason(ValueError()) == "ValueError: "


@pytest.mark.parametrize("kept", [0, 2**60])
def test_programs_of_jobs_are_released_once_the_last_that_shares_one_is_over(
    monkeypatch, kept
):
    some = planning.plan_of(separability.get_config("quick")).batches
    programs = [launching.job.about().program for job in some]
    released, over = [], []
    monkeypatch.setattr(launching, "KEPT_BYTES", kept)
    monkeypatch.setattr(launching.setup, "release", lambda: released.append(over[-1]))
    sharing = collections.Counter(programs)
    for job, program in zip(some, programs, strict=True):
        over.append(program)
        launching._release(sharing, job)
    assert released == ([] if kept else list(dict.fromkeys(programs)))
    assert len(programs) > len(sharing) > 1
