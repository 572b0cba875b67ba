"""A row names the code that made it, or says that nobody knows."""

import pathlib
import shutil
import subprocess
import sys

import jax
import pytest

import recall
from recall.store import provenance


def test_the_source_is_named_by_versions():
    source = provenance.source()
    assert source["version"] == recall.__version__
    assert source["jax_version"] == jax.__version__


@pytest.fixture
def repository(tmp_path):
    """Somebody's repository, and a way to ask a copy of the package in it."""

    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def ask(folder):
        copy = tmp_path / folder / "recall"
        (copy / "store").mkdir(parents=True, exist_ok=True)
        for name in ("__init__.py", "store/__init__.py", "store/provenance.py"):
            shutil.copy(pathlib.Path(recall.__file__).parent / name, copy / name)
        code = "from recall.store import provenance as p; print(p.source())"
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=copy.parent, check=True, capture_output=True, text=True
        )
        return eval(done.stdout)

    git("init", "--quiet")
    return git, ask


def test_a_checkout_is_named_by_commit_and_changes(repository):
    git, ask = repository
    ask("checkout")  # copies the package there
    git("add", "--all", "checkout")
    git("commit", "--quiet", "--message=first")
    clean = ask("checkout")
    assert (clean["git_commit"], clean["git_dirty"]) == (
        git("rev-parse", "HEAD"),
        False,
    )
    (
        pathlib.Path(git("rev-parse", "--show-toplevel")) / "checkout/recall/new.py"
    ).touch()
    assert ask("checkout")["git_dirty"]


def test_a_package_installed_below_another_repository_is_not_named_by_it(repository):
    git, ask = repository
    git("commit", "--quiet", "--allow-empty", "--message=first")
    installed = ask("venv")
    assert (installed["git_commit"], installed["git_dirty"]) == (None, None)


def test_devices_are_named_by_kind_and_number():
    (first, *_) = jax.devices()
    assert provenance.device([first]) == "cpu"
    assert provenance.device(jax.devices()[:2]) == "cpu x2"
