"""The package: modules as they are named, and its entry point as a file."""

import pathlib
import subprocess
import sys

import pytest

import recall

ROOT = pathlib.Path(__file__).parents[1]
PROBE = """
import sys, recall
assert not {"jax", "scipy", "matplotlib"} & sys.modules.keys()
print(recall.embeddings.sphere.__module__, recall.memories.mlp.apply.__module__)
assert "jax" in sys.modules
"""


def run(*command, folder=ROOT):
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_modules_are_imported_as_they_are_named_and_jax_with_them():
    assert run("-c", PROBE).split() == ["recall.embeddings", "recall.memories.mlp"]


def test_a_name_that_is_no_module_is_no_attribute():
    with pytest.raises(AttributeError, match="'recall' has no attribute 'nowhere'"):
        recall.nowhere  # noqa: B018
    with pytest.raises(AttributeError, match=r"'recall\.memories' has no"):
        recall.memories.nowhere  # noqa: B018


def test_the_entry_point_run_as_a_file_hides_no_other_package():
    path = ROOT / "recall" / "main.py"
    assert "--config" in run(path, "--help")
    start = f"import importlib.util, runpy, sys; sys.path[0] = {str(path.parent)!r}"
    found = "importlib.util.find_spec('store')"
    made = run("-c", f"{start}; runpy.run_path({str(path)!r}); print({found})")
    assert made == "None\n"
