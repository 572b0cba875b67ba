"""What is public says what it is: docstrings, shapes of arrays, errors raised."""

import ast
import pathlib

import pytest
import test_architecture

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted(path for path in (ROOT / "recall").rglob("*.py"))
MATHEMATICS = [
    name
    for name in test_architecture.MODULES
    if name.partition(".")[0] in test_architecture.MATHEMATICS
]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__post_init__"


def public(tree: ast.Module) -> list[tuple[str, ast.AST]]:
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


def without_docstrings(source: str) -> list[str]:
    tree = ast.parse(source)
    named = [("the module", tree), *public(tree)]
    return [
        name
        for name, node in named
        if not ast.get_docstring(node)
        and "override" not in map(ast.unparse, getattr(node, "decorator_list", []))
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


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_modules_and_what_is_public_in_them_say_what_they_are(path):
    assert not without_docstrings(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
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

def _private(x): ...
'''
    assert without_docstrings(source) == ["the module", "f"]
    assert silent_about_errors(source) == ["f"]
    assert without_shapes(source) == ["f: x", "f: z", "f: result", "A.g: x"]
