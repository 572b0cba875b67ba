"""The journal's promise: what was acknowledged is there, once and whole, or an error.

Processes are killed with SIGKILL, which no handler sees. That shows what survives the
death of a process; what survives a power cut rests on fsync, checked call by call.
"""

import concurrent.futures
import errno
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import threading
import time

import ml_dtypes
import numpy as np
import pytest

from recall.store import journal

CONFIG = {"experiment": "mlp_capacity", "d": 32, "train": {"lr": 0.1, "seeds": [0, 1]}}


@pytest.fixture
def opened(tmp_path):
    return journal.open_journal(tmp_path / "run", CONFIG)


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def launch(script: str, *args: object) -> subprocess.Popen:
    root = pathlib.Path(journal.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process: subprocess.Popen, seconds: float) -> list[str]:
    """Kills a process some time after its first line; returns all its whole lines."""
    with process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    return [line for line in (first + rest).split("\n")[:-1] if line]


# Rows


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
    with pytest.raises(journal.JournalError) as error:
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
    with pytest.raises(journal.JournalError) as error:
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
    with pytest.raises(journal.JournalError) as error:
        journal.read_rows(opened.workdir)
    assert f"{opened.path}, line 2:" in one_line(error)
    assert "strings 'key' and 'kind'. Delete that line" in str(error.value)
    assert opened.path.read_bytes() == text


@pytest.fixture
def synced(monkeypatch):
    """The inodes that were synced so far, in order, and the writes between them."""
    events, write, fsync = [], os.write, os.fsync
    monkeypatch.setattr(
        os, "write", lambda fd, data: events.append("write") or write(fd, data)
    )
    monkeypatch.setattr(
        os, "fsync", lambda fd: events.append(os.fstat(fd).st_ino) or fsync(fd)
    )
    return events


def inodes(*paths: pathlib.Path) -> list[int]:
    return [path.stat().st_ino for path in paths]


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
    journal.save_state(opened, "cell", {"step": np.array(1)})
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
        with pytest.raises(journal.JournalError) as error:
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
    with pytest.raises(journal.JournalError) as error:
        journal.append(opened, [{"kind": "k", "key": "a"}])
    assert "open_journal in each" in one_line(error)
    assert not opened.path.exists()


# Processes

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


# Workdirs


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
    with pytest.raises(journal.JournalError) as error:
        journal.open_journal(opened.workdir, {**CONFIG, **change})
    assert message in one_line(error)
    assert str(opened.workdir) in str(error.value)
    assert str(error.value).endswith("--workdir, or the config of this one.")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_config_is_refused(opened, text):
    (opened.workdir / "config.json").write_text(text)
    with pytest.raises(journal.JournalError) as error:
        journal.open_journal(opened.workdir, CONFIG)
    assert "config.json is damaged; delete that file alone" in one_line(error)
    (opened.workdir / "config.json").unlink()
    journal.open_journal(opened.workdir, CONFIG)


@pytest.mark.parametrize("below", [".", "sub", "sub/sub"])
def test_a_workdir_at_or_below_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(journal.JournalError) as error:
        journal.open_journal(tmp_path / "file" / below, CONFIG)
    assert str(tmp_path / "file") in one_line(error)


def test_a_workdir_that_takes_no_bytes_is_refused_on_rejoining_too(opened, monkeypatch):
    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(journal.JournalError) as error:
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
    with pytest.raises(journal.JournalError, match="d is 1 there, 2 here"):
        journal.open_journal(tmp_path, {"d": 2})


def test_of_many_configs_at_once_one_wins(tmp_path):
    """Equal ones would all succeed; with eight that differ, seven must be told."""
    barrier = threading.Barrier(8)

    def attempt(workdir: pathlib.Path, d: int) -> bool:
        barrier.wait()
        try:
            journal.open_journal(workdir, {"d": d})
        except journal.JournalError:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for race in range(10):
            wins = list(pool.map(attempt, [tmp_path / str(race)] * 8, range(8)))
            assert sum(wins) == 1


