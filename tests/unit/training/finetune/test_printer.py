"""The goal itself, with crnn_v3 and its store: it takes minutes, and what `make corpus fonts` fetches."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handler.model import CRNN, load_weights
from tests.unit.training.finetune.printer import export, samples
from training import alphabet, package
from training.evaluation.evaluate import evaluate
from training.export import served
from training.labelled import Sample
from training.test_sets import latin_lines, mixed_lines

ROOT = Path(__file__).parents[4]
FETCHED = ROOT / ".cache/corpus", ROOT / ".cache/fonts"
COMMAND = """
import sys
from pathlib import Path
from training.finetune.__main__ import main
sys.exit(main(sys.argv[1:], Path("store")))
"""
START = package.STORE / "weights" / "crnn_v3.safetensors"
TWO_CORES = 2 * 600
"""Seconds of ten minutes on two cores."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(path.exists() for path in FETCHED), reason="make corpus fonts"),
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, beside which lie the corpus and the fonts."""
    monkeypatch.chdir(tmp_path)
    Path("store/weights").mkdir(parents=True)
    Path("store/model-config.yaml").write_bytes((package.STORE / "model-config.yaml").read_bytes())
    Path("store/archives.toml").write_text("[archives]\n")
    Path(".cache").mkdir()
    for path in FETCHED:
        Path(".cache", path.name).symlink_to(path)
    return tmp_path / "store"


def start() -> subprocess.Popen[bytes]:
    """The command on 200 corrections; it writes into `output`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"}
    with Path("output").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(START), "corrections", "crnn_v3_shop"],
            env=environment,
            stdout=output,
            stderr=output,
        )


def others() -> dict[str, list[Sample]]:
    """Lines that the command has not drawn: in Latin-script languages, and in Chinese and Japanese."""
    drawn = {
        "Latin": latin_lines.lines(192, 11, alphabet.read()),
        "mixed": mixed_lines.lines(120, 11, alphabet.read()),
    }
    return {name: [Sample(*line) for line in lines] for name, lines in drawn.items()}


def errors(model: CRNN, sets: dict[str, list[Sample]]) -> dict[str, float]:
    engine = served(model, 2)
    return {name: evaluate(engine, lines)["cer"] for name, lines in sets.items()}


def test_200_corrections_of_a_printer_cut_its_errors_by_half_and_cost_nothing_else(store: Path) -> None:
    export(Path("corrections"), samples(200, 1))
    left = set(store.rglob("*"))
    victim, checkpoint = start(), Path(".cache/runs/crnn_v3_shop/checkpoint.pt")
    while victim.poll() is None and not checkpoint.exists():
        time.sleep(0.1)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL, Path("output").read_text()
    assert set(store.rglob("*")) == left
    assert start().wait() == 0, Path("output").read_text()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert used.ru_utime + used.ru_stime < TWO_CORES
    assert {path.name for path in set(store.rglob("*")) - left} == {
        "crnn_v3_shop.safetensors", "crnn_v3_shop.md", "crnn_v3_shop.mar"
    }  # fmt: skip
    sets = {"printer": samples(200, 2)} | others()
    before = errors(load_weights(START)[0], sets)
    after = errors(load_weights(store / "weights" / "crnn_v3_shop.safetensors")[0], sets)
    assert after["printer"] <= before["printer"] / 2, (before, after)
    assert all(after[name] <= before[name] + 0.005 for name in sets), (before, after)
