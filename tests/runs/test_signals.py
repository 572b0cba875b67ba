"""Signals are seen while the main thread is inside a program, as it mostly is."""

import signal
import subprocess
import sys
import time

import pytest

# `pbkdf2_hmac` releases the lock of Python and does not return: as a long chunk does.
CHUNK = """
import hashlib
from recall.runs import signals
with signals.caught({grace}):
    print("listening", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def end(grace, *signals):
    """Sends signals to a process in a chunk; its code, last words, and seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHUNK.format(grace=grace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        time.sleep(0.3)  # until it is in the chunk
        begun = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    return process.returncode, err, time.monotonic() - begun


def test_a_chunk_that_outlasts_the_grace_is_stopped():
    code, err, seconds = end(0.5, signal.SIGTERM)
    assert (code, err) == (143, "the chunk has not ended in time; stopped.\n")
    assert 0.5 <= seconds < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_chunk_at_once(number):
    code, err, _ = end(0, number, number)
    assert (code, err) == (128 + number, "")
