"""A module of `recall` imports only from rooms on lower floors of one list."""

import ast
import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]

# Rooms from the ground up: a folder, or a module that stands alone. What stands in one
# line is on one floor, and knows nothing of its neighbours.
FLOORS = (
    ("theory", "store", "plotting", "embeddings", "facts"),
    ("readout", "data", "stats"),
    ("training",),
    ("capacity", "memories"),
    ("models", "solvers"),
    ("constructions", "sweeps"),
    ("experiments",),
    ("runs",),
    ("pages", "diagnosis"),
    ("cli",),
    ("main",),
)
ROOMS = {room: floor for floor, rooms in enumerate(FLOORS, 1) for room in rooms}
# Of another experiment, one may read what it plans and what its rows add up to.
SHARED = {
    *("plan", "summary", "table", "figure"),
    *("linear", "mlp", "capacity", "shared"),  # plans of folders with several
}
MATHEMATICS = {
    *("theory", "embeddings", "facts", "readout", "training", "capacity"),
    *("memories", "models", "solvers", "constructions"),
}
# What mathematics does without: flags, disks, screens, clusters.
WORLDLY = {
    *("absl", "dask", "distributed", "json", "logging", "matplotlib"),
    *("ml_collections", "pathlib", "rich"),
}
# What reads rows only, and so must load where JAX is not installed.
WITHOUT_JAX = {"theory", "store", "stats", "plotting", "pages", "diagnosis"}
SHOWS_ROWS = {"summary", "figure", "table", "claims"}  # of an experiment


def dotted(path: pathlib.Path) -> str:
    """Returns the name of the module in a file, without "recall."."""
    inside = path.relative_to(ROOT / "recall").with_suffix("")
    return ".".join(inside.parts).removesuffix(".__init__")


MODULES = {dotted(path): path for path in sorted((ROOT / "recall").rglob("*.py"))}
PACKAGE = MODULES.pop("__init__")


def imported(source: str) -> set[str]:
    """Returns what `source` imports: "json", "recall.facts", ".facts"."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            inside = origin == "recall" or f"{origin}.".removeprefix("recall.") in {
                f"{module}." for module in MODULES
            }
            names |= {f"{origin}.{a.name}" if inside else origin for a in node.names}
    return names


def violations(module: str, source: str) -> list[str]:
    """Returns the imports of a module that the floors forbid, a sentence each."""
    room, _, rest = module.partition(".")
    if room not in ROOMS:
        return [f"{room} has no floor: give it one in FLOORS"]
    found = []
    for name in sorted(imported(source)):
        there, _, inside = name.removeprefix("recall.").partition(".")
        if name.startswith("."):
            found.append(f"{module} imports {name}: write it as recall...")
        elif not name.startswith("recall."):
            if room in MATHEMATICS and name.split(".")[0] in WORLDLY:
                found.append(f"{module} is mathematics, but imports {name}")
        elif there != room and ROOMS.get(there, 99) >= ROOMS[room]:
            found.append(f"{module} imports {name}, which is not on a lower floor")
        elif there == room == "experiments" and not is_shared(rest, inside):
            found.append(f"{module} imports {name}, another experiment's own")
    return found


def is_shared(rest: str, inside: str) -> bool:
    """Tells whether a module of an experiment may read another module of one."""
    mine, (theirs, _, part) = rest.partition(".")[0], inside.partition(".")
    return theirs in ("", mine) or part in SHARED


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_lower_floors(module):
    assert not violations(module, MODULES[module].read_text())


def test_every_room_is_there():
    folders = {path.parent.name for path in (ROOT / "recall").glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / "recall").glob("[a-z]*.py")}
    assert folders | files == set(ROOMS)


def test_the_root_has_ten_modules_at_most_and_the_readme_names_them():
    files = [path.stem for path in (ROOT / "recall").glob("[a-z]*.py")]
    readme = (ROOT / "README.md").read_text()
    assert len(files) <= 10
    assert not [name for name in files if name not in readme]


def test_rows_are_read_and_drawn_without_jax():
    names = [
        f"recall.{module}"
        for module in MODULES
        if module.partition(".")[0] in WITHOUT_JAX - {"diagnosis"}
        or (module.startswith("experiments.") and module.split(".")[-1] in SHOWS_ROWS)
    ]
    block_jax = "import importlib, sys; sys.modules['jax'] = None"
    load = f"for name in {names}: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", f"{block_jax}\n{load}"], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("facts", "import recall.sweeps"),
        ("facts", "import recall.readout as readout_lib"),
        ("readout", "from recall import facts, capacity"),
        ("facts", "from recall.capacity import search"),
        ("facts", "from recall.nowhere import x"),
        ("facts", "from . import embeddings"),
        ("facts", "from recall import memories"),
        ("store.journal", "from recall import plotting"),
        ("stats.points", "from recall.pages import page"),
        ("facts", "import json"),
        ("facts", "from matplotlib import pyplot"),
        ("facts", "def f():\n    import absl.logging"),
        (
            "experiments.atlas.plan",
            "from recall.experiments.scaling_law import measure",
        ),
        ("nowhere", ""),
    ],
)
def test_the_check_finds_what_the_floors_forbid(module, source):
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("readout", "import jax\nfrom recall import facts"),
        ("memories.mlp", "from recall.memories.linear import Params"),
        ("sweeps.lanes", "from recall.memories import linear, mlp"),
        ("experiments.atlas.figure", "import json\nfrom recall import plotting"),
        ("experiments.atlas.plan", "from recall.experiments.scaling_law import plan"),
        ("experiments.atlas.figure", "from recall.experiments.atlas import lanes"),
        ("cli.main", "from recall import experiments\nimport recall.plotting"),
    ],
)
def test_the_check_lets_the_rest_pass(module, source):
    assert not violations(module, source)


def test_the_drawing_of_the_rooms_is_current():
    path = ROOT / "scripts" / "draw_rooms.py"
    spec = importlib.util.spec_from_file_location("draw_rooms", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    drawn = script.picture(script.below())
    update = "run `python scripts/draw_rooms.py` and commit docs/architecture.svg"
    assert drawn == (ROOT / "docs" / "architecture.svg").read_text(), update


def test_the_document_names_the_rule_of_every_room():
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert not [room for room in ROOMS if f"`{room}" not in text]
