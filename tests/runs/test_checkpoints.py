"""A transformer is trained, kept and read back, or a line says why not."""

import dataclasses
import errno
import io
import itertools
import json
import math
import os
import re
import signal

import jax
import numpy as np
import pytest
from flax import serialization
from rich.console import Console
from trained_runs import config, of, run

from recall.cli import show
from recall.runs import checkpoints, planning, signals
from recall.store import csv_files, files, journal
from recall.sweeps import search_batch, transformer_search

# Columns that say when and by which code, not what.
PROVENANCE = {"wall_seconds", "compile_seconds", "git_commit", "git_dirty"}


def test_a_trace_has_a_row_for_each_check(trained):
    for seed in (0, 1):
        (probe,) = of(trained.rows, "probe", seed)
        rows = of(trained.rows, "trace", seed)
        assert [row["steps"] for row in rows] == list(range(32, probe["steps"] + 1, 32))
        assert all(math.isfinite(row["loss"]) and row["finite"] for row in rows)
        assert all(0 <= row["accuracy"] <= 1 for row in rows)
        assert rows[0]["loss"] > rows[-1]["loss"]
        assert (rows[-1]["loss"], rows[-1]["accuracy"]) == (probe["loss"], 1.0)
        assert (rows[-1]["n"], rows[-1]["subjects"]) == (16, 4)


def test_every_search_leaves_one_row_of_its_model(trained):
    for seed in (0, 1):
        (row,) = of(trained.rows, "model", seed)
        (probe,) = of(trained.rows, "probe", seed)
        (found,) = of(trained.rows, "capacity", seed)
        assert (row["steps"], row["loss"]) == (probe["steps"], probe["loss"])
        assert row["accuracy"] == probe["accuracy"] == 1.0
        assert row["worst_accuracy"] == 1.0
        assert row["n"] == found["capacity"] == 16
        assert row["parameters"] == 4 * 2 * 2 * 8 + 2 * 8 * 8


def test_a_model_that_was_read_is_as_good_as_its_row_says(trained, model):
    (row,) = of(trained.rows, "model", 0)
    assert row.items() >= model.search.quality(*model[1:]).items()


