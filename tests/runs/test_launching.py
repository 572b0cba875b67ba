"""A run goes on where it can, and says what it lacks: failures, and other parts."""

import io
from typing import Any

import counting
import jax
import pytest
import sweeps
import tiny
from counting import Count
from rich.console import Console

from recall.cli import show
from recall.runs import heartbeat, launching, planning, progress, shards, signals
from recall.store import csv_files, files, journal, state
from recall.sweeps import failures
from recall.sweeps.batch import Plan, ended
from recall.sweeps.search_batch import SearchBatch


@pytest.fixture
def poison(monkeypatch):
    """Makes batches of trained memories raise, until it is called."""
    sound = SearchBatch.run

    def run(batch, *arguments, **keywords):
        if batch.lanes[0].trained:
            raise MemoryError("out of memory\nwith details")
        yield from sound(batch, *arguments, **keywords)

    monkeypatch.setattr(SearchBatch, "run", run)
    return lambda: monkeypatch.setattr(SearchBatch, "run", sound)


def conclude(workdir, part=None, **changes):
    """The exit code of a run, and what it prints."""
    file, made = io.StringIO(), sweeps.config(**changes)
    plan = planning.plan_of(made)
    console = Console(file=file, width=200)
    return show.conclude(made, plan, part or plan, workdir, console), file.getvalue()


