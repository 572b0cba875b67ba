"""A trained transformer is asked about a fact, or a line says why it cannot be."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from trained_runs import config

from recall.cli import ask, show
from recall.data import recall_task, sequences
from recall.runs import checkpoints, planning

ROOT = Path(__file__).parents[2]
SIZES = recall_task.Sizes(subjects=4, relations=3, answers=2, noise=7)


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
