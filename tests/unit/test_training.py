"""Rendering, batches, the loss and the figures; fonts are Pillow's own, so that nothing is fetched."""

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont

from handler.charset import ASCII
from handler.decode import Character, Recognition
from handler.model import CRNN, CRNNConfig, Stage, load_weights
from handler.preprocess import to_line
from training import dataset, fonts, positions, render, text
from training.dataset import BUCKET, LineStream, Sample, load_real, read_labels, read_receipts
from training.evaluate import edit_distance, evaluate, score
from training.train import Experiment, Run, ctc_loss, fold_case, learning_rate, train

TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


@pytest.fixture(autouse=True)
def one_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pillow.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    sections = {section: [str(path)] for section in fonts.families()}
    monkeypatch.setattr(render, "_fonts", lambda: sections)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("mix", [text.SCENE, text.RECEIPT, text.DOCUMENT])
def test_text_stays_in_the_alphabet_and_within_its_length(mix: text.Mix) -> None:
    rng = random.Random(0)
    lines = [text.draw(rng, mix) for _ in range(3000)]
    assert all(1 <= len(line) <= text.MAX_CHARS and line == line.strip() for line in lines)
    assert set("".join(lines)) <= set(ASCII)
    assert len(set(lines)) > 2000


def test_every_character_is_written_often_enough() -> None:
    rng = random.Random(0)
    counts = Counter(
        char
        for mix in (text.SCENE, text.RECEIPT, text.DOCUMENT)
        for _ in range(5000)
        for char in text.draw(rng, mix)
    )
    assert all(counts[char] >= 20 for char in ASCII)


@pytest.mark.parametrize("domain", render.DOMAINS)
def test_renders_are_images_of_their_text_and_repeat_by_seed(domain: str) -> None:
    for seed in range(25):
        image, label = render.render(random.Random(seed), render.DOMAINS[domain])
        again, _ = render.render(random.Random(seed), render.DOMAINS[domain])
        assert image.dtype == np.uint8
        assert min(image.shape) >= 4
        assert label == " ".join(label.split())
        assert np.array_equal(image, again)


