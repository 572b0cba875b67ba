"""Ctrl-C and SIGTERM: the first finishes the chunk, the second ends at once."""

import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818 (no error: a person or a scheduler wants it)
    """The end of a run between two chunks; its exit code is 130 or 143."""

    def __init__(self, number: int) -> None:
        """Remembers which signal came."""
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class StopRequest:
    """The number of the signal that came, if one did."""

    number: int | None = None

    def check(self) -> None:
        """Raises Stopped if a signal has come."""
        if self.number is not None:
            raise Stopped(self.number)


@contextmanager
def caught(grace: float = 0.0) -> Iterator[StopRequest]:
    """Catches the first SIGINT or SIGTERM, and leaves the second its usual effect.

    Args:
        grace: seconds after a SIGTERM until the process ends, done or not; 0 for
            however long the chunk takes.
    """
    request = StopRequest()
    usual = {s: signal.getsignal(s) for s in SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        request.number = number
        for each in usual:  # so that a second signal ends the process
            signal.signal(each, signal.SIG_DFL)
        # Not print: it fails if the signal came in the middle of another print.
        os.write(2, b"finishing the chunk; once more to stop at once.\n")

    for each in usual:
        signal.signal(each, note)
    try:
        with _watched(grace):
            yield request
    finally:
        for each, handler in usual.items():
            signal.signal(each, handler)


@contextmanager
def _watched(grace: float) -> Iterator[None]:
    """Has a thread see signals at once, whatever the main thread is busy with."""
    # Python's handlers run in the main thread, between two of its instructions, and a
    # chunk of a large batch is one: `note` waits until it returns.
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_watch, args=(reader, grace), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()
        thread.join()
        reader.close()


def _watch(reader: socket.socket, grace: float) -> None:
    """Ends the process after a SIGTERM and its grace, or a second signal."""
    first = _next_signal(reader, None)
    if first is None:
        return
    second = _next_signal(reader, grace if first == signal.SIGTERM and grace else None)
    if second == 0:
        os.write(2, b"the chunk has not ended in time; stopped.\n")
    if second is not None:
        os._exit(128 + (second or first))


def _next_signal(reader: socket.socket, seconds: float | None) -> int | None:
    """Awaits one of SIGNALS; 0 if the time is over, None once the socket is closed."""
    while True:
        if not select.select([reader], [], [], seconds)[0]:
            return 0
        byte = reader.recv(1)
        if not byte or byte[0] in SIGNALS:
            return byte[0] if byte else None
