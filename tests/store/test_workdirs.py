"""A workdir has one config: written once, rejoined, and never overwritten."""

import concurrent.futures
import errno
import json
import os
import pathlib
import threading

import numpy as np
import pytest
from journals import CONFIG, one_line

from recall.store import files, journal


def test_the_config_is_written_once_and_rejoined(opened):
    path = opened.workdir / "config.json"
    text = path.read_text()
    assert json.loads(text) == {"config": CONFIG, "hash": journal.digest(CONFIG)}
    shuffled = {name: CONFIG[name] for name in ("train", "d", "experiment")}
    again = journal.open_journal(str(opened.workdir), shuffled)
    assert again.path != opened.path
    assert path.read_text() == text
    assert sorted(p.name for p in opened.workdir.iterdir()) == [
        "config.json",
        "rows",
        "state",
    ]


def test_the_digest_depends_on_values_and_types_only():
    assert journal.digest({"a": 1, "b": (2, np.int64(3))}) == journal.digest(
        {"b": [2, 3], "a": 1}
    )
    values = [1, 1.0, True, "1", None, float("inf"), float("nan"), [], {}]
    digests = {journal.digest({"a": value}) for value in values}
    assert len(digests) == len(values)
    assert all(len(text) == 16 and int(text, 16) >= 0 for text in digests)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d": 64, "experiment": "other"}, "d is 32 there, 64 here"),
        ({"d": 32.0}, "d is 32 there, 32.0 here"),
        ({"train": {"lr": 0.2, "seeds": [0, 1]}}, "train.lr is 0.1 there, 0.2 here"),
        ({"train": {"lr": 0.1, "seeds": [0]}}, "train.seeds.1 is 1 there, absent here"),
        ({"a": None}, "a is absent there, null here"),
    ],
)
def test_another_config_is_refused_by_its_first_field(opened, change, message):
    with pytest.raises(files.StoreError) as error:
        journal.open_journal(opened.workdir, {**CONFIG, **change})
    assert message in one_line(error)
    assert str(opened.workdir) in str(error.value)
    assert str(error.value).endswith("--workdir, or the config of this one.")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_config_is_refused(opened, text):
    (opened.workdir / "config.json").write_text(text)
    with pytest.raises(files.StoreError) as error:
        journal.open_journal(opened.workdir, CONFIG)
    assert "config.json is damaged; delete that file alone" in one_line(error)
    (opened.workdir / "config.json").unlink()
    journal.open_journal(opened.workdir, CONFIG)


@pytest.mark.parametrize("below", [".", "sub", "sub/sub"])
def test_a_workdir_at_or_below_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(files.StoreError) as error:
        journal.open_journal(tmp_path / "file" / below, CONFIG)
    assert str(tmp_path / "file") in one_line(error)


def test_a_workdir_that_takes_no_bytes_is_refused_on_rejoining_too(opened, monkeypatch):
    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(files.StoreError) as error:
        journal.open_journal(opened.workdir, CONFIG)
    assert "No space left" in one_line(error)
    assert not list(opened.workdir.glob(".*"))


@pytest.mark.parametrize("hard_links", [True, False])
def test_the_first_config_is_kept_with_or_without_hard_links(
    tmp_path, monkeypatch, hard_links
):
    def no_link(source, target):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    if not hard_links:
        monkeypatch.setattr(os, "link", no_link)
    journal.open_journal(tmp_path, {"d": 1})
    journal.open_journal(tmp_path, {"d": 1})
    with pytest.raises(files.StoreError, match="d is 1 there, 2 here"):
        journal.open_journal(tmp_path, {"d": 2})


def test_of_many_configs_at_once_one_wins(tmp_path):
    """Equal ones would all succeed; with eight that differ, seven must be told."""
    barrier = threading.Barrier(8)

    def attempt(workdir: pathlib.Path, d: int) -> bool:
        barrier.wait()
        try:
            journal.open_journal(workdir, {"d": d})
        except files.StoreError:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for race in range(10):
            wins = list(pool.map(attempt, [tmp_path / str(race)] * 8, range(8)))
            assert sum(wins) == 1
