"""Results on disk: rows that survive a kill, state of unfinished batches, small tables.

config.json           the config that all writers of this workdir agree on
rows/<writer>.jsonl   append-only, one file per process: no file has two writers
state/<name>.npz      an unfinished batch; `<name>.prev.npz` is one save older
"""

import contextlib
import csv
import errno
import hashlib
import io
import json
import math
import os
import re
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np


class JournalError(ValueError):
    """One line: which file or field is wrong, its value, and what is allowed."""


class Journal(NamedTuple):
    """A workdir as one process sees it; only that process appends through it.

    Attributes:
        workdir: the folder of the run.
        path: this process' own file of rows, made by its first append.
    """

    workdir: Path
    path: Path


def open_journal(workdir: str | Path, config: Mapping[str, Any]) -> Journal:
    """Makes or rejoins a workdir, or raises JournalError if it cannot be used.

    Any number of processes may open one workdir at once: the first to publish its
    config wins, and the others go on if theirs is equal.
    """
    workdir, settings = Path(workdir), _plain(config, "config", nonfinite=repr)
    document = {"config": settings, "hash": digest(settings)}
    text = json.dumps(document, sort_keys=True, indent=2) + "\n"
    with _reported("write in workdir", workdir):
        for folder in ("rows", "state"):
            (workdir / folder).mkdir(parents=True, exist_ok=True)
        _publish(workdir / "config.json", text.encode())
        _sync_folder(workdir.parent)
    _check_same_config(workdir, settings)
    host = re.sub(r"[^\w.-]", "_", socket.gethostname())
    writer = f"{host}-{os.getpid()}-{secrets.token_hex(4)}"
    return Journal(workdir=workdir, path=workdir / "rows" / f"{writer}.jsonl")


def digest(settings: Mapping[str, Any]) -> str:
    """Returns 16 hexadecimal digits that name these settings, in whatever order."""
    plain = _plain(settings, "settings", nonfinite=repr)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def append(journal: Journal, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds rows with strings `key` and `kind`; they are on disk once this returns.

    A non-finite number is stored as null, and its row gets `finite: false`. If the
    batch cannot be written whole, none of it stays and JournalError is raised.
    """
    if journal.path.name.split("-")[-2] != str(os.getpid()):
        raise JournalError(f"{journal.path} is another process'; open_journal in each.")
    batch = "".join(_line(row) for row in rows).encode()
    if not batch:
        return
    with _reported("append to", journal.path):
        fd = os.open(journal.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(fd).st_size
            _write_or_restore(fd, batch, size)
        finally:
            os.close(fd)
        if size == 0:
            _sync_folder(journal.path.parent)


def read_rows(workdir: str | Path) -> list[dict[str, Any]]:
    """Returns the rows of all writers, files by name; the first row of a key wins.

    A last line without its newline was never acknowledged (its writer was killed, or
    is writing it now) and is skipped; any other damage raises JournalError.
    """
    if not Path(workdir).is_dir():
        raise JournalError(f"workdir {workdir} is not a folder; expected a run's.")
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(Path(workdir, "rows").glob("*.jsonl")):
        for row in _whole_rows(path):
            rows.setdefault(row["key"], row)
    return list(rows.values())


def rows_by_writer(workdir: Path) -> dict[str, tuple[list[dict[str, Any]], float]]:
    """The rows of each writer, and when it wrote the last, in seconds since 1970."""
    found = sorted((workdir / "rows").glob("*.jsonl"))
    return {p.stem: (list(_whole_rows(p)), p.stat().st_mtime) for p in found}


def read_config(workdir: Path) -> dict[str, Any]:
    """The config of a run.

    Raises:
        JournalError: if the folder holds none, or it is damaged.
    """
    path = workdir / "config.json"
    if not path.exists():
        raise JournalError(
            f"Expected workdir to be the folder of a run; got {workdir}, where "
            "config.json is missing."
        )
    with _reported("read config", path):
        text = path.read_bytes()
    try:
        return dict(json.loads(text)["config"])
    except (ValueError, KeyError, TypeError):
        raise JournalError(
            f"{path} is damaged; delete that file alone, and the command of the run "
            "writes it again: its rows stay."
        ) from None


def save_state(journal: Journal, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Saves the arrays of an unfinished batch, and keeps the save before this one."""
    newest, previous = _state_paths(journal, name)
    fields = dict[str, Any](arrays)
    for field, array in fields.items():
        if array.dtype.kind not in "biufcSU":  # bfloat16 would come back as bytes
            raise JournalError(
                f"state {name}, {field}: dtype {array.dtype}; expected one of numpy's "
                "own (view others as unsigned integers)."
            )
    with _reported("save state", newest):
        with _staged(newest, lambda file: np.savez(file, **fields)) as staged:
            with contextlib.suppress(FileNotFoundError):
                os.replace(newest, previous)
            # Another process that finished this batch may have dropped what was staged.
            with contextlib.suppress(FileNotFoundError):
                os.replace(staged, newest)
        _sync_folder(newest.parent)


def load_state(journal: Journal, name: str) -> dict[str, np.ndarray] | None:
    """Returns the newest readable save, or None."""
    for path in _state_paths(journal, name):
        # Damage shows as any of a dozen exceptions; all mean: this is not a save.
        with contextlib.suppress(Exception), open(path, "rb") as file:
            archive = np.load(file)
            return {field: archive[field] for field in archive.files}
    return None


def drop_state(journal: Journal, name: str) -> None:
    """Removes the saves of a finished batch, and what killed saves left behind."""
    newest, previous = _state_paths(journal, name)
    with _reported("drop state", newest):
        for path in [*newest.parent.glob(f".{newest.name}.*.tmp"), previous, newest]:
            path.unlink(missing_ok=True)


def drop_states(workdir: Path) -> None:
    """Removes all saves: of a run that is finished, whoever made them."""
    folder = workdir / "state"
    with _reported("drop states", folder):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)


