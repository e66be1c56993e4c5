"""An archive holds what TorchServe needs, laid out as it wants it; a store has those that it describes."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import zipfile
from pathlib import Path

import pytest
import torch

from handler.model import CRNN, CRNNConfig, save_weights
from handler.repvit import Stage
from training import package
from training.package import Archive, PackageError

CODE = "one = 1\n"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    (folder / "weights").mkdir(parents=True)
    (folder / "model-config.yaml").write_bytes((package.STORE / "model-config.yaml").read_bytes())
    describe(folder, archives={"both": ["large", "small"]}, retired=["old"])
    return folder


@pytest.fixture
def handler(tmp_path: Path) -> Path:
    """Code that is packed faster than ours."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "crnn_handler.py").write_text(CODE)
    return folder


@pytest.fixture
def tiny(store: Path) -> Archive:
    return Archive("tiny", (add_weights(store, "tiny"),))


def describe(store: Path, archives: dict[str, list[str]], retired: list[str]) -> None:
    lines = [f"{name} = {json.dumps(networks)}" for name, networks in archives.items()]
    text = "\n".join([f"retired = {json.dumps(retired)}", "[archives]", *lines])
    (store / "archives.toml").write_text(text)


def add_weights(store: Path, name: str, version: str = "2.3", value: float = 0.0) -> Path:
    path = store / "weights" / f"{name}.safetensors"
    model = CRNN(CRNNConfig("ab", (Stage(4, 1, (2, 2)), Stage(4, 1, (2, 2))), hidden=4, height=16))
    with torch.no_grad():
        model.head.bias.fill_(value)
    save_weights(model, path, {"version": version})
    return path


def names_in(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


def version_in(archive: Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        version: str = json.loads(opened.read("MAR-INF/MANIFEST.json"))["model"]["modelVersion"]
        return version


def test_the_version_names_the_weights_and_the_code(tiny: Archive, handler: Path) -> None:
    digest = hashlib.sha256(tiny.weights[0].read_bytes()).hexdigest()
    before = package.model_version(tiny, handler)
    assert before.startswith(f"2.3-{digest[:8]}.")
    (handler / "crnn_handler.py").write_text(CODE + "two = 2\n")
    assert package.model_version(tiny, handler) != before


def test_the_version_changes_with_any_of_the_weights(store: Path, handler: Path) -> None:
    both = Archive("both", tuple(add_weights(store, name) for name in ("large", "small")))
    versions = {package.model_version(both, handler)}
    for name in ("large", "small"):
        add_weights(store, name, value=1.0)
        versions.add(package.model_version(both, handler))
    assert len(versions) == 3


def test_the_archive_contains_the_package_and_its_entry_point(tiny: Archive, store: Path) -> None:
    built = package.build(tiny, store=store)
    assert built == store / "tiny.mar"
    names = names_in(built)
    modules = {f"handler/{path.name}" for path in package.HANDLER.glob("*.py")}
    assert {*modules, "crnn_handler.py", "tiny.safetensors", "tiny.onnx", "model-config.yaml"} <= names
    assert not [name for name in names if "__pycache__" in name]
    assert version_in(built) == package.model_version(tiny)


def test_nothing_but_the_archive_is_left_in_the_store(tiny: Archive, store: Path, handler: Path) -> None:
    before = set(store.iterdir())
    package.build(tiny, handler, store)
    package.build(tiny, handler, store)
    assert set(store.iterdir()) == {*before, store / "tiny.mar"}


def test_weights_go_together_as_described_and_others_alone(store: Path, handler: Path) -> None:
    for name in ("large", "small", "own", "old"):
        add_weights(store, name)
    built = package.update(store, handler)
    assert [path.name for path in built] == ["both.mar", "own.mar"]
    assert {path.name for path in store.glob("*.mar")} == {"both.mar", "own.mar"}
    weights = [{name for name in names_in(path) if name.endswith(".safetensors")} for path in built]
    assert weights == [{"large.safetensors", "small.safetensors"}, {"own.safetensors"}]


def test_only_what_is_out_of_date_is_built_again(store: Path, handler: Path) -> None:
    for name in ("large", "small", "own"):
        add_weights(store, name)
    built = package.update(store, handler)
    assert package.update(store, handler) == []
    newest = max(path.stat().st_mtime for path in built)
    os.utime(store / "weights" / "small.safetensors", times=(newest + 1, newest + 1))
    assert package.update(store, handler) == [store / "both.mar"]


def test_archives_of_weights_that_have_none_of_their_own_go_away(store: Path, handler: Path) -> None:
    for name in ("large", "small", "old"):
        add_weights(store, name)
    for name in ("large", "old", "foreign"):
        (store / f"{name}.mar").touch()
    package.update(store, handler)
    assert {path.stem for path in store.glob("*.mar")} == {"both", "foreign"}


def test_weights_that_are_missing_are_named(store: Path, handler: Path) -> None:
    add_weights(store, "large")
    with pytest.raises(PackageError, match=r"both\.mar needs .*small\.safetensors"):
        package.update(store, handler)


def test_the_entry_point_has_the_one_class_that_torchserve_looks_for() -> None:
    module = ast.parse((package.HANDLER / "crnn_handler.py").read_text(encoding="utf-8"))
    classes = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
    relative = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and node.level]
    assert classes == ["CRNNHandler"]
    assert not relative
