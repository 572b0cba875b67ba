"""Docstrings are sentences, and name the errors raised and the shapes of arrays."""

import ast
import pathlib

import pytest
import test_architecture

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted(path for path in (ROOT / "recall").rglob("*.py"))
WRITTEN = FILES + sorted(
    path for room in ("scripts", "benchmarks") for path in (ROOT / room).glob("*.py")
)
RIDDLES = {"What", "Whether", "How", "Of", "Those", "That", "Its", "By", "Where"}
MATHEMATICS = [
    name
    for name in test_architecture.MODULES
    if name.partition(".")[0] in test_architecture.MATHEMATICS
]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__post_init__"


def public(tree: ast.Module) -> list[tuple[str, Function | ast.ClassDef]]:
    """Public functions, classes and methods of a module, under dotted names."""
    found = []
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and is_public(node.name):
            found.append((node.name, node))
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            found += [
                (f"{node.name}.{inner.name}", inner)
                for inner in node.body
                if isinstance(inner, Function) and is_public(inner.name)
            ]
    return found


def docstrings(source: str) -> list[tuple[str, str]]:
    """Every docstring of a module, after the name of what it describes."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    each = [(getattr(n, "name", "the module"), ast.get_docstring(n)) for n in nodes]
    return [(name, text) for name, text in each if text]


def riddles(source: str) -> list[str]:
    """Names of what has a docstring that only its context explains."""
    return [name for name, text in docstrings(source) if text.split()[0] in RIDDLES]


def is_override(node: ast.AST) -> bool:
    """Tells whether a method is marked as one of a base class, which describes it."""
    names = [ast.unparse(name) for name in getattr(node, "decorator_list", ())]
    return any(name.endswith("override") for name in names)


def terse(source: str) -> list[str]:
    """Public functions and classes whose docstrings have five words or fewer."""
    return [
        name
        for name, node in public(ast.parse(source))
        if not is_override(node)
        and name.split(".")[-1] != "__post_init__"
        and len((ast.get_docstring(node) or "").split()) <= 5
    ]


def own_nodes(function: ast.AST) -> list[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    found, left = [], list(ast.iter_child_nodes(function))
    while left:
        node = left.pop()
        found.append(node)
        if not isinstance(node, Function | ast.Lambda):
            left += ast.iter_child_nodes(node)
    return found


def raises_value_error(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id == "ValueError"
    )


def silent_about_errors(source: str) -> list[str]:
    """Public functions that raise a ValueError and do not say so.

    `__post_init__` is called by no one; the class says what its fields may be.
    """
    return [
        name
        for name, node in public(ast.parse(source))
        if isinstance(node, Function)
        and node.name != "__post_init__"
        and any(map(raises_value_error, own_nodes(node)))
        and "ValueError" not in (ast.get_docstring(node) or "")
    ]


def is_bare_array(annotation: ast.AST | None) -> bool:
    """Whether an annotation is missing, or an array of no particular shape."""
    if annotation is None:
        return True
    names = {"Array", "jax.Array", "jnp.ndarray"}
    parts = ast.unparse(annotation).split(" | ")
    return bool(names & set(parts))


def without_shapes(source: str) -> list[str]:
    """Arguments, and results, of public functions that are arrays of any shape."""
    found = []
    for name, node in public(ast.parse(source)):
        if isinstance(node, Function):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            found += [
                f"{name}: {one.arg}"
                for one in given
                if one.arg not in ("self", "cls") and is_bare_array(one.annotation)
            ]
            if is_bare_array(node.returns):
                found.append(f"{name}: result")
    return found


def where(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", WRITTEN, ids=where)
def test_no_docstring_is_a_riddle(path):
    assert not riddles(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=where)
def test_public_docstrings_have_more_than_five_words(path):
    assert not terse(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=where)
def test_what_refuses_values_says_which(path):
    assert not silent_about_errors(path.read_text())


@pytest.mark.parametrize("module", MATHEMATICS)
def test_mathematics_names_the_shapes_of_its_arrays(module):
    assert not without_shapes(test_architecture.MODULES[module].read_text())


def test_the_checks_find_what_they_look_for():
    source = '''
def f(x: Array, y: Float[Array, "n"], z) -> Array:
    if x:
        raise ValueError("Expected y.")

class A:
    """Says."""
    def g(self, x: Array | None) -> int:
        """Says."""
        def inner():
            raise ValueError("not of g")
    def _h(self): ...

    @override
    def i(self) -> int: ...

def _private(x): ...

def _k():
    """What it is that one gets."""
'''
    assert terse(source) == ["f", "A", "A.g"]
    assert riddles(source) == ["_k"]
    assert silent_about_errors(source) == ["f"]
    assert without_shapes(source) == ["f: x", "f: z", "f: result", "A.g: x"]
