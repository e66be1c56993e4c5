"""Which layers learn, from what, and that a run that was stopped goes on as if it had not been."""

import copy
from typing import Any

import pytest
import torch

from handler.charset import ASCII
from handler.model import CRNN, CRNNConfig, Stage, accurate_config, fast_config, large_config
from tests.unit.training.test_train import drawn_as_bars
from training import dataset
from training.finetune import train as finetuning
from training.finetune.train import experiment, frozen, is_over, loss_of, mean, names, shares, train
from training.labelled import Sample
from training.losses import hard_negatives_of
from training.run import Run

TINY = CRNNConfig(ASCII, (Stage(4, 1, (4, 4)), Stage(8, 1, (4, 2))), hidden=8)
BARS = [drawn_as_bars(word) for word in ("IMM", "MI", "IIM", "MMI")]


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_font")]


@pytest.fixture(autouse=True)
def draw_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "CHUNK", 32)
    torch.set_num_threads(1)


def begun(name: str, steps: int = 4) -> tuple[Run, CRNN]:
    """A run of a tiny model, and the model that it starts from."""
    torch.manual_seed(0)
    start = CRNN(TINY).eval()
    return Run(experiment(name, start, {}, steps), copy.deepcopy(start), torch.device("cpu")), start


@pytest.mark.parametrize(
    ("config", "lowest"),
    [
        (accurate_config("ab"), "cnn.layers.11.tokens.weight"),
        (fast_config("ab"), "cnn.layers.8.tokens.weight"),
        (large_config("ab"), "cnn.16.weight"),
    ],
)
def test_the_last_fifth_of_the_convolutions_learns_and_all_above_it(config: CRNNConfig, lowest: str) -> None:
    model = CRNN(config)
    all_of_them = [name for name, _ in model.named_parameters()]
    learning = [name for name in all_of_them if not name.startswith(tuple(names(model, frozen(model))))]
    assert learning[0] == lowest
    assert learning == all_of_them[all_of_them.index(lowest) :]


@pytest.mark.parametrize("config", [accurate_config("ab"), fast_config("ab"), large_config("ab")])
def test_what_the_frozen_convolutions_see_serves_two_models(config: CRNNConfig) -> None:
    model, classes = CRNN(config).eval(), torch.arange(3)
    images = torch.rand(2, config.channels, config.height, 64)
    with torch.no_grad():
        seen = frozen(model)(images)
        assert torch.allclose(model(seen, classes, len(frozen(model))), model(images, classes), atol=1e-5)


def losses(monkeypatch: pytest.MonkeyPatch, sure: float, apart: float) -> float:
    """The loss on a batch, of a student whose last layer is so far from its teacher's."""
    monkeypatch.setattr(finetuning, "TEACHING_CONFIDENCE", sure)
    run, teacher = begun(f"loss-{sure}-{apart}")
    run.model.eval()
    with torch.no_grad():
        run.model.head.bias += apart * torch.arange(len(run.model.head.bias))
    batch = dataset.collate([Sample(line.image[:32], line.text) for line in BARS], ASCII)
    generator = torch.Generator().manual_seed(0)
    return float(loss_of(run, teacher, batch, hard_negatives_of(teacher.head), generator).detach())


def test_only_what_the_teacher_reads_surely_is_taught_on(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = losses(monkeypatch, sure=2.0, apart=0.02)
    assert losses(monkeypatch, sure=0.0, apart=0.02) > labels + 0.05
    same = losses(monkeypatch, sure=2.0, apart=0.0)
    assert losses(monkeypatch, sure=0.0, apart=0.0) == pytest.approx(same, abs=1e-5)


def test_frozen_layers_stay_as_they_are_and_the_others_learn() -> None:
    run, start = begun("frozen")
    train(run, start, BARS, BARS)
    prefixes = tuple(names(start, frozen(start)))
    for (name, old), new in zip(start.named_parameters(), run.model.parameters(), strict=True):
        assert torch.equal(old, new) == name.startswith(prefixes), name
    for (name, old), new in zip(start.cnn.named_buffers(), run.model.cnn.buffers(), strict=True):
        assert torch.equal(old, new), name


class KilledError(Exception):
    pass


def test_a_run_that_was_killed_goes_on_to_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "SAVE_SECONDS", 0)
    undisturbed, start = begun("undisturbed")
    train(undisturbed, start, BARS, BARS)
    killed, start = begun("killed")
    learn = killed.learn

    def die(*given: Any) -> None:
        if killed.step == 3:
            raise KilledError
        learn(*given)

    monkeypatch.setattr(killed, "learn", die)
    with pytest.raises(KilledError):
        train(killed, start, BARS, BARS)
    again, start = begun("killed")
    again.resume()
    assert again.step == 3
    train(again, start, BARS, BARS)
    for name, tensor in undisturbed.average.state_dict().items():
        assert torch.equal(tensor, again.average.state_dict()[name]), name
    assert tensors_of(undisturbed) == tensors_of(again)


def tensors_of(run: Run) -> bytes:
    """The tensors of its best weights."""
    content = (run.folder / "best.safetensors").read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


def test_training_stops_when_the_held_out_lines_are_read_no_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "SCORE_STEPS", 1)
    monkeypatch.setattr(finetuning, "PATIENCE", 2)
    run, start = begun("patient", steps=50)
    run.step = 1  # as if it had read all lines rightly there
    run.keep(1.0, {})
    run.step = 0
    train(run, start, BARS, BARS)
    assert run.step == 3
    assert is_over(run)


def test_the_least_that_leaves_half_of_the_errors_is_tried_first_and_then_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned, start = CRNN(TINY), CRNN(TINY)
    found = mean(learned, start, 0.75)
    assert torch.allclose(found.head.bias, 0.75 * learned.head.bias + 0.25 * start.head.bias)
    errors = iter([0.4, 0.3, 0.2, 0.1])
    monkeypatch.setattr(finetuning, "evaluate", lambda *_: {"cer": next(errors)})
    assert shares(learned, start, BARS) == [0.5, 0.35]
    errors = iter([0.4, 0.3, 0.3, 0.3, 0.3])
    assert shares(learned, start, BARS) == [0.8, 0.65, 0.5, 0.35]
