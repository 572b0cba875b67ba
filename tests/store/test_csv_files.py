"""Tables keep values and types, and are replaced whole or not at all."""

import errno
import os

import numpy as np
import pytest
from journals import one_line

from recall.store import csv_files, files


def test_tables_keep_values_and_types(tmp_path):
    values = [None, True, False, 0, -3, 10**20, 1.0, 0.1, -1e-300, 1e22, 2.5e-8]
    values += ["", "a", "1", "1.0", "-3", "123e4567", "true", "None", "nan", " 1 "]
    values += ['"', '"a"', "a,b", "a\nb", "a\r\nb", "é\u2028", "[1]", "{", "\ud800"]
    values += [[1, "a"], {"a": [None]}, "True", "1_000", "#", "\ufeff"]
    rows = [{"a": value, "b": i} for i, value in enumerate(values)]
    path = tmp_path / "new/folder/table.csv"
    csv_files.write(path, rows)
    back = csv_files.read(path)
    assert back == rows
    assert [type(row["a"]) for row in back] == [type(value) for value in values]
    csv_files.write(path, [{"a": value} for value in values])
    assert [row["a"] for row in csv_files.read(path)] == values


def test_a_table_reads_well(tmp_path):
    rows = [
        {"n": 3, "loss": np.float64(0.1), "stored": True},
        {"n": np.int64(4), "device": "cpu", "loss": None, "stored": False},
        {"loss": float("nan"), "device": "12e4"},
    ]
    path = tmp_path / "table.csv"
    csv_files.write(path, rows)
    assert path.read_bytes() == (
        b'n,loss,stored,device\n3,0.1,true,\n4,,false,cpu\n,NaN,,"""12e4"""\n'
    )
    csv_files.write(path, rows, columns=["device", "n"])
    assert path.read_text() == 'device,n\n,3\ncpu,4\n"""12e4""",\n'


def test_tables_from_elsewhere_are_read(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes('\ufeffn,x\r\n1,"a, b"\r\n\r\n2.5,\r\n'.encode())
    assert csv_files.read(path) == [{"n": 1, "x": "a, b"}, {"n": 2.5, "x": None}]


@pytest.mark.parametrize("text", [b"a,b\n1,2\n3\n", b"a\n1\n1,2\n", b'a\n1\n"""x"\n'])
def test_a_damaged_table_is_named(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_bytes(text)
    with pytest.raises(files.StoreError) as error:
        csv_files.read(path)
    assert f"{path}, line 3:" in one_line(error)


@pytest.mark.parametrize("text", [None, b"a\n\xff\n"])
def test_an_unreadable_table_is_named(tmp_path, text):
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(files.StoreError) as error:
        csv_files.read(path)
    assert str(path) in one_line(error)


def test_a_table_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    csv_files.write(path, [{"a": 1}])

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(files.StoreError) as error:
        csv_files.write(path, [{"a": 2}])
    assert "No space left" in one_line(error)
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]
    assert csv_files.read(path) == [{"a": 1}]
    with pytest.raises(files.StoreError, match="column a is a object"):
        csv_files.write(path, [{"a": object()}])
