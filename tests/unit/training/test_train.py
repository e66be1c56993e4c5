"""The loop: learning rate, checkpoints, and that a killed run goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, load_weights, save_weights
from training import dataset
from training.evaluation.evaluate import evaluate
from training.experiment import Experiment, learning_rate
from training.labelled import Sample
from training.run import Run
from training.train import forward, train

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
TINY = CRNNConfig(ASCII, (Stage(16, 1, (4, 4)), Stage(32, 1, (4, 2))), hidden=64, layers=1, dropout=0.0)
SMALL = CRNNConfig(ASCII, (Stage(4, 1, (4, 4)), Stage(8, 1, (4, 2))), hidden=8)
"""Starts and steps fast; it has dropout, so that chance must go on as well."""
COMMAND = """
from tests.unit.training.test_train import SMALL
from training import train
train.CONFIGS["small"] = lambda _: SMALL
train.main()
"""


@pytest.fixture(autouse=True)
def work_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def test_learning_rate_warms_up_and_ends_at_zero() -> None:
    experiment = Experiment("x", steps=1000, mix={}, warmup=100, learning_rate=1.0)
    rates = [learning_rate(step, experiment) for step in (0, 99, 100, 550, 1000)]
    assert rates == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.0])


@pytest.mark.parametrize(
    ("name", "computes_in"),
    [("avx512_bf16", torch.bfloat16), ("bf16", torch.bfloat16), ("avx512_f", torch.float32)],
)
def test_a_cpu_computes_in_bfloat16_only_where_it_has_instructions_for_it(
    name: str, computes_in: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Layer(nn.Conv2d):
        def forward(self, images: Tensor, *_: object) -> Tensor:
            output = super().forward(images)
            assert output.dtype == computes_in
            return output

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {name: True, "avx2": True})
    assert forward(Layer(1, 2, 3), torch.ones(1, 1, 8, 8)).dtype == torch.float32


def drawn_as_bars(word: str) -> Sample:
    """A word of I, one bar, and M, three bars."""
    image = np.full((32, 40 * len(word)), 255, np.uint8)
    for place, letter in enumerate(word):
        for bar in range({"I": 1, "M": 3}[letter]):
            left = 40 * place + 9 * bar
            image[4:28, left + 6 : left + 10] = 0
    return Sample(image, word)


def words() -> list[Sample]:
    return [drawn_as_bars(word) for word in ("IMM", "MI", "IIM", "MMI")]


def test_a_run_learns_stops_goes_on_and_leaves_servable_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "CHUNK", 64)
    torch.manual_seed(0)
    settings = {"mix": {"real": 1}, "warmup": 10, "columns": 600, "learning_rate": 0.02, "ema": 0.8}

    def go(steps: int) -> Run:
        run = Run(Experiment("tiny", steps=steps, **settings), CRNN(TINY), torch.device("cpu"))
        run.resume()
        lines = dataset.Lines(TINY, settings["mix"], words(), "1")
        train(run, lines, {"bars": words()}, workers=0)
        return run

    assert go(100).step == 100
    run = go(200)
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [100, 100, 200, 200]
    figures = [entry for entry in log if "loss" in entry]
    assert figures[-1]["loss"] < figures[0]["loss"] / 2
    assert all(entry["lines_per_second"] > 0 and 0 <= entry["idle"] <= 1 for entry in figures)
    assert list(run.folder.glob("events.out.tfevents.*"))
    model, facts = load_weights(run.folder / "best.safetensors")
    assert evaluate(model, words())["cer"] < 0.7
    assert facts["training"]["step"] == 200
    assert model.config == TINY


def start(folder: Path, steps: int) -> subprocess.Popen[bytes]:
    """training.train on two drawn words, from small weights, in `folder`."""
    real = folder / "real"
    real.mkdir(parents=True, exist_ok=True)
    for name in ("IM", "MMI"):
        Image.fromarray(drawn_as_bars(name).image).save(real / f"{name}.png")
    (real / "labels.tsv").write_text("IM.png\tIM\nMMI.png\tMMI\n")
    (folder / "tiny.toml").write_text(
        f'name = "tiny"\nmodel = "small"\nsteps = {steps}\ncolumns = 600\ncheckpoint_steps = 5\n'
        "score_steps = 50\nwarmup = 5\nmix = {real = 1.0}\n"
    )
    torch.manual_seed(0)
    save_weights(CRNN(SMALL), folder / "from.safetensors", {})
    command = [sys.executable, "-c", COMMAND, "tiny.toml", "--real", "real"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(
            [*command, "--weights", "from.safetensors"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """kill -9 after a checkpoint; the same command then ends with bit for bit what it would have had."""
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    steps = 25
    first, victim = start(undisturbed, steps), start(killed, steps)
    checkpoint = killed / ".cache/runs/tiny/checkpoint.pt"
    while victim.poll() is None and not checkpoint.exists():
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL, (killed / "output").read_text()
    assert 0 < torch.load(checkpoint)["counters"]["step"] < steps
    assert start(killed, steps).wait() == 0, (killed / "output").read_text()
    assert first.wait() == 0, (undisturbed / "output").read_text()
    one, other = (torch.load(folder / ".cache/runs/tiny/checkpoint.pt") for folder in (undisturbed, killed))
    assert one["positions"] == other["positions"]
    assert one["counters"]["lines"] == other["counters"]["lines"]
    for part in ("model", "average"):
        for name, tensor in one[part].items():
            assert torch.equal(tensor, other[part][name]), name