def test_an_interrupted_run_goes_on_where_it_stopped(trained, tmp_path, monkeypatch):
    checks = itertools.count()

    def check(asked):
        if next(checks) == 2:
            raise signals.Stopped(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(signals.StopRequest, "check", check)
        with pytest.raises(signals.Stopped):
            run(tmp_path)
    before = journal.read_rows(tmp_path)
    assert 0 < len(of(before, "trace")) < len(of(trained.rows, "trace"))
    assert not list(tmp_path.glob("*.msgpack"))
    rows = run(tmp_path)
    ours, theirs = (
        {r["key"]: {k: v for k, v in r.items() if k not in PROVENANCE} for r in some}
        for some in (rows, trained.rows)
    )
    assert ours == theirs
    for seed in (0, 1):
        path, other = (
            checkpoints.path_of(w, seed) for w in (tmp_path, trained.workdir)
        )
        assert path.read_bytes() == other.read_bytes()


def test_a_finished_run_is_not_run_again(trained, monkeypatch):
    monkeypatch.setattr(search_batch.SearchBatch, "run", None)
    assert run(trained.workdir) == trained.rows


def test_a_model_that_cannot_be_looked_at_fails_alone(tmp_path, monkeypatch):
    def fails(self, problem, params):
        raise MemoryError("no room for all facts")

    monkeypatch.setattr(transformer_search.RecallSearch, "quality", fails)
    rows = run(tmp_path, seeds=(0,))
    (row,) = of(rows, "failed")
    assert row["error"].startswith("MemoryError: no room for all facts (")
    assert not of(rows, "capacity")
    monkeypatch.undo()
    rows = run(tmp_path, seeds=(0,))
    assert (len(of(rows, "capacity")), len(of(rows, "failed"))) == (1, 0)


def test_tables_and_a_figure_are_written(trained):
    file = io.StringIO()
    show.show(config(), trained.rows, trained.workdir, Console(file=file, width=300))
    for kind in ("capacity", "probe", "trace", "model"):
        name = show.KINDS[kind]
        table = csv_files.read(trained.workdir / name)
        assert table == of(trained.rows, kind)
        assert table
        assert name in file.getvalue()
    assert "Trained transformers" in file.getvalue()
    assert (trained.workdir / "figure.svg").exists()


def test_a_run_that_diverges_ends_and_says_so(tmp_path):
    rows = run(tmp_path, **{"training.learning_rates": (1e30,)})
    for row in [*of(rows, "capacity"), *of(rows, "probe"), *of(rows, "model")]:
        assert not row["finite"]


def test_rates_side_by_side_would_save_their_models_under_one_name():
    with pytest.raises(ValueError, match=r"Expected side_by_side in \[False\]"):
        planning.plan_of(config(side_by_side=True))


# Models on disk


def same_arrays(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_a_model_is_read_as_it_was(trained):
    assert sorted(path.name for path in trained.workdir.glob("*.msgpack")) == [
        "model-0.msgpack",
        "model-1.msgpack",
    ]
    for seed, kept in trained.models.items():
        found = checkpoints.load(checkpoints.path_of(trained.workdir, seed))
        assert found.search == kept.search
        assert found.search.digest() == kept.search.digest()
        same_arrays(found[1:], kept[1:])


def test_a_model_is_of_the_search_that_the_config_planned(trained, model):
    (batch,) = planning.plan_of(config()).batches
    assert model.search in batch.lanes
    assert int(model.problem.world.live.facts) == 16
    initial = model.problem.initial
    assert all(
        (a != b).any() for a, b in zip(model.params[:4], initial[:4], strict=True)
    )
    assert (
        len({m.params.K.tobytes() for m in map(np_arrays, trained.models.values())})
        == 2
    )


def np_arrays(model):
    return jax.tree.map(np.asarray, model._replace(search=None))


def test_saving_leaves_nothing_else_and_replaces_what_was_there(model, tmp_path):
    path = tmp_path / "model-0.msgpack"
    path.write_text("older")
    checkpoints.save(path, model)
    assert list(tmp_path.iterdir()) == [path]
    same_arrays(checkpoints.load(path)[1:], model[1:])


def document(model):
    """What a file of a model holds."""
    arrays = jax.tree.map(np.asarray, (model.problem, model.params))
    return {
        "settings": dataclasses.asdict(model.search),
        "model": serialization.to_state_dict(arrays),
    }


def write(path, found):
    packed = found | {"settings": json.dumps(found["settings"])}
    path.write_bytes(serialization.msgpack_serialize(packed))


def test_a_document_is_what_is_saved(model, tmp_path):
    """Or the tests of damaged ones would be about something else."""
    write(tmp_path / "ours", document(model))
    checkpoints.save(tmp_path / "theirs", model)
    ours, theirs = ((tmp_path / name).read_bytes() for name in ("ours", "theirs"))
    assert ours == theirs


def other_array(found):
    found["model"]["1"]["K"] = np.zeros((2, 3, 8), np.float32)


def other_world(found):
    found["model"]["0"]["world"]["choices"] = np.zeros((4, 5), np.float32)


def no_array(found):
    del found["model"]["1"]["K"]


def other_settings(found):
    found["settings"]["d"] = 9


def unknown_world(found):
    found["settings"]["world"] = "S=2R"


def unknown_setting(found):
    found["settings"]["layers"] = 2


def nested_array(found):
    found["model"]["1"]["K"] = {"a": np.zeros(1), "b": np.zeros(1)}


def missing_setting(found):
    del found["settings"]["heads"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (other_array, [".K", "(2, 2, 8)", "(2, 3, 8)"]),
        (other_world, [".choices", "(4, 4)", "(4, 5)"]),
        (no_array, ["K"]),
        (nested_array, []),
        (other_settings, ["(4, 9)", "(4, 8)"]),
        (unknown_world, ["S=2R"]),
        (unknown_setting, ["layers"]),
        (missing_setting, ["heads"]),
    ],
)
def test_a_model_of_another_shape_or_settings_is_refused(
    model, tmp_path, damage, words
):
    found = document(model)
    damage(found)
    path = tmp_path / "model-0.msgpack"
    write(path, found)
    assert_refused(path, *words)


def test_what_is_no_model_is_refused(trained, tmp_path):
    path = tmp_path / "model-0.msgpack"
    assert_refused(path, "No such file", "configs/recall_train.py")
    path.write_bytes(b"")
    assert_refused(path)
    path.write_bytes(b"\xc1 garbage \xff\n" * 9)
    assert_refused(path)
    path.write_bytes(serialization.msgpack_serialize({"settings": "{}"}))
    assert_refused(path)
    path.write_bytes(serialization.msgpack_serialize([1, 2]))
    assert_refused(path)
    whole = checkpoints.path_of(trained.workdir, 0).read_bytes()
    for length in (1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert_refused(path)
    path.unlink()
    path.mkdir()
    assert_refused(path, "Is a directory")


def assert_refused(path, *words):
    with pytest.raises(checkpoints.ModelError) as error:
        checkpoints.load(path)
    said = str(error.value)
    assert re.match(r"Expected .* (in|of shape) ", said), said
    assert "\n" not in said
    assert str(path) in said
    assert all(word in said for word in words), said


def test_a_model_on_a_full_disk_is_one_line_and_leaves_the_old_one(
    trained, model, monkeypatch
):
    path = checkpoints.path_of(trained.workdir, 0)
    before = path.read_bytes()

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(files.StoreError, match=r"No space left") as error:
        checkpoints.save(path, model)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    assert not list(trained.workdir.glob("*.tmp"))