def test_a_poison_batch_is_named_the_rest_goes_on_and_a_later_launch_tries_again(
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
    assert csv_files.read(tmp_path / "failed.csv") == failed
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


@pytest.mark.parametrize(
    ("module", "name"), [(journal, "append"), (state, "save"), (state, "drop")]
)
def test_a_journal_that_cannot_be_written_is_no_poison(
    monkeypatch, tmp_path, module, name
):
    def fails(*arguments):
        raise files.StoreError("disk full")

    monkeypatch.setattr(module, name, fails)
    with pytest.raises(files.StoreError, match="disk full"):
        sweeps.run(tmp_path, **sweeps.BUILT)
    assert not [r for r in journal.read_rows(tmp_path) if r["kind"] == "failed"]


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
    assert len(csv_files.read(tmp_path / "capacities.csv")) == 4
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


# Work on a plan


class Beats(heartbeat.Heartbeat):
    """Notes which lanes are claimed."""

    def __init__(self):
        self.claims: list[tuple[set, bool]] = []

    def claim(self, lanes, *, more=False):
        self.claims.append((set(lanes), more))


class Stopping(signals.StopRequest):
    """A signal that comes after so many steps."""

    def __init__(self, steps):
        self.steps = steps

    def check(self):
        self.steps -= 1
        if self.steps == 0:
            raise signals.Stopped(2)


def work(workdir, batches, stop=0):
    """Runs batches on one device; returns what the launch holds then."""
    bar = progress.Progress(Console(file=io.StringIO()), len(batches), 0)
    launch = launching.Launch(
        journal=journal.open_journal(workdir, {"experiment": "x"}),
        devices=jax.devices()[:1],
        columns={"experiment": "x"},
        bar=bar,
        stop=Stopping(stop),
        heartbeat=Beats(),
    )
    launching.work(launch, Plan(batches))
    return launch


def digests(*batches):
    return {lane.digest() for batch in batches for lane in batch.lanes}


def test_a_batch_of_which_some_lanes_are_over_runs_the_others_and_tells_nothing_twice(
    tmp_path,
):
    batch = counting.batch(2, 3, 1)
    with pytest.raises(signals.Stopped):
        work(tmp_path, [batch], stop=6)  # begins, counts to 2, ends it, counts to 2
    before = sweeps.written(tmp_path)
    assert len(before) == 2 + 1 + 2
    assert ended(journal.read_rows(tmp_path)) == {Count(number=2).digest()}
    bar = work(tmp_path, [batch]).bar
    written = sweeps.written(tmp_path)
    assert len(written) == len(set(written)) == 3 + 4 + 2
    assert (bar.lanes, bar.batches, bar.probes) == (3, 1, 1 + 1)
    bar = work(tmp_path, [batch]).bar
    assert (bar.lanes, bar.batches, bar.probes) == (3, 1, 0)
    assert sorted(sweeps.written(tmp_path)) == sorted(written)


def test_searches_of_which_some_are_over_go_on_and_tell_nothing_twice(tmp_path):
    batch = tiny.batch([tiny.outer_product(d) for d in (4, 16)])
    rows = {row["key"]: row for row in tiny.rows_of(tiny.steps(batch))}
    with pytest.raises(signals.Stopped):
        work(tmp_path, [batch], stop=3)  # begins, has no rows yet, makes four checks
    assert ended(journal.read_rows(tmp_path)) == {batch.lanes[0].digest()}
    launch = work(tmp_path, [batch])
    written = sweeps.written(tmp_path)
    assert len(written) == len(set(written)) == len(rows)
    found = {row["key"]: row for row in journal.read_rows(tmp_path)}
    assert all(found[key].items() >= row.items() for key, row in rows.items())
    assert ended(found.values()) == digests(batch)
    assert launch.bar.lanes == 2
    assert not list((tmp_path / "state").iterdir())


def test_searches_and_rows_are_counted_claimed_and_kept_alike(tmp_path):
    """Batches of one device go on side by side, so that claims of theirs add up."""
    batches = [
        tiny.batch([tiny.outer_product(4)]),
        tiny.batch([tiny.outer_product(8)]),
        counting.batch(1, 2),
        counting.batch(3, fails_at=1),
    ]
    launch: Any = work(tmp_path, batches)
    assert (launch.bar.lanes, launch.bar.batches) == (4, 4)
    claims = [(digests(b), more) for b, more in zip(batches, (0, 0, 1, 1), strict=True)]
    assert launch.heartbeat.claims == claims
    rows = journal.read_rows(tmp_path)
    assert ended(rows) == digests(*batches[:3])
    (failed,) = [row for row in rows if row["kind"] == "failed"]
    assert failed["search"] == batches[3].lanes[0].digest()
    assert failed["program"] == "counting, numbers"
    probes = sum(row["kind"] == "probe" for row in rows)
    assert launch.bar.probes == probes > 4
    assert {row["experiment"] for row in rows} == {"x"}
    assert all(
        "compile_seconds" in row
        for row in rows
        if row["search"] in digests(*batches[:2])
    )


def test_what_another_process_has_ended_meanwhile_is_left_out_and_counted(
    tmp_path, monkeypatch
):
    batches = [tiny.batch([tiny.outer_product(d)]) for d in (4, 8)]
    book = journal.open_journal(tmp_path, {"experiment": "x"})
    other = batches[1].lanes[0]
    append = journal.append

    def meanwhile(own, rows):
        append(own, rows)
        if any(row["kind"] == "capacity" for row in rows):
            end = {"search": other.digest(), "kind": "capacity"}
            append(book, [end | {"key": f"{other.digest()}:capacity"}])

    monkeypatch.setattr(journal, "append", meanwhile)
    launch: Any = work(tmp_path, batches)
    assert (launch.bar.lanes, launch.bar.batches) == (2, 2)
    keys = sweeps.written(tmp_path)
    assert len(keys) == len(set(keys))
    assert [key for key in keys if key.startswith(other.digest())] == [
        f"{other.digest()}:capacity"
    ]


@pytest.mark.parametrize("kept", [0, 2**60])
def test_programs_are_released_once_the_last_batch_that_shares_one_is_over(
    monkeypatch, tmp_path, kept
):
    """Not where there is little to give; a batch that fails is over as well."""
    shapes = ["a", "b", "a", "b", "c", "c"]
    batches = [
        counting.batch(10 + i, shape=shape, fails_at=2 if i in (2, 5) else -1)
        for i, shape in enumerate(shapes)
    ]
    over, released = [0], []
    monkeypatch.setattr(launching, "KEPT_BYTES", kept)
    monkeypatch.setattr(
        progress.Progress, "show", lambda bar, note: over.append(bar.batches)
    )
    monkeypatch.setattr(launching.setup, "release", lambda: released.append(over[-1]))
    work(tmp_path, batches)
    # As the third batch is over, two are counted: counting comes after.
    assert released == ([] if kept else [2, 3, 5])


def test_a_row_names_its_settings_first_and_its_times_are_its_own(tmp_path):
    (lane,) = counting.batch(1).lanes

    class Timed(counting.Counting):
        def measure(self, lanes):
            yield [lane.row("run", wall_seconds=7.0)]

    work(tmp_path, [Timed(lanes=(lane,))])
    (row,) = journal.read_rows(tmp_path)
    settings = ["search", "number", "seed"]
    assert list(row) == [*settings, "kind", "key", "wall_seconds", "experiment"]
    assert row["wall_seconds"] == 7.0


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([], ""),
        ([{"loss": 1.0, "accuracy": 0.5}], "step 8, loss 1.0000, accuracy 0.5000"),
        ([{"loss": None, "accuracy": 0.5}], "step 8, accuracy 0.5000"),
        ([{"inputs_rms_overlap": 0.1}], "step 8"),
        ([{"loss": 1.0}, {"loss": 2.0}], "step 8, loss 1.5000"),
        ([{"loss": None, "finite": False}], "diverged"),
    ],
)
def test_a_note_says_what_there_is_of_a_trace(rows, note):
    same = {"kind": "trace", "steps": 8, "finite": True}
    assert progress.note([{"kind": "probe"}, *(same | row for row in rows)]) == note
