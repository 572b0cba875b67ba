"""Fixtures of tests of experiments."""

import pathlib

import numpy as np
import pytest

from recall.data import tensors


@pytest.fixture
def language_model(monkeypatch):
    """A language model is installed, as far as plans go: tests do without one."""
    words = np.broadcast_to(np.float32(1), (30_522, 384))
    read = tensors.read

    def installed(name):
        return tensors.Installed(pathlib.Path(name), name, pathlib.Path(name))

    monkeypatch.setattr(tensors, "installed", installed)
    monkeypatch.setattr(
        tensors,
        "read",
        lambda path, tensor: words if str(path) == "minilm" else read(path, tensor),
    )
