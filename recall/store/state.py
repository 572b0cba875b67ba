"""State of unfinished batches: arrays by name, the last two saves of each.

state/<name>.npz      an unfinished batch; `<name>.prev.npz` is one save older
"""

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recall.store import files


def save(workdir: Path, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Saves the arrays of an unfinished batch, and keeps the save before this one.

    A save of 15 MiB takes .018 s (orbax: .098 s).

    Raises:
        StoreError: if a dtype would not come back, or the disk takes no bytes.
    """
    newest, previous = _paths(workdir, name)
    fields = dict[str, Any](arrays)
    for field, array in fields.items():
        if array.dtype.kind not in "biufcSU":  # bfloat16 would come back as bytes
            raise files.StoreError(
                f"state {name}, {field}: dtype {array.dtype}; expected one of numpy's "
                "own (view others as unsigned integers)."
            )
    with files.reported("save state", newest):
        with files.staged(newest, lambda file: np.savez(file, **fields)) as temporary:
            # A kill between these two moves leaves the save before, under `previous`.
            with contextlib.suppress(FileNotFoundError):
                os.replace(newest, previous)
            # Another process that finished this batch may have dropped what was staged.
            with contextlib.suppress(FileNotFoundError):
                os.replace(temporary, newest)
        files.sync_folder(newest.parent)


def load(workdir: Path, name: str) -> dict[str, np.ndarray] | None:
    """Returns the newest readable save, or None."""
    for path in _paths(workdir, name):
        # Damage shows as any of a dozen exceptions; all mean: this is not a save.
        with contextlib.suppress(Exception), open(path, "rb") as file:
            archive = np.load(file)
            return {field: archive[field] for field in archive.files}
    return None


def drop(workdir: Path, name: str) -> None:
    """Removes the saves of a finished batch, and what killed saves left behind."""
    newest, previous = _paths(workdir, name)
    with files.reported("drop state", newest):
        # The newest last: a kill on the way must not bring an older state back.
        for path in [*newest.parent.glob(f".{newest.name}.*.tmp"), previous, newest]:
            path.unlink(missing_ok=True)


def drop_all(workdir: Path) -> None:
    """Removes all saves of a finished run, whoever made them."""
    folder = workdir / "state"
    with files.reported("drop states", folder):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)


def _paths(workdir: Path, name: str) -> tuple[Path, Path]:
    # No dot: a batch named `a.prev` would overwrite the older save of `a`.
    if not re.fullmatch(r"[\w=+-]+", name):
        expected = "expected letters, digits, _ = + -."
        raise files.StoreError(f"state name={name!r}; {expected}")
    folder = workdir / "state"
    return folder / f"{name}.npz", folder / f"{name}.prev.npz"
