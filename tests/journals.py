"""What tests of journals share: a config, processes that are killed, inodes."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from recall.store import journal

CONFIG = {"experiment": "mlp_capacity", "d": 32, "train": {"lr": 0.1, "seeds": [0, 1]}}


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


def inodes(*paths: pathlib.Path) -> list[int]:
    return [path.stat().st_ino for path in paths]
