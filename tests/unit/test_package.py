"""An archive holds what TorchServe needs, laid out as it wants it."""

from __future__ import annotations

import ast
import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from training import package


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_file({"weight": np.zeros(1)}, path, metadata={"facts": json.dumps({"version": "2.3"})})
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "model-config.yaml").write_bytes((package.STORE / "model-config.yaml").read_bytes())
    return folder


def test_the_version_names_the_weights_and_the_code(weights: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert package.model_version(weights).startswith(f"2.3-{digest[:8]}.")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("one = 1\n")
    before = package.model_version(weights, tmp_path / "code")
    (tmp_path / "code" / "a.py").write_text("one = 2\n")
    assert package.model_version(weights, tmp_path / "code") != before


def test_the_archive_contains_the_package_and_its_entry_point(weights: Path, store: Path) -> None:
    built = package.archive(weights, store=store)
    assert built == store / "tiny.mar"
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))
    modules = {f"handler/{path.name}" for path in package.HANDLER.glob("*.py")}
    assert {*modules, "crnn_handler.py", "tiny.safetensors", "model-config.yaml"} <= names
    assert not [name for name in names if "__pycache__" in name]
    assert manifest["model"]["modelVersion"] == package.model_version(weights)


def test_nothing_but_the_archive_is_left_in_the_store(weights: Path, store: Path) -> None:
    package.archive(weights, store=store)
    package.archive(weights, store=store)
    assert {path.name for path in store.iterdir()} == {"model-config.yaml", "tiny.mar"}


def test_the_entry_point_has_the_one_class_that_torchserve_looks_for() -> None:
    module = ast.parse((package.HANDLER / "crnn_handler.py").read_text(encoding="utf-8"))
    classes = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
    relative = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and node.level]
    assert classes == ["CRNNHandler"]
    assert not relative
