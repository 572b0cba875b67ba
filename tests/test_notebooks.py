"""Notebooks: pairs agree, and every one runs from an empty folder, offline."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
NAMES = [path.stem for path in SOURCES]
# In a process of its own: what notebooks are run by warns of its own dependencies.
RUN = """
import sys
import nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
try:
    nbclient.NotebookClient(notebook, timeout=180, kernel_name="python3").execute()
finally:
    nbformat.write(notebook, sys.argv[2])
"""


def script():
    path = ROOT / "scripts" / "notebooks.py"
    spec = importlib.util.spec_from_file_location("notebooks", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(name):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def test_there_are_the_notebooks_that_were_promised():
    assert NAMES == ["hallucination", "walkthrough", "your_own"]


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_a_notebook_is_what_its_source_says_and_has_no_outputs(path):
    update = "run `python scripts/notebooks.py` and commit the notebooks"
    made = script()
    text = made.source(path, made.repository())
    assert text == path.read_text(), update
    assert made.notebook(text) == path.with_suffix(".ipynb").read_text(), update
    cells = [cell for cell in read(path.stem).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


def test_a_changed_source_makes_another_notebook():
    made, text = script(), SOURCES[0].read_text()
    assert made.notebook(text) != made.notebook(text.replace("jax", "numpy", 1))


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_a_notebook_installs_on_colab_only_and_leaves_its_jax(path):
    (cell,) = [c.source for c in read(path.stem).cells if "pip" in c.source]
    assert 'if "google.colab" in sys.modules:' in cell
    assert not re.search(r"-U\b|--upgrade|cuda", cell)


def test_badges_open_every_notebook():
    text = (ROOT / "notebooks" / "README.md").read_text()
    named = script().repository()
    start = f"https://colab.research.google.com/github/{named}/blob/main/notebooks"
    for name in NAMES:
        assert f"({start}/{name}.ipynb)" in text


def test_badges_of_two_repositories_are_refused(tmp_path, monkeypatch):
    text = (ROOT / "notebooks" / "README.md").read_text()
    other = text.replace(script().repository(), "somebody/else", 1)
    (tmp_path / "README.md").write_text(other)
    made = script()
    monkeypatch.setattr(made, "NOTEBOOKS", tmp_path)
    with pytest.raises(ValueError, match=r"one repository; got .*somebody/else"):
        made.repository()


def test_committed_rows_lie_where_the_walkthrough_looks():
    (path,) = re.findall(r'Path\("(.*)"\)', SOURCES[1].read_text())
    assert (ROOT / "notebooks" / path).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_to_its_end_and_draws(name, tmp_path):
    """As on Colab, where only the package is: no checkout around it."""
    done = tmp_path / "done.ipynb"
    command = [sys.executable, "-c", RUN, ROOT / "notebooks" / f"{name}.ipynb", done]
    quiet = {"PYTHONWARNINGS": "ignore", "IPYTHONDIR": str(tmp_path / "ipython")}
    ran = subprocess.run(
        command, cwd=tmp_path, env=os.environ | quiet, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    outputs = [
        o
        for cell in nbformat.read(done, as_version=4).cells
        if cell.cell_type == "code"
        for o in cell.outputs
    ]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert not any(output.output_type == "error" for output in outputs)