def write_csv(
    path: str | Path,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
) -> None:
    """Replaces a table at once; columns default to the order of first appearance.

    An empty cell is None. Lists, and strings that look like another type, are JSON.
    """
    path = Path(path)
    columns = columns or list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows([_cell(row.get(name), name) for name in columns] for row in rows)
    write_file(path, text.getvalue().encode())


def write_file(path: Path, data: bytes) -> None:
    """Replaces a file at once.

    Raises:
        JournalError: if it cannot be written.
    """
    with _reported("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _staged(path, lambda file: file.write(data)) as staged:
            os.replace(staged, path)


def read_csv(path: str | Path) -> list[dict[str, Any]]:
    """Returns the rows of a table, each cell with the type it was written with."""
    with _reported("read table", path):
        lines = csv.reader(io.StringIO(Path(path).read_text("utf-8-sig")))
    try:
        names = next(lines, [])
        return [dict(zip(names, map(_value, r), strict=True)) for r in lines if r]
    except (csv.Error, ValueError) as error:
        raise JournalError(
            f"{path}, line {lines.line_num}: {error}; expected one cell a column."
        ) from error


def _plain(value: Any, field: str, *, nonfinite: Callable[[float], Any]) -> Any:
    """Returns value in JSON's types, numpy and JAX scalars and arrays included."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else nonfinite(float(value))
    if isinstance(value, Mapping):
        items = ((str(name), child) for name, child in value.items())
        return {n: _plain(v, f"{field}.{n}", nonfinite=nonfinite) for n, v in items}
    if isinstance(value, list | tuple):
        return [_plain(child, field, nonfinite=nonfinite) for child in value]
    with contextlib.suppress(TypeError, ValueError):
        array = np.asarray(value)
        if array.dtype.kind in "fV":  # bfloat16 is of kind V
            array = array.astype(np.float64)
        if array.dtype.kind in "biufU":
            return _plain(array.tolist(), field, nonfinite=nonfinite)
    raise JournalError(
        f"{field} is a {type(value).__name__}; expected None, bool, int, float, str, "
        "or lists, mappings and arrays of these."
    )


def _line(row: Mapping[str, Any]) -> str:
    for name in ("key", "kind"):
        if not isinstance(row.get(name), str) or not row[name]:
            got = f"row {name}={row.get(name)!r}"
            raise JournalError(f"{got}; expected a string that is not empty.")
    lost: list[float] = []
    plain = _plain(row, f"row {row['key']!r}", nonfinite=lost.append)
    if lost:
        plain["finite"] = False
    return json.dumps(plain, allow_nan=False) + "\n"


def _write_or_restore(fd: int, data: bytes, size: int) -> None:
    """Writes data durably, or cuts the file back to its size and raises."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    except BaseException:
        os.ftruncate(fd, size)
        raise


def _whole_rows(path: Path) -> Iterator[dict[str, Any]]:
    with _reported("read rows", path):
        lines = path.read_bytes().split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not all(
            isinstance(row.get(name), str) for name in ("key", "kind")
        ):
            raise JournalError(
                f"{path}, line {number}: {line!r:.60} is damaged; expected an object "
                "with strings 'key' and 'kind'. Delete that line and run again: a "
                "search or lane whose last row it was ('capacity', 'run') is run "
                "again; any other row may stay missing from the record."
            )
        yield row


def _check_same_config(workdir: Path, settings: dict[str, Any]) -> None:
    there, here = dict(_leaves(read_config(workdir))), dict(_leaves(settings))
    for field in sorted(there.keys() | here.keys()):
        old, new = there.get(field, "absent"), here.get(field, "absent")
        if old != new:
            raise JournalError(
                f"workdir {workdir} holds another config: {field} is {old} there, "
                f"{new} here; choose another --workdir, or the config of this one."
            )


def _leaves(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Yields (dotted name, JSON text) pairs: 1, 1.0 and true are different texts."""
    if not isinstance(value, dict | list) or not value:
        yield field or "config", json.dumps(value)
        return
    for name, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(child, f"{field}.{name}" if field else str(name))


def _cell(value: Any, column: str) -> str:
    value = _plain(value, f"column {column}", nonfinite=float)
    if value is None:
        return ""
    if isinstance(value, str) and value.isprintable() and value[:1] not in '"[{':
        return value if _value(value) == value else json.dumps(value)
    return json.dumps(value)


def _value(cell: str) -> Any:
    if not cell:
        return None
    if cell in ("true", "false") or cell[0] in '"[{':
        return json.loads(cell)
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(cell)
    return cell


def _state_paths(journal: Journal, name: str) -> tuple[Path, Path]:
    if not re.fullmatch(r"[\w=+-]+", name):
        raise JournalError(f"state name={name!r}; expected letters, digits, _ = + -.")
    folder = journal.workdir / "state"
    return folder / f"{name}.npz", folder / f"{name}.prev.npz"


def _publish(path: Path, data: bytes) -> None:
    """Puts a file in place unless one is there; no reader ever sees half of it."""
    with _staged(path, lambda file: file.write(data)) as staged:
        try:
            os.link(staged, path)
        except OSError:  # there is one, or this mount knows no hard links
            if not path.exists():
                os.replace(staged, path)
    _sync_folder(path.parent)


@contextlib.contextmanager
def _staged(path: Path, write: Callable[[IO[bytes]], object]) -> Iterator[Path]:
    """Yields a durable file beside path, to be moved there; else it is removed."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(staged, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        yield staged
    finally:
        staged.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Makes new names in a folder durable, where the file system can do that."""
    try:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES):
            raise


@contextlib.contextmanager
def _reported(action: str, path: str | Path) -> Iterator[None]:
    """Turns an OSError into one line."""
    try:
        yield
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise JournalError(
            f"Cannot {action} {path}: {reason}; expected a place that can be read and "
            "written, on a disk that is not full."
        ) from error
