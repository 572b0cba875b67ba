"""Units of a plan, and how a driver and workers share them out by Dask."""

import io
import json
import sys
import types

import pytest
import sweeps
from rich.console import Console

from configs import stage_ratio
from recall.runs import cluster, launching, planning, shards, workers
from recall.store import files, journal

SEARCHES = planning.plan_of(sweeps.config(d=(4, 8), seeds=tuple(range(20))))
STAGES = planning.plan_of(stage_ratio.get_config())


@pytest.mark.parametrize("workers", [0, 1, 4, 100])
@pytest.mark.parametrize("plan", [SEARCHES, STAGES], ids=["searches", "stages"])
def test_units_cover_every_lane_once_and_each_is_of_one_program(plan, workers):
    units = shards.units(plan, workers)
    numbers = sorted(number for unit in units for number in unit)
    assert numbers == list(range(len(plan.lanes)))
    for unit in units:
        part = shards.part(plan, unit)
        assert len({batch.about().program for batch in part.batches}) == 1


def test_units_are_worth_their_compilation_and_enough_for_all():
    few, many = (len(shards.units(STAGES, workers)) for workers in (2, 50))
    abouts = [batch.about() for batch in STAGES.batches]
    programs = len({about.program for about in abouts})
    assert programs <= few < many
    seconds = sum(about.core_seconds for about in abouts)
    compiling = shards.WORTH * abouts[0].compile_seconds
    assert many <= programs + seconds / compiling


def task(workdir, **changes):
    made = sweeps.config(**sweeps.BUILT | changes)
    journal.open_journal(workdir, made.to_dict())
    return {
        "config": journal.read_config(workdir),
        "workdir": str(workdir),
        "compile_cache": False,
        "pinned": False,
    }


def test_a_unit_is_run_as_a_local_launch_would_and_only_its_counts_are_told(tmp_path):
    whole = sweeps.results(sweeps.run(tmp_path / "whole", **sweeps.BUILT))
    told = task(tmp_path / "unit")
    assert json.loads(json.dumps(told)) == told  # plain data
    first = workers.run_unit(told, [1, 3])
    assert first["ended"] == 2
    rows = launching.rows_of(tmp_path / "unit")
    assert sweeps.results(rows).items() <= whole.items()
    assert first["probes"] == sum(row["kind"] == "probe" for row in rows)
    assert workers.run_unit(told, [1, 3]) == {"ended": 0, "probes": 0}
    assert workers.run_unit(told, [0, 4])["ended"] == 2
    assert sweeps.results(launching.rows_of(tmp_path / "unit")) == whole
    assert len(list((tmp_path / "unit" / "rows").iterdir())) == 1


class Dead(Exception):  # noqa: N818
    """What Dask raises for a unit that kills its workers."""


def outcome(driver, status, error=None):
    counts = {"ended": 1, "probes": 2}
    told = {"exception": lambda: error, "result": lambda: counts}
    future = types.SimpleNamespace(status=status, **told)
    return cluster.outcome(driver, future, range(1, 3))


def test_a_unit_that_kills_its_workers_is_recorded_as_failed(tmp_path):
    made = sweeps.config(**sweeps.BUILT)
    plan = planning.plan_of(made)
    book = journal.open_journal(tmp_path, made.to_dict())
    dask = types.SimpleNamespace(KilledWorker=Dead)
    driver = cluster.Driver(dask, None, plan, book, {"experiment": "x"})
    assert outcome(driver, "finished") == {"ended": 1, "probes": 2}
    assert outcome(driver, "error", Dead()) == {"ended": 0, "probes": 0}
    rows = launching.rows_of(tmp_path)
    lanes = [lane.digest() for lane in plan.lanes[1:3]]
    assert [row["search"] for row in rows] == lanes
    assert {(row["kind"], row["experiment"]) for row in rows} == {("failed", "x")}
    assert rows[0]["error"].startswith("it killed 4 workers")
    assert rows[0]["program"].startswith("outer_product, n_max=")
    with pytest.raises(files.StoreError, match="disk full"):
        outcome(driver, "error", files.StoreError("disk full"))
    with pytest.raises(cluster.ClusterError, match="ImportError: no recall"):
        outcome(driver, "error", ImportError("no recall"))
    with pytest.raises(cluster.LostError, match="same command goes on"):
        outcome(driver, "cancelled")


def run(workdir, scheduler=None):
    made = sweeps.config(**sweeps.BUILT)
    file = io.StringIO()
    console = Console(file=file)
    plan = planning.plan_of(made)
    cluster.run(made, plan, workdir, scheduler, console, compile_cache=False)
    return file.getvalue()


def test_without_dask_the_command_that_installs_it_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(cluster.ClusterError, match=r"pip install 'recall\[cluster\]'"):
        run(tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer_is_given_up(monkeypatch, tmp_path):
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(cluster.ClusterError, match=f"scheduler={address}; none"):
            run(tmp_path, address)


@pytest.mark.filterwarnings("ignore")
def test_a_driver_and_a_worker_finish_a_run(monkeypatch, tmp_path):
    distributed = pytest.importorskip("distributed")
    same = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    monkeypatch.setattr(
        cluster,
        "local_cluster",
        lambda dask: distributed.LocalCluster(processes=False, **same),
    )
    monkeypatch.setattr(workers, "_pin", lambda: None)
    said = run(tmp_path / "run")
    assert "lanes 4/4" in said
    rows = launching.rows_of(tmp_path / "run")
    assert sum(row["kind"] == "capacity" for row in rows) == 4
    assert "probes 0," in run(tmp_path / "run")
