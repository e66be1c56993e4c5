"""The whole command on words drawn as bars: it ships what has learned, and nothing that has unlearned."""

import json
import re
from itertools import product
from pathlib import Path

import pytest
import torch

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, load_weights, save_weights
from tests.unit.training.finetune.printer import export
from tests.unit.training.test_train import drawn_as_bars
from training import dataset, package
from training.experiment import Experiment
from training.finetune import __main__ as command
from training.finetune import shipping
from training.finetune import train as finetuning
from training.finetune.corrections import hold_out
from training.labelled import Sample
from training.run import Run
from training.train import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_font")]
CONFIG = CRNNConfig(ASCII, (Stage(16, 1, (4, 4)), Stage(32, 1, (4, 2))), hidden=64, layers=1, dropout=0.0)
WORDS = [drawn_as_bars("".join(word)) for size in (2, 3, 4) for word in product("IM", repeat=size)]
SWAPPED = str.maketrans("IM", "MI")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a model that reads the words; what it may lose on other lines is not looked at."""
    monkeypatch.setattr(dataset, "CHUNK", 64)
    monkeypatch.setattr(shipping, "LINES", 40)
    monkeypatch.setattr(command, "LINES_A_LANGUAGE", 4)
    monkeypatch.setattr(shipping, "TOLERANCE", 10.0)
    monkeypatch.setattr(finetuning, "MIX", {"real": 1.0})
    folder = tmp_path / "store"
    (folder / "weights").mkdir(parents=True)
    (folder / "model-config.yaml").write_bytes((package.STORE / "model-config.yaml").read_bytes())
    (folder / "archives.toml").write_text("[archives]\n")
    return folder


def start(path: Path, steps: int) -> Path:
    """Weights that have seen the words so many times."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    settings = {"warmup": 10, "columns": 600, "learning_rate": 0.02, "ema": 0.8}
    run = Run(
        Experiment("bars", steps=steps, mix={"real": 1.0}, **settings), CRNN(CONFIG), torch.device("cpu")
    )
    train(run, dataset.Lines(CONFIG, {"real": 1.0}, WORDS, "1"), {"words": WORDS})
    save_weights(load_weights(run.folder / "best.safetensors")[0], path, {"version": "1.0"})
    return path


def kept(store: Path) -> set[str]:
    return {path.name for path in store.rglob("*") if path.is_file()} - {"model-config.yaml", "archives.toml"}


def finetune(store: Path, lines: list[Sample], name: str) -> int:
    """The command's exit status, on these lines as readers have labelled them."""
    folder = export(Path(f"{name}-lines"), lines)
    return command.main(["start.safetensors", str(folder), name], store)


def test_what_has_learned_is_shipped_with_its_card(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = start(Path("start.safetensors"), steps=60)
    before = weights.read_bytes()
    assert finetune(store, WORDS, "shop") == 0, capsys.readouterr().err
    assert kept(store) == {"shop.safetensors", "shop.md", "shop.mar"}
    assert weights.read_bytes() == before
    _, facts = load_weights(store / "weights" / "shop.safetensors")
    assert facts[shipping.BEGINS_AS] == "start"
    card, printed = (store / "shop.md").read_text("utf-8"), capsys.readouterr().out
    row = next(line for line in printed.splitlines() if line.startswith("| held-out corrections | 6 |"))
    assert row in card
    assert "| English | 4 |" in card


def test_what_has_unlearned_is_refused_and_leaves_nothing(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines to learn say I for M and M for I; those held out are right."""
    start(Path("start.safetensors"), steps=200)
    monkeypatch.setattr(finetuning, "LEARNING_RATE", 0.02)
    monkeypatch.setattr(finetuning, "SHARES", (0.65, 0.8))
    learn, held_out = hold_out(WORDS)
    wrong = [Sample(line.image, line.text.translate(SWAPPED)) for line in learn]
    assert finetune(store, [*wrong, *held_out], "shop") == 1
    assert kept(store) == set()
    error = capsys.readouterr().err
    assert "shop is not shipped, for it reads worse than start.safetensors" in error
    assert re.search(r"held-out corrections: CER 0\.\d+ before, \d\.\d+ after \(\+\d+", error), error


def test_input_that_cannot_be_used_ends_with_2(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_weights(CRNN(CONFIG), Path("start.safetensors"), {})
    assert finetune(store, WORDS[:5], "shop") == 2
    assert "there must be 20" in capsys.readouterr().err
    assert command.main(["none", "lines", "shop"], store) == 2
    assert "There is no model none" in capsys.readouterr().err
    assert command.main(["start.safetensors", "lines", "crnn_v3"], package.STORE) == 2
    assert "crnn_v3 is a model of the project" in capsys.readouterr().err


def test_other_lines_begin_anew_and_runs_of_another_kind_stay(store: Path) -> None:
    folder = Path(".cache/runs/shop")
    folder.mkdir(parents=True)
    (folder / "checkpoint.pt").write_text("of another run")
    save_weights(CRNN(CONFIG), Path("start.safetensors"), {})
    assert finetune(store, WORDS, "shop") == 2
    assert (folder / "checkpoint.pt").read_text() == "of another run"
    (folder / "finetune.json").write_text(json.dumps({"lines": "others"}))
    assert command.main(["start.safetensors", "shop-lines", "shop", "--steps", "2"], store) == 0
