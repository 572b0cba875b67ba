"""Saved state comes back whole: the last save that was acknowledged, or a later one."""

import errno
import os

import numpy as np
import pytest
from journals import CONFIG, kill_after, launch, one_line

from recall.store import files, journal, state


def test_state_comes_back_with_dtypes_and_shapes(opened):
    arrays = {
        ".params.W": np.arange(6, dtype=np.float32).reshape(2, 3),
        ".opt_state[0].count": np.array(3, np.int32),
        "['stored']": np.array([True, False]),
        ".empty": np.zeros((0, 4), np.uint32),
    }
    assert state.load(opened.workdir, "cell") is None
    state.save(opened.workdir, "cell", arrays)
    back = state.load(opened.workdir, "cell")
    assert back is not None
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array, strict=True)


def saved(opened: journal.Journal) -> int | None:
    arrays = state.load(opened.workdir, "cell")
    return None if arrays is None else int(arrays["step"])


def test_damage_falls_back_to_the_save_before(opened):
    """Every truncation and every flipped byte is noticed, or harmless."""
    for step in (1, 2):
        state.save(opened.workdir, "cell", {"step": np.array(step)})
    newest = opened.workdir / "state/cell.npz"
    good = newest.read_bytes()
    for at in range(0, len(good), 3):
        newest.write_bytes(good[:at])
        assert saved(opened) == 1
        newest.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        assert saved(opened) in (1, 2)
    (opened.workdir / "state/cell.prev.npz").write_bytes(b"")
    newest.write_bytes(b"")
    assert saved(opened) is None


@pytest.mark.parametrize("death", [0, 1])
def test_a_save_that_dies_between_its_moves_leaves_the_one_before(
    opened, monkeypatch, death
):
    for step in (1, 2):
        state.save(opened.workdir, "cell", {"step": np.array(step)})
    replace, moves = os.replace, []

    def die(source, target):
        if len(moves) == death:
            raise KeyboardInterrupt
        moves.append(target)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            state.save(opened.workdir, "cell", {"step": np.array(3)})
    assert saved(opened) == 2
    state.save(opened.workdir, "cell", {"step": np.array(4)})
    assert saved(opened) == 4


SAVER = """
import sys
import numpy as np
from recall.store import journal, state
opened = journal.open_journal(sys.argv[1], {})
arrays = state.load(opened.workdir, "cell")
step = 0 if arrays is None else int(arrays["a"][0])
while True:
    step += 1
    array = np.full(10**5, step)
    state.save(opened.workdir, "cell", {"a": array, "b": array})
    print(step, flush=True)
"""


def test_kills_leave_the_last_acknowledged_save_or_a_later_one(tmp_path):
    last = 0
    for pause in (0.02, 0.05, 0.08):
        last = int(kill_after(launch(SAVER, tmp_path), pause)[-1])
        opened = journal.open_journal(tmp_path, {})
        arrays = state.load(opened.workdir, "cell")
        assert arrays is not None
        step = int(arrays["a"][0])
        assert last <= step <= last + 1
        np.testing.assert_array_equal(arrays["a"], np.full(10**5, step))
        np.testing.assert_array_equal(arrays["b"], np.full(10**5, step))
    assert last >= 3


def test_a_full_disk_keeps_both_saves(opened, monkeypatch):
    for step in (1, 2):
        state.save(opened.workdir, "cell", {"step": np.array(step)})
    saves = {p.name: p.read_bytes() for p in (opened.workdir / "state").iterdir()}

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(files.StoreError) as error:
        state.save(opened.workdir, "cell", {"step": np.array(3)})
    assert "No space left" in one_line(error)
    now = {p.name: p.read_bytes() for p in (opened.workdir / "state").iterdir()}
    assert now == saves


def test_drop_takes_both_saves_and_leftovers_of_this_cell_only(opened):
    for name in ("cell", "cell-2"):
        for step in (1, 2):
            state.save(opened.workdir, name, {"step": np.array(step)})
        (opened.workdir / f"state/.{name}.npz.0123.tmp").write_bytes(b"half")
    state.drop(opened.workdir, "cell")
    state.drop(opened.workdir, "cell")
    assert state.load(opened.workdir, "cell") is None
    assert state.load(opened.workdir, "cell-2") is not None
    left = sorted(path.name for path in (opened.workdir / "state").iterdir())
    assert left == [".cell-2.npz.0123.tmp", "cell-2.npz", "cell-2.prev.npz"]


def test_a_save_of_a_cell_that_another_process_finishes_is_no_failure(
    opened, monkeypatch
):
    other = journal.open_journal(opened.workdir, CONFIG)
    state.save(opened.workdir, "cell", {"step": np.array(1)})
    replace = os.replace

    def late_replace(source, target):
        state.drop(other.workdir, "cell")  # what was just staged along with the saves
        replace(source, target)

    monkeypatch.setattr(os, "replace", late_replace)
    state.save(opened.workdir, "cell", {"step": np.array(2)})
    assert not list((opened.workdir / "state").iterdir())


def test_drop_states_takes_all_there_is(opened):
    state.drop_all(opened.workdir)
    for name in ("cell", "cell-2"):
        state.save(opened.workdir, name, {"step": np.array(1)})
    (opened.workdir / "state/.cell-3.npz.0123.tmp").write_bytes(b"half")
    state.drop_all(opened.workdir)
    assert not list((opened.workdir / "state").iterdir())


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.prev", "a b"])
def test_a_state_name_is_a_plain_word(opened, name):
    with pytest.raises(files.StoreError, match="name="):
        state.save(opened.workdir, name, {})


@pytest.mark.parametrize("dtype", [object, [("x", int)], "V2"])
def test_state_that_would_not_come_back_is_refused(opened, dtype):
    with pytest.raises(files.StoreError, match=r"state cell, \.W: dtype"):
        state.save(opened.workdir, "cell", {".W": np.zeros(2, dtype)})
    assert state.load(opened.workdir, "cell") is None
