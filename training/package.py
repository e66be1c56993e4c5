"""Weights -> .mar: put a weights file and the `handler` package into an archive that TorchServe loads.

    python -m training.package model_store/weights/crnn_v1.safetensors

builds model_store/crnn_v1.mar. The archive's version is `<version>-<weights>.<code>`: the version from the
facts in the weights' header, then the first hex digits of the sha256 of the weights file and of the handler's
code. Both decide what an image reads as: neither new weights nor new code answer from old cache entries.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

ROOT = Path(__file__).resolve().parent.parent
HANDLER = ROOT / "handler"
STORE = ROOT / "model_store"
DEFAULT_VERSION = "1.0"


def model_version(weights: Path, handler: Path = HANDLER) -> str:
    """The version an archive of these weights carries, e.g. `1.0-3fa94c1b.77d0`."""
    with safe_open(weights, framework="np") as tensors:
        facts = json.loads((tensors.metadata() or {}).get("facts", "{}"))
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(handler.glob("*.py"))))
    content = hashlib.sha256(weights.read_bytes())
    return f"{facts.get('version', DEFAULT_VERSION)}-{content.hexdigest()[:8]}.{code.hexdigest()[:4]}"


def stage(weights: Path, handler: Path, folder: Path) -> None:
    """Lay out what the archive holds besides its entry point.

    The archiver copies a folder's *contents*, so `folder` contains the package: its modules then import each
    other as `handler.…`, in TorchServe as under plain Python.
    """
    shutil.copytree(handler, folder / "handler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(weights, folder)


def archive(weights: Path, handler: Path = HANDLER, store: Path = STORE) -> Path:
    """Build `store`/<name>.mar and return its path; a half-written archive never takes an old one's place."""
    name = weights.stem
    # In the store, so that the last step is a rename; private, because the archiver reuses $TMPDIR/<name>.
    with tempfile.TemporaryDirectory(prefix=".package-", dir=store) as private:
        staged, built = Path(private, "staged"), Path(private, "built")
        stage(weights, handler, staged)
        built.mkdir()
        command = [
            str(Path(sys.executable).with_name("torch-model-archiver")),
            f"--model-name={name}",
            f"--version={model_version(weights, handler)}",
            f"--handler={handler / 'crnn_handler.py'}",
            f"--extra-files={staged}",
            f"--config-file={store / 'model-config.yaml'}",
            f"--export-path={built}",
        ]
        subprocess.run(command, check=True, env={"TMPDIR": private})
        return (built / f"{name}.mar").replace(store / f"{name}.mar")


def main() -> None:
    parser = argparse.ArgumentParser(description="Pack weights and the handler into .mar archives.")
    parser.add_argument("weights", type=Path, nargs="+", help="model_store/weights/<name>.safetensors")
    for weights in parser.parse_args().weights:
        print(f"Built {archive(weights)} ({model_version(weights)})")


if __name__ == "__main__":
    main()
