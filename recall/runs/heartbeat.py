"""Signs of life: the lanes that each process of a run works on, for whoever asks.

writers/<writer>.json    which lanes, and since when; touched every few seconds, and
                         removed by a process that ends as it should
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from recall.store import files, journal

BEAT_SECONDS = 5.0
FOLDER = "writers"


class Heartbeat:
    """The file in which one process says that it is alive, and at work on what."""

    def __init__(self, book: journal.Journal) -> None:
        """Writes that the process is there, at work on nothing yet."""
        self._path = book.workdir / FOLDER / f"{book.path.stem}.json"
        self._start = time.time()
        self._lanes: set[str] = set()
        self.claim(())

    def claim(self, lanes: Iterable[str], *, more: bool = False) -> None:
        """Writes which lanes it works on now; `more`: beside those written before."""
        self._lanes = set(lanes) | (self._lanes if more else set())
        sign = {"begun": self._start, "lanes": sorted(self._lanes)}
        with contextlib.suppress(files.StoreError):  # it is not worth a run
            files.write(self._path, json.dumps(sign).encode())

    def touch(self) -> None:
        """Shows that the process is alive."""
        with contextlib.suppress(OSError):
            os.utime(self._path)

    def end(self) -> None:
        """Removes the file: the process ends as it should."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def beat(heart: Heartbeat, ended: threading.Event) -> None:
    """Shows that a process is alive, again and again."""
    while not ended.wait(BEAT_SECONDS):
        heart.touch()


@contextlib.contextmanager
def beating(book: journal.Journal) -> Iterator[Heartbeat]:
    """Shows signs of life until the end."""
    heart, ended = Heartbeat(book), threading.Event()
    thread = threading.Thread(target=beat, args=(heart, ended), daemon=True)
    thread.start()
    try:
        yield heart
    finally:
        ended.set()
        thread.join()
        heart.end()


class Sign(NamedTuple):
    """The last sign of life of a process that has not said goodbye.

    Attributes:
        writer: host, process and a random number.
        lanes: digests of what it said it was working on.
        start: when it began, in seconds since 1970.
        seen: when it was last seen alive.
    """

    writer: str
    lanes: frozenset[str]
    start: float
    seen: float


def signs(workdir: Path) -> list[Sign]:
    """Reads the last signs of all processes; one being replaced may be missed."""
    signs = []
    for path in sorted((workdir / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            sign, seen = json.loads(path.read_bytes()), path.stat().st_mtime
            lanes = frozenset(sign["lanes"])
            signs.append(Sign(path.stem, lanes, sign["begun"], seen))
    return signs
