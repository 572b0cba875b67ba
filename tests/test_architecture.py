"""A module of `recall` imports only from those above it in one list, the house."""

import ast
import pathlib
import posixpath
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]

# From the top down. `x/*` is a group, whose modules may import one another.
MATHEMATICS = (
    "embeddings",
    "coherence",
    "facts",
    "readout",
    "theory/*",
    "memories/linear",
    "memories/mlp",
    "memories/gated",
    "memories/hermite",
    "memories/sign_gates",
    "memories/random_features",
    "fact_tables",
    "word_pieces",
    "factual",
    "transformer",
    "population",
    "training",
    "quantization",
    "zipf_training",
    "coherence",
    "learned",
    "certificates",
    "separation",
    "alternating",
    "ring",
    "factual_training",
    "freezing",
    "probing",
    "learned_transformer",
    "constructions/*",
    "linear_attention",
    "gradient_flow",
    "dynamics",
    "stage_training",
    "capacity",
)
EXPERIMENTS = (
    "embedding_files",
    "geometries",
    "lanes",
    "searches",
    "failures",
    "jobs",
    "spans",
    "memory_kinds",
    "memory_searches",
    "recall_searches",
    "fact_searches",
    "cells",
    "running",
    "rows",
    "comparison",
    "studies/*",
    "claims/*",
    "signatures/*",
    "experiments/*",
)
WORLD = (
    "journal",
    "provenance",
    "figures/*",
    "reports/*",
    "html/*",
    "fact_files",
    "name_vectors",
    "models",
    "ask",
    "progress",
    "interrupt",
    "presence",
    "setup",
    "arguments",
    "planning",
    "diagnose",
    "looking",
    "status",
    "shards",
    "processes",
    "spanning",
    "launching",
    "workers",
    "cluster",
    "cli",
    "main",
)
HOUSE = MATHEMATICS + EXPERIMENTS + WORLD

# What mathematics does without: flags, disks, screens, clusters.
WORLDLY = {
    "absl",
    "dask",
    "distributed",
    "json",
    "logging",
    "matplotlib",
    "ml_collections",
    "pathlib",
    "rich",
}
WITHOUT_JAX = ("rows", "journal", "figures", "reports", "html", "signatures", "theory")


def name_of(path: pathlib.Path) -> str:
    """The module in a file: "memories/mlp", or "memories" for its `__init__`."""
    return path.relative_to(ROOT / "recall").as_posix()[:-3].removesuffix("/__init__")


MODULES = {name_of(path): path for path in sorted((ROOT / "recall").rglob("*.py"))}
PACKAGE = MODULES.pop("__init__")


def place(module: str) -> int | None:
    """Where `module` stands, counted from the top; a package with its last module."""
    names = (module, f"{posixpath.dirname(module)}/*")
    places = [
        i
        for i, entry in enumerate(HOUSE)
        if entry in names or entry.startswith(f"{module}/")
    ]
    return max(places, default=None)


def imported(source: str) -> set[str]:
    """What `source` imports: "json", "recall", "recall/memories/mlp", "./mlp"."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.replace(".", "/") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "").replace(".", "/")
            for alias in node.names:  # a module, or something inside of `origin`
                name = f"{origin}/{alias.name}"
                is_module = place(name.removeprefix("recall/")) is not None
                names.add(name if is_module else origin)
    return names


def violations(module: str, source: str) -> list[str]:
    """The imports in `source`, the text of `module`, that the house forbids."""
    here, found = place(module), []
    if here is None:
        return [f"recall/{module}.py has no place in HOUSE: give it one"]
    for name in sorted(imported(source)):
        if name.startswith("."):
            found.append(f"{module} imports {name}: write it as recall...")
        elif name.startswith("recall/"):
            there = place(name.removeprefix("recall/"))
            if there is None or there > here:
                found.append(f"{module} imports {name}, which is not above it")
        elif HOUSE[here] in MATHEMATICS and name.split("/")[0] in WORLDLY:
            found.append(f"{module} is mathematics, but imports {name}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_place_and_imports_only_what_is_above(module):
    assert not violations(module, MODULES[module].read_text())


@pytest.mark.parametrize("entry", HOUSE)
def test_the_house_has_no_empty_places(entry):
    assert list((ROOT / "recall").glob(f"{entry}.py"))


def test_the_package_itself_imports_nothing():
    assert not imported(PACKAGE.read_text())


def test_rows_are_read_and_drawn_without_jax():
    modules = [
        f"recall.{module.replace('/', '.')}"
        for module in MODULES
        if module.split("/")[0] in WITHOUT_JAX
    ]
    block_jax = "import importlib, sys; sys.modules['jax'] = None"
    load = f"for name in {modules}: importlib.import_module(name)"
    code = f"{block_jax}\n{load}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("facts", "import recall.lanes"),
        ("facts", "import recall.readout as readout_lib"),
        ("facts", "from recall import embeddings, capacity"),
        ("facts", "from recall.capacity import search"),
        ("facts", "from recall.nowhere import x"),
        ("facts", "from . import embeddings"),
        ("facts", "from .embeddings import sphere"),
        ("facts", "from recall import memories"),
        ("memories/linear", "from recall.memories import mlp"),
        ("rows", "from recall.figures import style"),
        ("rows", "from recall.figures.style import palette"),
        ("rows", "from recall import figures"),
        ("facts", "import json"),
        ("facts", "from matplotlib import pyplot"),
        ("facts", "def f():\n    import absl.logging"),
        ("nowhere", ""),
    ],
)
def test_the_check_finds_what_the_house_forbids(module, source):
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("facts", "import jax\nfrom recall import embeddings, __version__"),
        ("memories/mlp", "from recall.memories.linear import Params"),
        ("capacity", "from recall.memories import linear, mlp"),
        ("figures/capacity", "import json\nfrom recall.figures import style"),
        ("figures", "from recall.figures import capacity"),
        ("main", "from recall import experiments\nimport recall.figures.style"),
    ],
)
def test_the_check_lets_the_rest_pass(module, source):
    assert not violations(module, source)
