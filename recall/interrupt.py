"""Ctrl-C and SIGTERM: the first finishes the chunk, the second ends at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(Exception):  # noqa: N818 (no error: somebody asked for it)
    """Raised between two chunks; its exit code is 130 or 143."""

    def __init__(self, number: int) -> None:
        """Remembers which signal came."""
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class Asked:
    """Whether somebody asked to stop."""

    number: int | None = None

    def check(self) -> None:
        """Raises Stopped if so."""
        if self.number is not None:
            raise Stopped(self.number)


@contextmanager
def listening() -> Iterator[Asked]:
    """Catches the first SIGINT or SIGTERM, and leaves the second its usual effect."""
    asked = Asked()
    usual = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        asked.number = number
        for each in usual:
            signal.signal(each, signal.SIG_DFL)
        # Not print: it fails if the signal came in the middle of another print.
        os.write(2, b"finishing the chunk; once more to stop at once.\n")

    for each in usual:
        signal.signal(each, note)
    try:
        yield asked
    finally:
        for each, handler in usual.items():
            signal.signal(each, handler)
