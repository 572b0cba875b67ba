"""Columns that name the code, its versions and the device of a row."""

import functools
import pathlib
import subprocess
from importlib import metadata
from typing import Any

import recall


def _git(*arguments: str) -> str | None:
    """Returns the output of git in the source's folder; None outside a checkout."""
    root = pathlib.Path(__file__).parents[1]
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@functools.cache  # of the start: what is edited during a run is not what runs
def source() -> dict[str, Any]:
    """Returns columns that name the code: commit, uncommitted changes, versions."""
    # Installed below somebody else's repository, the source is not tracked there.
    tracked = _git("ls-files", "--error-unmatch", "store/provenance.py") is not None
    commit = _git("rev-parse", "HEAD") if tracked else None
    # Rows follow from these two folders; edited notes and results change none.
    changes = _git("status", "--porcelain", "--", ".", "../configs")
    return {
        "git_commit": commit,
        "git_dirty": None if commit is None else bool(changes),
        "version": recall.__version__,
        "jax_version": metadata.version("jax"),
    }


def device(devices: Any) -> str:
    """Returns the kind and number of devices: "cpu x2" or "NVIDIA H200"."""
    kind, count = devices[0].device_kind, len(devices)
    return kind if count == 1 else f"{kind} x{count}"