# State


def test_state_comes_back_with_dtypes_and_shapes(opened):
    arrays = {
        ".params.W": np.arange(6, dtype=np.float32).reshape(2, 3),
        ".opt_state[0].count": np.array(3, np.int32),
        "['stored']": np.array([True, False]),
        ".empty": np.zeros((0, 4), np.uint32),
    }
    assert journal.load_state(opened, "cell") is None
    journal.save_state(opened, "cell", arrays)
    back = journal.load_state(opened, "cell")
    assert back is not None
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array, strict=True)


def saved(opened: journal.Journal) -> int | None:
    state = journal.load_state(opened, "cell")
    return None if state is None else int(state["step"])


def test_damage_falls_back_to_the_save_before(opened):
    """Every truncation and every flipped byte is noticed, or harmless."""
    for step in (1, 2):
        journal.save_state(opened, "cell", {"step": np.array(step)})
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
        journal.save_state(opened, "cell", {"step": np.array(step)})
    replace, moves = os.replace, []

    def die(source, target):
        if len(moves) == death:
            raise KeyboardInterrupt
        moves.append(target)
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            journal.save_state(opened, "cell", {"step": np.array(3)})
    assert saved(opened) == 2
    journal.save_state(opened, "cell", {"step": np.array(4)})
    assert saved(opened) == 4


SAVER = """
import sys
import numpy as np
from recall.store import journal
opened = journal.open_journal(sys.argv[1], {})
state = journal.load_state(opened, "cell")
step = 0 if state is None else int(state["a"][0])
while True:
    step += 1
    array = np.full(10**5, step)
    journal.save_state(opened, "cell", {"a": array, "b": array})
    print(step, flush=True)
"""


def test_kills_leave_the_last_acknowledged_save_or_a_later_one(tmp_path):
    last = 0
    for pause in (0.02, 0.05, 0.08):
        last = int(kill_after(launch(SAVER, tmp_path), pause)[-1])
        opened = journal.open_journal(tmp_path, {})
        state = journal.load_state(opened, "cell")
        assert state is not None
        step = int(state["a"][0])
        assert last <= step <= last + 1
        np.testing.assert_array_equal(state["a"], np.full(10**5, step))
        np.testing.assert_array_equal(state["b"], np.full(10**5, step))
    assert last >= 3


def test_a_full_disk_keeps_both_saves(opened, monkeypatch):
    for step in (1, 2):
        journal.save_state(opened, "cell", {"step": np.array(step)})
    files = {p.name: p.read_bytes() for p in (opened.workdir / "state").iterdir()}

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(journal.JournalError) as error:
        journal.save_state(opened, "cell", {"step": np.array(3)})
    assert "No space left" in one_line(error)
    now = {p.name: p.read_bytes() for p in (opened.workdir / "state").iterdir()}
    assert now == files


def test_drop_takes_both_saves_and_leftovers_of_this_cell_only(opened):
    for name in ("cell", "cell-2"):
        for step in (1, 2):
            journal.save_state(opened, name, {"step": np.array(step)})
        (opened.workdir / f"state/.{name}.npz.0123.tmp").write_bytes(b"half")
    journal.drop_state(opened, "cell")
    journal.drop_state(opened, "cell")
    assert journal.load_state(opened, "cell") is None
    assert journal.load_state(opened, "cell-2") is not None
    left = sorted(path.name for path in (opened.workdir / "state").iterdir())
    assert left == [".cell-2.npz.0123.tmp", "cell-2.npz", "cell-2.prev.npz"]


def test_a_save_of_a_cell_that_another_process_finishes_is_no_failure(
    opened, monkeypatch
):
    other = journal.open_journal(opened.workdir, CONFIG)
    journal.save_state(opened, "cell", {"step": np.array(1)})
    replace = os.replace

    def late_replace(source, target):
        journal.drop_state(other, "cell")  # what was just staged along with the saves
        replace(source, target)

    monkeypatch.setattr(os, "replace", late_replace)
    journal.save_state(opened, "cell", {"step": np.array(2)})
    assert not list((opened.workdir / "state").iterdir())


