"""Whether the weights in an archive are sound. Read as they are stored, for front ends have no NumPy."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from frontend.stack.archives import WEIGHTS
from frontend.stack.errors import StackError

_EXPONENTS: Mapping[str, tuple[Literal["H", "I", "Q"], int]] = {
    "F16": ("H", 0x7C00),
    "BF16": ("H", 0x7F80),
    "F32": ("I", 0x7F80_0000),
    "F64": ("Q", 0x7FF0_0000_0000_0000),
}
"""By type: how a value's bits are read, and those of the exponent, all set in what is no finite number."""
_LENGTH = 8
"""Bytes of the header's length, at the start of a safetensors file."""


def check_weights(archive: Path) -> None:
    """StackError if weights in the archive cannot be read, or are not all numbers."""
    try:
        with zipfile.ZipFile(archive) as opened:
            files = [name for name in opened.namelist() if name.endswith(WEIGHTS)]
            broken = {name: next(_not_finite(opened.read(name)), None) for name in files}
    except (OSError, zipfile.BadZipFile, ValueError, LookupError, TypeError) as error:
        raise StackError(f"The weights in {archive} cannot be read ({error}): build it anew.") from error
    for name, tensor in broken.items():
        if tensor:
            raise StackError(
                f"{name} in {archive} is broken: {tensor} has values that are no finite numbers. "
                "Train the model anew, or put back weights from before."
            )


def _not_finite(content: bytes) -> Iterator[str]:
    """The names of tensors in a safetensors file with values that are no finite numbers.

    Raises ValueError, LookupError or TypeError for what is no such file, or a part of one.
    """
    start = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header = json.loads(content[_LENGTH:start])
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        first, last = (start + offset for offset in tensor["data_offsets"])
        if last > len(content):
            raise ValueError(f"{name} is cut off")
        if tensor["dtype"] in _EXPONENTS:
            form, exponent = _EXPONENTS[tensor["dtype"]]
            if any(value & exponent == exponent for value in memoryview(content)[first:last].cast(form)):
                yield name
