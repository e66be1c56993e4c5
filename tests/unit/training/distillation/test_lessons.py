"""Cached lines: what a shard keeps, the order in which it is read, and a lesson that teaches."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from handler.model import CRNN, fast_config
from training.dataset import Position
from training.distillation import features, public_weights
from training.distillation.cached_lines import CachedLines
from training.distillation.train import Lesson
from training.experiment import Experiment
from training.labelled import Sample
from training.run import parameter_groups, set_rate

pytestmark = pytest.mark.slow

WORDS = ["Invoice", "TOTAL 12.50", "amount due", "Rm 3.90", "CASH", "2031-04-05", "qzxj", "thank you"]


def picture(text: str) -> np.ndarray:
    """Black text on white, 48 rows."""
    font = ImageFont.load_default(30)
    image = Image.new("L", (int(font.getlength(text)) + 20, 48), 255)
    ImageDraw.Draw(image).text((10, 6), text, font=font, fill=0)
    return np.asarray(image)


@pytest.fixture(scope="module")
def alphabet() -> str:
    return public_weights.start("crnn_v3").config.alphabet


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, alphabet: str) -> Path:
    path = tmp_path_factory.mktemp("shards")
    samples = [Sample(picture(word), word) for word in WORDS] + [Sample(picture("CASH"), "wrong")]
    features.write_shard(path, 0, samples, features.Teacher(alphabet))
    return path


def test_a_shard_says_which_labels_the_teacher_reads(folder: Path) -> None:
    (shard,) = features.read_shards(folder)
    agrees = {entry.text: entry.agrees for entry in shard.entries}
    assert not agrees.pop("wrong")
    assert all(agrees.values())
    assert shard.entries[-1].end == len(shard.features) == len(shard.pixels) // 8


def test_what_is_cached_is_what_the_convolutions_say(folder: Path, alphabet: str) -> None:
    model = public_weights.start("crnn_v3").eval()
    lines = CachedLines(folder, alphabet, "a")
    longest = max(lines.places, key=lambda place: place[1].width)
    batch = lines.batch([longest], with_images=True)
    with torch.inference_mode():
        shortcut, found = model.cnn(batch.images.float() / 127.5 - 1)
    assert (shortcut - batch.shortcut).abs().mean() < 0.01
    assert (found - batch.features).abs().mean() < 0.01


def test_the_order_goes_on_where_it_was_left(folder: Path, alphabet: str) -> None:
    lines = CachedLines(folder, alphabet, "a")
    first = lines.stream(200, with_images=False, start=Position())
    position, _ = next(first)
    expected = [next(first)[1].targets.tolist() for _ in range(3)]
    later = CachedLines(folder, alphabet, "a").stream(200, with_images=False, start=position)
    assert [next(later)[1].targets.tolist() for _ in range(3)] == expected


@pytest.mark.parametrize(("name", "frozen"), [("crnn_v3", -1), ("crnn_v3", 11), ("crnn_v3_lite", 0)])
def test_a_lesson_is_learned(folder: Path, alphabet: str, name: str, frozen: int) -> None:
    share = 0.02 if frozen > 0 else float(frozen == 0)
    distance = 0.01 if name == "crnn_v3" else 0.0
    experiment = Experiment(
        name, 10, {}, negatives=100, frozen=frozen, rates={"cnn": share}, distance=distance
    )
    model = public_weights.start(name) if name == "crnn_v3" else CRNN(fast_config(alphabet))
    lesson = Lesson(model, None, experiment)
    optimizer = torch.optim.AdamW(parameter_groups(model, experiment.rates))
    set_rate(optimizer, 1e-3)
    lines = CachedLines(folder, alphabet, "a")
    batch = lines.batch(lines.places, with_images=frozen >= 0)
    losses = []
    for _ in range(10):
        loss = lesson(batch, torch.Generator().manual_seed(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_layers_without_a_share_of_the_rate_stay_as_they_are() -> None:
    model = CRNN(fast_config("abc"))
    groups = parameter_groups(model, {"cnn.neck": 0.5, "cnn": 0.0})
    learned = {id(parameter) for group in groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        assert (id(parameter) in learned) == (not name.startswith("cnn.layers")) == parameter.requires_grad
