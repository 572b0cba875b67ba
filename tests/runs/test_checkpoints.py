"""A transformer is trained, kept, read back and asked, or a line says why not."""

import dataclasses
import errno
import io
import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest
from flax import serialization
from rich.console import Console

from configs import recall_train
from recall.cli import ask, show
from recall.data import recall_task, sequences
from recall.runs import checkpoints, launching, planning, setup, signals
from recall.store import csv_files, files, journal
from recall.sweeps import search_batch, transformer_search

ROOT = Path(__file__).parents[2]
TINY = {
    "d": 8,
    "heads": 2,
    "head_dim": 2,
    "m": 8,
    "size": 4,
    "answers": 2,
    "seeds": (0, 1),
    "training.num_steps": 256,
    "training.check_every": 32,
    "training.learning_rates": (0.03,),
    "reads.length": 8,
    "reads.batch": 16,
    "reads.share": 4,
    "reads.checks": 2,
}
SIZES = recall_task.Sizes(subjects=4, relations=3, answers=2, noise=7)
# Columns that say when and by which code, not what.
PROVENANCE = {"wall_seconds", "compile_seconds", "git_commit", "git_dirty"}


class Trained(NamedTuple):
    """What a run left: where, its rows, and the models as they were in memory."""

    workdir: Path
    rows: list
    models: dict


def config(**changes):
    made = recall_train.get_config("quick")
    made.lock()
    made.update_from_flattened_dict(TINY | changes)
    return made


def run(workdir, **changes):
    """Runs a tiny config; returns all rows of its workdir."""
    made = config(**changes)
    plan = planning.plan_of(made)
    console = Console(file=io.StringIO())
    return launching.run(made, plan, workdir, jax.devices(), console)


def of(rows, kind, seed=None):
    return [r for r in rows if r["kind"] == kind and seed in (None, r["seed"])]


@pytest.fixture(scope="module", autouse=True)
def programs_are_kept():
    """Lets the runs of this file share what was compiled for the first of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "release", lambda: None)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two seeds, trained to their ends."""
    workdir, kept = tmp_path_factory.mktemp("trained"), {}
    save = checkpoints.save

    def remember(path, model):
        kept[model.search.seed] = model
        save(path, model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "save", remember)
        rows = run(workdir)
    return Trained(workdir, rows, kept)


@pytest.fixture(scope="module")
def model(trained):
    """The model of seed 0, read back."""
    return checkpoints.load(checkpoints.path_of(trained.workdir, 0))


# Training


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


# Questions


@pytest.mark.parametrize(
    "prompt", ["s3 r2", "3 2", "3,2", "s3, r2", " 3  2\n", "s3,2", "s03 r02"]
)
def test_a_prompt_is_a_subject_and_a_relation(prompt):
    assert ask.parse(prompt, SIZES) == (3, 2)


@pytest.mark.parametrize(
    "prompt",
    ["", "3", "r3 s2", "s3r2", "32", "3 2 1", "-3 2", "3.0 2", "what is s3 r2"],
)
def test_another_prompt_is_refused(prompt):
    with pytest.raises(
        ValueError, match=r'^Expected a prompt such as "s3 r5"; got '
    ) as e:
        ask.parse(prompt, SIZES)
    assert repr(prompt) in str(e.value)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("s4 r0", ["s0 to s3", "got s4"]),
        ("s0 r3", ["r0 to r2", "got r3"]),
        ("s99999999999999999999 r9", ["s0 to s3", "got s99999999999999999999"]),
    ],
)
def test_a_token_that_there_is_not_is_named_with_those_that_there_are(prompt, words):
    with pytest.raises(ValueError, match=r"^Expected a token from ") as error:
        ask.parse(prompt, SIZES)
    assert all(word in str(error.value) for word in words)


def test_a_reply_says_what_is_likely_what_is_true_and_what_was_read(model):
    answers = np.asarray(recall_task.answers(model.problem.world))
    for subject, relation in ((0, 0), (3, 1), (1, 3)):
        reply = ask.ask(model, subject, relation)
        assert reply.probabilities.shape == (4 * 2,)
        assert (reply.probabilities >= 0).all()
        assert reply.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert reply.attention.shape == (2, 4)
        np.testing.assert_allclose(reply.attention.sum(axis=-1), 1, atol=1e-5)
        assert reply.truth == answers[subject, relation]
        assert reply.truth is not None
        assert reply.truth // 2 == relation
        assert reply.recalled > 0.5
        assert reply.probabilities.argmax() == reply.truth


def test_a_fact_is_asked_in_as_many_noise_contexts_as_is_said(model, monkeypatch):
    draws = []
    written_out = sequences.written_out

    def remember(draw, world):
        draws.append(np.asarray(draw.noise))
        return written_out(draw, world)

    monkeypatch.setattr(sequences, "written_out", remember)
    ask.ask(model, 0, 0)
    (noise,) = draws
    assert len(noise) == ask.CONTEXTS
    assert len(np.unique(noise, axis=0)) > 0.9 * ask.CONTEXTS


def test_an_answer_is_printed_with_its_relation_and_marked_if_right(trained, model):
    file = io.StringIO()
    show.ask("s2 r1", trained.workdir, 0, Console(file=file, width=100))
    text = file.getvalue()
    reply = ask.ask(model, 2, 1)
    assert f"s2 r1: recalled in {reply.recalled:.0%} of 64 noise contexts" in text
    lines = [line.replace("│", " ").split() for line in text.splitlines()]
    (right,) = [words for words in lines if "right" in words]
    share = f"{reply.probabilities[reply.truth]:.4f}"
    assert right == [f"a{reply.truth}", "r1", share, "right"]
    (head,) = [words for words in lines if words[:1] == ["1"]]
    assert head[1:] == [f"{share:.2f}" for share in reply.attention[1]]


def test_each_seed_has_a_model_of_its_own(trained):
    with pytest.raises(checkpoints.ModelError, match=r"model-7\.msgpack: No such file"):
        show.ask("s0 r0", trained.workdir, 7, Console(file=io.StringIO()))


# The command


def refusal(tmp_path, *given):
    """What the command says when it exits with code 2, in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "recall.main", *map(str, given)],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, ""), done
    assert re.fullmatch(r"recall: Expected [^\n]+\n", done.stderr), done.stderr
    return done.stderr


def test_a_question_that_has_no_model_is_refused(tmp_path):
    said = refusal(tmp_path, "--ask=s0 r0", f"--workdir={tmp_path}", "--seed=3")
    assert str(tmp_path / "model-3.msgpack") in said


def test_a_question_about_a_token_that_there_is_not_is_refused(trained, tmp_path):
    said = refusal(tmp_path, "--ask=s4 r0", f"--workdir={trained.workdir}")
    assert "s0 to s3; got s4" in said


def test_the_script_that_asks_says_how_it_is_called():
    script = ROOT / "scripts" / "ask.sh"
    assert os.access(script, os.X_OK)
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'recall: Expected a prompt such as "s3 r5".\n'


# Facts of one's own


def test_a_table_of_facts_is_what_the_model_is_to_learn(tmp_path):
    facts = [[0, 1, 0, 1], [1, 1, 1, 0], [0, 0, 0, 0], [1, 0, 1, 1]]
    table = tmp_path / "facts.csv"
    np.savetxt(table, facts, fmt="%d", delimiter=",")
    (batch,) = planning.plan_of(config(table=str(table))).batches
    for search in batch.lanes:
        world = search.problem(search.own_shape()).world
        answers = np.asarray(recall_task.answers(world))
        np.testing.assert_array_equal(answers, np.array(facts) + 2 * np.arange(4))


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
