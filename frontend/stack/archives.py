"""The archives of a model store: which models are in them, and which are loaded."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from frontend.recognition.models import ALIASES, LINES_QUEUE
from frontend.stack.errors import StackError

WEIGHTS = ".safetensors"


def loaded_models(store: Path, with_lines: Mapping[str, str]) -> list[str]:
    """What TorchServe is to load: all archives of a store, and some once more, for lines alone.

    `with_lines` are the models in these, each with what to do if no archive holds it (StackError).
    """
    held = {archive: held_models(archive) for archive in sorted(store.glob("*.mar"))}
    for_lines = [_holder(held, model, advice) for model, advice in with_lines.items()]
    return [*(archive.name for archive in held), *map(lines_queue, dict.fromkeys(for_lines))]


def lines_queue(archive: Path) -> str:
    """An archive once more, for lines alone, as TorchServe is told of it."""
    return f"{archive.stem}{LINES_QUEUE}={archive.name}"


def find_archive(store: Path, model: str, advice: str) -> Path:
    """The first archive that holds a model; StackError with the advice if none does."""
    return _holder({path: held_models(path) for path in sorted(store.glob("*.mar"))}, model, advice)


def _holder(held: Mapping[Path, set[str]], model: str, advice: str) -> Path:
    found = next((archive for archive in held if held[archive] & {model, ALIASES.get(model)}), None)
    if not found:
        raise StackError(f"No archive holds the model {model}: run `make models`, or {advice}.")
    return found


def held_models(archive: Path) -> set[str]:
    """The models in an archive: its networks, and under its own name what it makes of them."""
    try:
        with zipfile.ZipFile(archive) as opened:
            files = [Path(name) for name in opened.namelist()]
    except (OSError, zipfile.BadZipFile) as error:
        raise StackError(
            f"{archive} is not an archive ({error}). Delete it and run `make models`."
        ) from error
    return {archive.stem, *(file.stem for file in files if file.suffix == WEIGHTS)}
