"""Writes notebooks/*.ipynb, without outputs, from the .py files that they are made of.

python scripts/notebooks.py

A notebook and its .py are a pair of jupytext's; the .py is the source. Where the
repository lives stands in one place, the badges of notebooks/README.md: this writes it
into what a notebook installs on Colab.
"""

import re
from pathlib import Path

import jupytext
import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ADDRESS = re.compile(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/blob/")
INSTALLED = re.compile(r'^REPOSITORY = "(.*)"', re.MULTILINE)


def repository() -> str:
    """Returns the owner and name of all badges; raises a ValueError if they differ."""
    named = set(ADDRESS.findall((NOTEBOOKS / "README.md").read_text()))
    if len(named) != 1:
        raise ValueError(f"Expected badges of one repository; got {sorted(named)}.")
    return named.pop()


def source(path: Path, repository: str) -> str:
    """Returns the text of a .py, with the repository that it installs."""
    return INSTALLED.sub(f'REPOSITORY = "{repository}"', path.read_text())


def notebook(text: str) -> str:
    """Returns the notebook of a .py; the same text makes the same bytes."""
    made = jupytext.reads(text, fmt="py:percent")
    for index, cell in enumerate(made.cells):
        cell["id"] = f"cell-{index}"
    return nbformat.writes(made) + "\n"


def main() -> None:
    named = repository()
    for path in sorted(NOTEBOOKS.glob("*.py")):
        path.write_text(source(path, named))
        path.with_suffix(".ipynb").write_text(notebook(path.read_text()))


if __name__ == "__main__":
    main()