def test_drop_states_takes_all_there_is(opened):
    journal.drop_states(opened.workdir)
    for name in ("cell", "cell-2"):
        journal.save_state(opened, name, {"step": np.array(1)})
    (opened.workdir / "state/.cell-3.npz.0123.tmp").write_bytes(b"half")
    journal.drop_states(opened.workdir)
    assert not list((opened.workdir / "state").iterdir())


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.prev", "a b"])
def test_a_state_name_is_a_plain_word(opened, name):
    with pytest.raises(journal.JournalError, match="name="):
        journal.save_state(opened, name, {})


@pytest.mark.parametrize("dtype", [object, [("x", int)], "V2"])
def test_state_that_would_not_come_back_is_refused(opened, dtype):
    with pytest.raises(journal.JournalError, match=r"state cell, \.W: dtype"):
        journal.save_state(opened, "cell", {".W": np.zeros(2, dtype)})
    assert journal.load_state(opened, "cell") is None


# Tables


def test_tables_keep_values_and_types(tmp_path):
    values = [None, True, False, 0, -3, 10**20, 1.0, 0.1, -1e-300, 1e22, 2.5e-8]
    values += ["", "a", "1", "1.0", "-3", "123e4567", "true", "None", "nan", " 1 "]
    values += ['"', '"a"', "a,b", "a\nb", "a\r\nb", "é\u2028", "[1]", "{", "\ud800"]
    values += [[1, "a"], {"a": [None]}, "True", "1_000", "#", "\ufeff"]
    rows = [{"a": value, "b": i} for i, value in enumerate(values)]
    path = tmp_path / "new/folder/table.csv"
    journal.write_csv(path, rows)
    back = journal.read_csv(path)
    assert back == rows
    assert [type(row["a"]) for row in back] == [type(value) for value in values]
    journal.write_csv(path, [{"a": value} for value in values])
    assert [row["a"] for row in journal.read_csv(path)] == values


def test_a_table_reads_well(tmp_path):
    rows = [
        {"n": 3, "loss": np.float64(0.1), "stored": True},
        {"n": np.int64(4), "device": "cpu", "loss": None, "stored": False},
        {"loss": float("nan"), "device": "12e4"},
    ]
    path = tmp_path / "table.csv"
    journal.write_csv(path, rows)
    assert path.read_bytes() == (
        b'n,loss,stored,device\n3,0.1,true,\n4,,false,cpu\n,NaN,,"""12e4"""\n'
    )
    journal.write_csv(path, rows, columns=["device", "n"])
    assert path.read_text() == 'device,n\n,3\ncpu,4\n"""12e4""",\n'


def test_tables_from_elsewhere_are_read(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes('\ufeffn,x\r\n1,"a, b"\r\n\r\n2.5,\r\n'.encode())
    assert journal.read_csv(path) == [{"n": 1, "x": "a, b"}, {"n": 2.5, "x": None}]


@pytest.mark.parametrize("text", [b"a,b\n1,2\n3\n", b"a\n1\n1,2\n", b'a\n1\n"""x"\n'])
def test_a_damaged_table_is_named(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_bytes(text)
    with pytest.raises(journal.JournalError) as error:
        journal.read_csv(path)
    assert f"{path}, line 3:" in one_line(error)


@pytest.mark.parametrize("text", [None, b"a\n\xff\n"])
def test_an_unreadable_table_is_named(tmp_path, text):
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(journal.JournalError) as error:
        journal.read_csv(path)
    assert str(path) in one_line(error)


def test_a_table_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    journal.write_csv(path, [{"a": 1}])

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(journal.JournalError) as error:
        journal.write_csv(path, [{"a": 2}])
    assert "No space left" in one_line(error)
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]
    assert journal.read_csv(path) == [{"a": 1}]
    with pytest.raises(journal.JournalError, match="column a is a object"):
        journal.write_csv(path, [{"a": object()}])
