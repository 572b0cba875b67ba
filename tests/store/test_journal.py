"""The journal's promise: what was acknowledged is there, once and whole, or an error.

Processes are killed with SIGKILL, which no handler sees. That shows what survives the
death of a process; what survives a power cut rests on fsync, checked call by call.
"""

import errno
import json
import os
import pathlib
import stat

import ml_dtypes
import numpy as np
import pytest
from journals import CONFIG, inodes, kill_after, launch, one_line

from recall.store import files, journal, state


def test_rows_come_back_as_they_went(opened):
    rows = [
        {
            "kind": "k",
            "key": "a",
            "n": 3,
            "accuracy": 0.1,
            "stored": True,
            "note": None,
        },
        {"kind": "k", "key": "b", "settings": {"d": 2, "name": "é\n"}, "finite": True},
    ]
    journal.append(opened, rows[:1])
    journal.append(opened, [])
    journal.append(opened, rows[1:])
    assert journal.read_rows(opened.workdir) == rows


def test_no_file_before_the_first_row(opened):
    journal.append(opened, [])
    assert not opened.path.exists()
    assert journal.read_rows(opened.workdir) == []


def test_rows_of_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(files.StoreError) as error:
        journal.read_rows(tmp_path / "typo")
    assert "typo" in one_line(error)


def test_numpy_values_become_numbers(opened):
    row = {
        "kind": "k",
        "key": "a",
        "n": np.int32(3),
        "stored": np.bool_(True),
        "loss": np.float32(0.5),
        "wide": np.longdouble(0.5),
        "narrow": ml_dtypes.bfloat16(0.5),
        "trace": np.array([[1.0, 2.0]]),
        "zero_dim": np.array(4),
    }
    journal.append(opened, [row])
    (back,) = journal.read_rows(opened.workdir)
    assert back == {
        "kind": "k",
        "key": "a",
        "n": 3,
        "stored": True,
        "loss": 0.5,
        "wide": 0.5,
        "narrow": 0.5,
        "trace": [[1.0, 2.0]],
        "zero_dim": 4,
    }
    assert type(back["stored"]) is bool


@pytest.mark.parametrize(
    "value", [float("nan"), np.float32("inf"), np.array(-np.inf), np.longdouble("nan")]
)
def test_a_non_finite_number_is_null_and_says_so(opened, value):
    journal.append(opened, [{"kind": "k", "key": "a", "loss": value, "finite": True}])
    journal.append(opened, [{"kind": "k", "key": "b", "trace": [1.0, [value]]}])
    assert journal.read_rows(opened.workdir) == [
        {"kind": "k", "key": "a", "loss": None, "finite": False},
        {"kind": "k", "key": "b", "trace": [1.0, [None]], "finite": False},
    ]


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"n": 1}, "key=None"),
        ({"kind": "k", "key": 3}, "key=3"),
        ({"kind": "k", "key": ""}, "key=''"),
        ({"key": "a"}, "kind=None"),
        ({"kind": "k", "key": "a", "when": {"x": object()}}, "when.x is a object"),
        ({"kind": "k", "key": "a", "z": np.complex64(1)}, "z is a complex64"),
    ],
)
def test_a_row_that_cannot_be_stored_takes_its_batch_with_it(opened, row, names):
    with pytest.raises(files.StoreError) as error:
        journal.append(opened, [{"kind": "k", "key": "good"}, row])
    assert names in one_line(error)
    assert not opened.path.exists()


def test_the_first_row_of_a_key_wins_files_by_name(opened):
    journal.append(
        opened, [{"kind": "k", "key": "a", "v": 1}, {"kind": "k", "key": "a", "v": 2}]
    )
    journal.append(
        opened, [{"kind": "k", "key": "a", "v": 3}, {"kind": "k", "key": "b", "v": 4}]
    )
    rows = opened.path.parent
    (rows / "~last.jsonl").write_text(
        '{"kind": "k", "key": "b", "v": 5}\n{"kind": "k", "key": "c", "v": 6}\n'
    )
    (rows / "!first.jsonl").write_text('{"kind": "k", "key": "c", "v": 7}\n')
    found = {row["key"]: row["v"] for row in journal.read_rows(opened.workdir)}
    assert found == {"a": 1, "b": 4, "c": 7}


def test_a_torn_tail_is_skipped_and_the_run_goes_on(opened):
    journal.append(opened, [{"kind": "k", "key": "a"}, {"kind": "k", "key": "b"}])
    with open(opened.path, "a") as file:
        file.write('{"kind": "k", "key": "c"}')  # valid, but its newline never came
    assert journal.read_rows(opened.workdir) == [
        {"kind": "k", "key": "a"},
        {"kind": "k", "key": "b"},
    ]
    again = journal.open_journal(opened.workdir, CONFIG)
    journal.append(again, [{"kind": "k", "key": "c", "again": True}])
    rows = {row["key"]: row for row in journal.read_rows(opened.workdir)}
    assert rows == {
        "a": {"kind": "k", "key": "a"},
        "b": {"kind": "k", "key": "b"},
        "c": {"kind": "k", "key": "c", "again": True},
    }


