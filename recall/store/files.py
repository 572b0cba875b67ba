"""Files that are replaced at once and survive a kill: no reader sees half of one."""

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO


class StoreError(ValueError):
    """One line: which file or field is wrong, its value, and what is allowed."""


def write(path: Path, data: bytes) -> None:
    """Replaces a file at once.

    Raises:
        StoreError: if it cannot be written.
    """
    with reported("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with staged(path, lambda file: file.write(data)) as temporary:
            os.replace(temporary, path)


def publish(path: Path, data: bytes) -> None:
    """Puts a file in place unless one is there, whoever else tries at this moment."""
    with staged(path, lambda file: file.write(data)) as temporary:
        try:
            os.link(temporary, path)  # unlike a rename, it fails if there is one
        except OSError:  # there is one, or this mount knows no hard links
            if not path.exists():
                os.replace(temporary, path)
    sync_folder(path.parent)


@contextlib.contextmanager
def staged(path: Path, write: Callable[[IO[bytes]], object]) -> Iterator[Path]:
    """Yields a durable file beside path, to be moved there; else it is removed."""
    # In the same folder: a rename is atomic within one file system only.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())  # else the name may reach the disk before the bytes
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder durable, where the file system can do that."""
    try:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        # Network mounts refuse to sync a folder; their rows are no worse for it.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES):
            raise


@contextlib.contextmanager
def reported(action: str, path: str | Path) -> Iterator[None]:
    """Turns an OSError into a StoreError of one line."""
    try:
        yield
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            f"Cannot {action} {path}: {reason}; expected a place that can be read and "
            "written, on a disk that is not full."
        ) from error
