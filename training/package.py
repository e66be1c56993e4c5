"""Weights -> .mar: put weights files and the `handler` package into archives that TorchServe loads.

    python -m training.package  # those in model_store that are missing or out of date
    python -m training.package NAME…  # these: archives, or weights that have no archive of their own

model_store/archives.toml says which weights go together. The version of an archive is
`<version>-<weights>.<code>`: the version from the facts in the header of its first weights, then the first
hex digits of the sha256 of all its weights and of the handler's code. Both decide what an image reads as:
neither new weights nor new code answer from old cache entries.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from training.export import export

ROOT = Path(__file__).resolve().parent.parent
HANDLER = ROOT / "handler"
STORE = ROOT / "model_store"
DESCRIPTION, CONFIG = "archives.toml", "model-config.yaml"
BUILT_WITH = (Path(__file__), Path(__file__).with_name("export.py"), ROOT / "requirements.txt")
"""Files that decide, besides its content, how an archive is built."""
DEFAULT_VERSION = "1.0"


class PackageError(Exception):
    """An archive cannot be built; the message says why."""


@dataclass(frozen=True)
class Archive:
    """An archive to be: `name`.mar with these weights files, each a network."""

    name: str
    weights: tuple[Path, ...]


@dataclass(frozen=True)
class Description:
    """The archives of a store, as its archives.toml describes them."""

    archives: tuple[Archive, ...]
    without: frozenset[str]
    """Names of weights that have no archive of their own: retired, or with others in one."""


def describe(store: Path = STORE) -> Description:
    """The archives of a store, by name. Raises PackageError when weights of one are missing."""
    with (store / DESCRIPTION).open("rb") as file:
        description = tomllib.load(file)
    groups: dict[str, list[str]] = description.get("archives", {})
    without = frozenset(description.get("retired", ())).union(*groups.values())
    own = [path.stem for path in (store / "weights").glob("*.safetensors") if path.stem not in without]
    names = groups | {name: [name] for name in own}
    archives = tuple(_archive(name, names[name], store) for name in sorted(names))
    return Description(archives, without)


def _archive(name: str, networks: Sequence[str], store: Path) -> Archive:
    weights = tuple(store / "weights" / f"{network}.safetensors" for network in networks)
    if missing := [path for path in weights if not path.exists()]:
        raise PackageError(f"{name}.mar needs {missing[0]}, which is not there (see {store / DESCRIPTION}).")
    return Archive(name, weights)


def model_version(archive: Archive, handler: Path = HANDLER) -> str:
    """The version the archive carries, e.g. `1.0-3fa94c1b.77d0`."""
    with safe_open(archive.weights[0], framework="np") as tensors:
        facts = json.loads((tensors.metadata() or {}).get("facts", "{}"))
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(handler.glob("*.py"))))
    content = hashlib.sha256(b"".join(path.read_bytes() for path in archive.weights))
    return f"{facts.get('version', DEFAULT_VERSION)}-{content.hexdigest()[:8]}.{code.hexdigest()[:4]}"


def stage(archive: Archive, handler: Path, folder: Path) -> None:
    """Lay out what the archive holds besides its entry point.

    The archiver copies a folder's *contents*, so `folder` contains the package: its modules then import each
    other as `handler.…`, in TorchServe as under plain Python.
    """
    shutil.copytree(handler, folder / "handler", ignore=shutil.ignore_patterns("__pycache__"))
    for weights in archive.weights:
        _stage_network(weights, folder)


def _stage_network(weights: Path, folder: Path) -> None:
    """Lay out one network; the front end knows it by `<name>.safetensors` at the top of the archive."""
    shutil.copy2(weights, folder)
    export(weights, folder)


def build(archive: Archive, handler: Path = HANDLER, store: Path = STORE) -> Path:
    """Build `store`/<name>.mar and return its path; a half-written archive never takes an old one's place."""
    # In the store, so that the last step is a rename; private, because the archiver reuses $TMPDIR/<name>.
    with tempfile.TemporaryDirectory(prefix=".package-", dir=store) as private:
        staged, built = Path(private, "staged"), Path(private, "built")
        stage(archive, handler, staged)
        built.mkdir()
        command = [
            str(Path(sys.executable).with_name("torch-model-archiver")),
            f"--model-name={archive.name}",
            f"--version={model_version(archive, handler)}",
            f"--handler={handler / 'crnn_handler.py'}",
            f"--extra-files={staged}",
            f"--config-file={store / CONFIG}",
            f"--export-path={built}",
            "--archive-format=zip-store",  # weights hardly shrink, and TorchServe unpacks it at each start
        ]
        subprocess.run(command, check=True, env={"TMPDIR": private})
        return (built / f"{archive.name}.mar").replace(store / f"{archive.name}.mar")


def is_current(archive: Archive, handler: Path = HANDLER, store: Path = STORE) -> bool:
    """Whether the archive is there and younger than all that it is made of."""
    target = store / f"{archive.name}.mar"
    sources = (*archive.weights, *handler.glob("*.py"), store / DESCRIPTION, store / CONFIG, *BUILT_WITH)
    return target.exists() and all(path.stat().st_mtime <= target.stat().st_mtime for path in sources)


def update(store: Path = STORE, handler: Path = HANDLER) -> list[Path]:
    """Build what is missing or out of date in a store, and return the paths.

    Archives of weights that have none of their own (any more) are removed: TorchServe would load them.
    """
    description = describe(store)
    names = {archive.name for archive in description.archives}
    for name in description.without - names:
        (store / f"{name}.mar").unlink(missing_ok=True)
    outdated = [archive for archive in description.archives if not is_current(archive, handler, store)]
    return [build(archive, handler, store) for archive in outdated]


def _build_named(names: Sequence[str]) -> list[Path]:
    described = {archive.name: archive for archive in describe().archives}
    return [build(described.get(name) or _archive(name, [name], STORE)) for name in names]


def main() -> int:
    parser = argparse.ArgumentParser(description="Pack weights and the handler into .mar archives.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="an archive; by default all out of date")
    names = parser.parse_args().names
    try:
        built = _build_named(names) if names else update()
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    for path in built:
        print(f"Built {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
