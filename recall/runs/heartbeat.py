"""Heartbeats: a file a process that names the lanes it works on, for any reader.

writers/<writer>.json    lanes, and since when; touched every few seconds, and removed
                         by a process that ends as it should
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from recall.store import files, journal

BEAT_SECONDS = 5.0
FOLDER = "writers"


class Heartbeat:
    """The file of one process, kept fresh by a thread until it is closed."""

    def __init__(self, book: journal.Journal) -> None:
        """Writes that the process is there, at work on nothing yet."""
        self._path = book.workdir / FOLDER / f"{book.path.stem}.json"
        self._start, self._closed = time.time(), threading.Event()
        self._lanes: set[str] = set()
        self.claim(())
        # A daemon: a worker of a cluster is never told that it was its last unit.
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def claim(self, lanes: Iterable[str], *, more: bool = False) -> None:
        """Writes which lanes it works on now; `more`: beside those written before."""
        self._lanes = set(lanes) | (self._lanes if more else set())
        document = {"start": self._start, "lanes": sorted(self._lanes)}
        with contextlib.suppress(files.StoreError):  # it is not worth a run
            files.write(self._path, json.dumps(document).encode())

    def close(self) -> None:
        """Removes the file: the process ends as it should."""
        self._closed.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            # A time stamp and no byte: full disks and slow mounts let it through.
            with contextlib.suppress(OSError):
                os.utime(self._path)


class Beat(NamedTuple):
    """The last heartbeat of a process that has not ended as it should.

    Attributes:
        writer: host, process and a random number.
        lanes: digests of the lanes that it worked on.
        start: the time at which it began, in seconds since 1970.
        seen: the time of its last heartbeat, likewise.
    """

    writer: str
    lanes: frozenset[str]
    start: float
    seen: float


def read(workdir: Path) -> list[Beat]:
    """Reads the last heartbeats of all processes; one being replaced may be missed."""
    beats = []
    for path in sorted((workdir / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            document, seen = json.loads(path.read_bytes()), path.stat().st_mtime
            lanes = frozenset(document["lanes"])
            beats.append(Beat(path.stem, lanes, document["start"], seen))
    return beats
