"""Signs of life: what each process of a run is working on, for whoever asks.

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

from recall.store import journal

BEAT_SECONDS = 5.0
FOLDER = "writers"


class Heartbeat:
    """What one process says it is doing."""

    def __init__(self, book: journal.Journal) -> None:
        """Says that it is there."""
        self._path = book.workdir / FOLDER / f"{book.path.stem}.json"
        self._begun = time.time()
        self._lanes: set[str] = set()
        self.claim(())

    def claim(self, lanes: Iterable[str], *, more: bool = False) -> None:
        """Says which lanes it works on now; `more`: beside those it said before."""
        self._lanes = set(lanes) | (self._lanes if more else set())
        told = {"begun": self._begun, "lanes": sorted(self._lanes)}
        with contextlib.suppress(journal.JournalError):  # it is not worth a run
            journal.write_file(self._path, json.dumps(told).encode())

    def touch(self) -> None:
        """Shows that it is alive."""
        with contextlib.suppress(OSError):
            os.utime(self._path)

    def end(self) -> None:
        """Says goodbye."""
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
        lanes: what it said it was working on.
        begun: when it began, in seconds since 1970.
        seen: when it was last seen alive.
    """

    writer: str
    lanes: frozenset[str]
    begun: float
    seen: float


def signs(workdir: Path) -> list[Sign]:
    """The last signs of all processes; one that is being replaced may be missed."""
    found = []
    for path in sorted((workdir / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError):
            told, seen = json.loads(path.read_bytes()), path.stat().st_mtime
            lanes = frozenset(told["lanes"])
            found.append(Sign(path.stem, lanes, told["begun"], seen))
    return found