@pytest.mark.parametrize(
    "damage",
    [
        b'{"kind": "k", "key": "b", "v',
        b"[1]",
        b'{"v": 1}',
        b'{"kind": "k", "key": 1}',
        b'{"key": "b"}',
        b"",
        b"\xff\x00",
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_deleted(opened, damage):
    text = b'{"kind": "k", "key": "a"}\n' + damage + b'\n{"kind": "k", "key": "c"}\n'
    opened.path.write_bytes(text)
    with pytest.raises(files.StoreError) as error:
        journal.read_rows(opened.workdir)
    assert f"{opened.path}, line 2:" in one_line(error)
    assert "strings 'key' and 'kind'. Delete that line" in str(error.value)
    assert opened.path.read_bytes() == text


def test_an_append_is_synced_before_it_returns(opened, synced):
    journal.append(opened, [{"kind": "k", "key": "a"}, {"kind": "k", "key": "b"}])
    assert synced == ["write", *inodes(opened.path, opened.path.parent)]
    del synced[:]
    journal.append(opened, [{"kind": "k", "key": "c"}])
    assert synced == ["write", *inodes(opened.path)]


def test_a_workdir_and_a_state_are_synced_with_their_folders(tmp_path, synced):
    opened = journal.open_journal(tmp_path / "run", CONFIG)
    folder = opened.workdir
    assert synced == inodes(folder / "config.json", folder, tmp_path)
    del synced[:]
    state.save(opened.workdir, "cell", {"step": np.array(1)})
    assert synced == inodes(folder / "state/cell.npz", folder / "state")


def test_folders_that_cannot_be_synced_are_no_error(opened, monkeypatch):
    fsync = os.fsync

    def files_only(fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", files_only)
    journal.append(opened, [{"kind": "k", "key": "a"}])
    assert journal.read_rows(opened.workdir) == [{"kind": "k", "key": "a"}]


def test_short_writes_are_continued(opened, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    rows = [{"kind": "k", "key": str(i)} for i in range(5)]
    journal.append(opened, rows)
    assert journal.read_rows(opened.workdir) == rows


@pytest.mark.parametrize("broken", ["write", "fsync"])
def test_a_full_disk_leaves_no_part_of_the_batch(opened, monkeypatch, broken):
    journal.append(opened, [{"kind": "k", "key": "a"}])
    before = opened.path.read_bytes()
    write = os.write

    def half_then_full(fd, data):
        if len(data) < 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data[: len(data) // 2])

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, broken, half_then_full if broken == "write" else full)
        with pytest.raises(files.StoreError) as error:
            journal.append(
                opened,
                [{"kind": "k", "key": "b"}, {"kind": "k", "key": "c", "pad": "x" * 50}],
            )
    assert "No space left" in one_line(error)
    assert str(opened.path) in str(error.value)
    assert opened.path.read_bytes() == before
    journal.append(opened, [{"kind": "k", "key": "d"}])
    assert journal.read_rows(opened.workdir) == [
        {"kind": "k", "key": "a"},
        {"kind": "k", "key": "d"},
    ]


def test_a_journal_stays_in_its_process(opened, monkeypatch):
    """Two writers of one file could cut each other's rows when a disk is full."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(files.StoreError) as error:
        journal.append(opened, [{"kind": "k", "key": "a"}])
    assert "open_journal in each" in one_line(error)
    assert not opened.path.exists()


WRITER = """
import sys
from recall.store import journal
workdir, prefix, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
opened = journal.open_journal(workdir, {"d": 32})
done = {row["key"] for row in journal.read_rows(workdir)}
todo = [key for i in range(count) if (key := f"{prefix}{i}") not in done]
for at in range(0, len(todo), 3):
    batch = todo[at : at + 3]
    rows = [{"kind": "k", "key": key, "pad": "x" * 3000} for key in batch]
    journal.append(opened, rows)
    print(*batch, flush=True)
"""


def keys_on_disk(workdir: pathlib.Path) -> list[str]:
    """Every whole line's key, repeats included."""
    files = sorted((workdir / "rows").glob("*.jsonl"))
    lines = [line for file in files for line in file.read_bytes().split(b"\n")[:-1]]
    return [json.loads(line)["key"] for line in lines]


def test_two_processes_share_a_new_workdir(tmp_path):
    writers = [launch(WRITER, tmp_path / "run", prefix, 60) for prefix in "ab"]
    acknowledged = " ".join(writer.communicate()[0] for writer in writers).split()
    assert [writer.returncode for writer in writers] == [0, 0]
    expected = sorted(f"{prefix}{i}" for prefix in "ab" for i in range(60))
    assert sorted(acknowledged) == expected
    assert sorted(keys_on_disk(tmp_path / "run")) == expected
    assert sorted(r["key"] for r in journal.read_rows(tmp_path / "run")) == expected
    assert len(list((tmp_path / "run/rows").iterdir())) == 2


def test_twelve_kills_lose_no_acknowledged_row_and_repeat_none(tmp_path):
    pauses = np.random.default_rng(0).uniform(0.0, 0.04, size=12)
    acknowledged = []
    for pause in pauses:
        lines = kill_after(launch(WRITER, tmp_path, "r", 10**5), pause)
        acknowledged += " ".join(lines).split()
    assert len(acknowledged) >= 36
    on_disk = keys_on_disk(tmp_path)
    assert len(set(on_disk)) == len(on_disk)
    assert set(acknowledged) <= set(on_disk)
    assert sorted(r["key"] for r in journal.read_rows(tmp_path)) == sorted(on_disk)
