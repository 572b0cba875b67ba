"""Where a row comes from: code, versions, device."""

import functools
import pathlib
import subprocess
from importlib import metadata
from typing import Any

import recall


def _git(*arguments: str) -> str | None:
    """Output of a git command in the folder of the source; None outside a checkout."""
    root = pathlib.Path(__file__).parents[1]
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@functools.cache
def source() -> dict[str, Any]:
    """Columns that name the code: git commit, uncommitted changes, versions."""
    # Installed below somebody else's repository, the source is not tracked there.
    tracked = _git("ls-files", "--error-unmatch", "store/provenance.py") is not None
    commit = _git("rev-parse", "HEAD") if tracked else None
    changes = _git("status", "--porcelain", "--", ".", "../configs")
    return {
        "git_commit": commit,
        "git_dirty": None if commit is None else bool(changes),
        "version": recall.__version__,
        "jax_version": metadata.version("jax"),
    }


def device(devices: Any) -> str:
    """The kind and number of devices, for instance "cpu x2" or "NVIDIA H200"."""
    kind, count = devices[0].device_kind, len(devices)
    return kind if count == 1 else f"{kind} x{count}"
