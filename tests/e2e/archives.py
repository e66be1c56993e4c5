"""Archives of models that nobody trained: crnn_v3_lite under other names, sound and broken."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load, save, save_file

from training.package import CONFIG, STORE, Archive, build

SOURCE = STORE / "weights" / "crnn_v3_lite.safetensors"
Tensors = dict[str, NDArray[np.floating]]


def make_store(folder: Path) -> Path:
    """A model store with what `make models` builds."""
    folder.mkdir()
    shutil.copy(STORE / "auto.mar", folder)
    shutil.copy(STORE / CONFIG, folder)
    return folder


def nearly_the_same(tensors: Tensors) -> None:
    tensors["blank_weight"] *= 1.001


def shuffle_characters(tensors: Tensors) -> None:
    """Each character is taken for another one."""
    tensors["head.weight"][:] = tensors["head.weight"][::-1].copy()


def add_model(store: Path, name: str, change: Callable[[Tensors], None]) -> Path:
    """Pack the changed weights into the store; their archive."""
    with safe_open(SOURCE, "np") as opened:
        facts = opened.metadata()
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 - it is no dict
    change(tensors)
    weights = store.parent / f"{name}.safetensors"
    save_file(tensors, weights, facts)
    return build(Archive(name, (weights,)), store=store)


def add_copy(store: Path, name: str, of: Path, change: Callable[[str, bytes], bytes]) -> None:
    """An archive with another name and changed files."""
    with zipfile.ZipFile(of) as source, zipfile.ZipFile(store / f"{name}.mar", "w") as target:
        for file in source.namelist():
            target.writestr(file.replace(of.stem, name), change(file, source.read(file)))


def with_nan(file: str, content: bytes) -> bytes:
    if not file.endswith(".safetensors"):
        return content
    tensors = load(content)
    tensors["blank_weight"][0] = np.nan
    return save(tensors)


def with_half_a_graph(file: str, content: bytes) -> bytes:
    return content[: len(content) // 2] if file.endswith(".onnx") else content