def test_no_font_draws_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a font without digits and one with them, a number always gets the second."""
    monkeypatch.setattr(render, "coverage", lambda path: frozenset("abc" if path == "letters" else "0123"))
    monkeypatch.setattr(render, "_fonts", lambda: {"sans": ["letters", "digits"]})
    monkeypatch.setattr(render, "_load", lambda path, _size: path)
    assert {render.choose_font(random.Random(i), {"sans": 1}, "123") for i in range(20)} == {"digits"}


def test_batches_hold_lines_of_one_bucket_and_their_labels() -> None:
    stream = iter(LineStream(TINY, {"scene": 1, "receipt": 1}, [], columns=2000, seed=1))
    for _ in range(6):
        batch = next(stream)
        count, _, height, width = batch.images.shape
        assert height == TINY.height
        assert width % BUCKET == 0
        assert count == max(4, 2000 // width)
        assert len(batch.lengths) == len(batch.folded) == count
        assert batch.lengths.sum() == len(batch.targets)
        assert 1 <= batch.targets.min() <= batch.targets.max() <= len(ASCII)


def folder_of_lines(path: Path, texts: list[str]) -> Path:
    path.mkdir()
    rows = []
    for i, label in enumerate(texts):
        Image.new("L", (20 * len(label), 30), 200).save(path / f"{i}.png")
        rows.append(f"{i}.png\t{label}")
    (path / "labels.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return path


def test_labels_keep_tabs_apart_from_text(tmp_path: Path) -> None:
    folder = folder_of_lines(tmp_path / "words", ["one", "two words"])
    assert [label for _, label in read_labels(folder)] == ["one", "two words"]


def test_real_lines_outside_the_alphabet_are_left_out(tmp_path: Path) -> None:
    folder = folder_of_lines(tmp_path / "words", ["one", "café", "客票"])
    assert [sample.text for sample in load_real([str(folder)], ASCII)] == ["one"]


def test_receipts_are_cut_by_their_boxes_and_split(tmp_path: Path) -> None:
    for name in ("img", "box"):
        (tmp_path / name).mkdir()
    page = np.zeros((100, 200), np.uint8)
    page[10:30, 20:90] = 200
    for name in ("001", "002"):
        Image.fromarray(page).save(tmp_path / "img" / f"{name}.png")
        (tmp_path / "box" / f"{name}.csv").write_text("20,10,90,10,90,30,20,30,TOTAL, 5\n")
    (tmp_path / "split.tsv").write_text("001\ttrain\n002\tmeasure\n")
    (sample,) = read_receipts(tmp_path, "train")
    assert (sample.text, sample.folded, sample.image.shape) == ("TOTAL, 5", True, (20, 70))
    assert sample.image.min() == 200


def test_folded_rows_accept_either_case_and_others_do_not() -> None:
    log_probs = torch.randn(2, 5, 1 + len(ASCII)).log_softmax(2)
    merged = fold_case(log_probs, torch.tensor([True, False]), ASCII)
    upper, lower = ASCII.index("G") + 1, ASCII.index("g") + 1
    both = log_probs[0, :, upper].exp() + log_probs[0, :, lower].exp()
    assert torch.allclose(merged[0, :, upper].exp(), both)
    assert merged[0, :, lower].exp().max() == 0
    assert torch.allclose(merged[0].exp().sum(1), torch.ones(5))
    assert torch.equal(merged[1], log_probs[1])


def test_the_loss_of_a_folded_line_does_not_depend_on_case() -> None:
    """What the network says as lower case fulfils an upper-case label, if that label is folded."""

    class Spells(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(images.shape[0], 4, 1 + len(ASCII))
            logits[:, 1, ASCII.index("a") + 1] = 20
            logits[:, [0, 2, 3], 0] = 20
            return logits

    def loss(label: str, folded: bool) -> float:
        batch = dataset.Batch(
            torch.zeros(1, 1, 32, 16),
            torch.tensor([ASCII.index(label) + 1]),
            torch.tensor([1]),
            torch.tensor([folded]),
        )
        return ctc_loss(Spells(), batch, ASCII).item()

    assert loss("A", folded=True) < 0.1
    assert loss("A", folded=False) > 5
    assert loss("a", folded=False) < 0.1


def test_learning_rate_warms_up_and_ends_at_zero() -> None:
    experiment = Experiment("x", steps=1000, mix={}, warmup=100, learning_rate=1.0)
    rates = [learning_rate(step, experiment) for step in (0, 99, 100, 550, 1000)]
    assert rates == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.0])


def test_figures_follow_their_protocols() -> None:
    pairs = [("Hello!", "hello"), ("A B", "A  B"), ("x", "..."), ("abcd", "abxd")]
    figures = score(pairs)
    assert figures["lines"] == 4
    assert figures["word"] == round(2 / 3, 4)
    assert figures["word_cased"] == round(1 / 3, 4)
    assert figures["exact"] == 0.25
    assert figures["cer"] == round((1 + 0 + 3 + 1) / (5 + 3 + 3 + 4), 4)


@pytest.mark.parametrize(
    ("a", "b", "edits"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
)
def test_edit_distance(a: str, b: str, edits: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == edits


def drawn_as_bars(word: str) -> Sample:
    """A word of I, one bar, and M, three bars."""
    image = np.full((32, 40 * len(word)), 255, np.uint8)
    for place, letter in enumerate(word):
        for bar in range({"I": 1, "M": 3}[letter]):
            left = 40 * place + 9 * bar
            image[4:28, left + 6 : left + 10] = 0
    return Sample(image, word)


def test_a_run_learns_stops_resumes_and_leaves_servable_weights() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    samples = [drawn_as_bars(word) for word in ("IMM", "MI", "IIM", "MMI")]
    settings = {"mix": {"real": 1}, "warmup": 10, "columns": 1600, "learning_rate": 0.01, "ema": 0.8}

    def go(steps: int) -> Run:
        run = Run(Experiment("tiny", steps=steps, **settings), CRNN(TINY), torch.device("cpu"))
        run.resume()
        stream = LineStream(TINY, settings["mix"], samples, settings["columns"], seed=run.step)
        train(run, stream, {"bars": samples}, workers=0)
        return run

    assert go(100).step == 100
    run = go(400)
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [100, 100, 200, 300, 400, 400]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < losses[0] / 2
    model, facts = load_weights(run.folder / "best.safetensors")
    assert evaluate(model, samples)["cer"] < 0.7
    assert facts["training"]["step"] == 400
    assert model.config == TINY


def test_the_offset_is_measured_in_pixels_at_model_height(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that sees every character 5 pixels too far left is found out, at the model's scale."""
    path = tmp_path / "family-400-normal.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    monkeypatch.setattr(positions, "font_files", lambda: {"sans": [str(path)], "serif": []})
    known = {image.tobytes(): (line, places) for image, line, places in positions.known_lines(20, seed=0)}
    scales = []

    def shifted(_model: CRNN, lines: list[np.ndarray]) -> list[Recognition]:
        line, places = known[lines[0].tobytes()]
        scales.append(to_line(lines[0], TINY.height).shape[1] / lines[0].shape[1])
        extents = zip(line, places, strict=True)
        characters = tuple(Character(c, 1.0, start - 5, end - 5) for c, (start, end) in extents)
        return [Recognition(line, 1.0, characters)]

    monkeypatch.setattr(positions, "recognize_lines", shifted)
    shift, _ = positions.measure(CRNN(TINY), count=20, seed=0)
    assert -5 * max(scales) <= shift <= -5 * min(scales)
