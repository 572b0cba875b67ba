"""Measures how transformers store and recall facts.

Modules are imported as they are named, as in `recall.memories.mlp`: `import recall`
alone loads no JAX.
"""

import importlib
from collections.abc import Callable
from types import ModuleType

__version__ = "0.1.0"


def submodules(package: str) -> Callable[[str], ModuleType]:
    """Returns the `__getattr__` of a package that imports a submodule by its name."""

    def load(name: str) -> ModuleType:
        try:
            return importlib.import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":  # a dependency of it is missing
                raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load


__getattr__ = submodules(__name__)
