"""Lines, batches and real folders."""

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handler.charset import ASCII
from handler.model import CRNNConfig, Stage
from tests.unit.made_lines import folder_of_lines
from training import dataset
from training.dataset import BUCKET, Batch, Lines, Position, group, recrop, stream
from training.labelled import Sample, load_real

TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "CHUNK", 40)


def words(count: int) -> list[Sample]:
    """Noise of various widths, each with a text that tells it from the others."""
    noise = np.random.default_rng(0)
    return [
        Sample(noise.integers(0, 255, (32, 40 + 9 * i), dtype=np.uint8), f"{i:03}", real=True)
        for i in range(count)
    ]


def lines(seed: str = "1") -> Lines:
    return Lines(TINY, {"real": 1}, words(20), seed)


def same(a: Batch, b: Batch) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in vars(a))


def test_batches_hold_lines_of_like_width_and_their_labels() -> None:
    for _, batch in itertools.islice(stream(lines(), columns=1200), 12):
        count, height, width = batch.images.shape
        assert height == TINY.height
        assert width % BUCKET == 0
        assert width - BUCKET < batch.widths.max() <= width
        assert len(batch.lengths) == len(batch.folded) == len(batch.gentle) == count
        assert batch.lengths.sum() == len(batch.targets)
        assert 1 <= batch.targets.min() <= batch.targets.max() <= len(ASCII)


def test_a_group_fills_its_columns_and_none_is_lost() -> None:
    samples = words(30)
    groups = group(samples, 1000, random.Random(0))
    assert sorted(s.text for members in groups for s in members) == [s.text for s in samples]
    full = [len(members) * max(s.image.shape[1] for s in members) for members in groups]
    assert sorted(full)[1] > 700
    assert max(full) <= max(1000, 4 * 320)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_it_was_stopped(workers: int) -> None:
    """From any position, and however many processes draw, the same batches follow."""
    whole = list(itertools.islice(stream(lines(), 1200), 9))
    for stop in (0, 3, 7):
        rest = stream(lines(), 1200, workers, whole[stop][0])
        for (position, expected), (again, batch) in zip(whole[stop + 1 :], rest, strict=False):
            assert position == again
            assert same(expected, batch)


def test_another_seed_draws_other_lines() -> None:
    (_, one), (_, other) = next(stream(lines("1"), 1200)), next(stream(lines("2"), 1200))
    assert not same(one, other)


def test_positions_count_batches_of_a_chunk() -> None:
    positions = [position for position, _ in itertools.islice(stream(lines(), 1200), 30)]
    assert positions[0] == Position(0, 1)
    assert [p.batch for p in positions if p.chunk == 0] == list(
        range(1, sum(p.chunk == 0 for p in positions) + 1)
    )
    assert positions == sorted(positions, key=lambda p: (p.chunk, p.batch))
    assert positions[-1].chunk > 0


def in_colour(image: np.ndarray) -> np.ndarray:
    return np.dstack([image, 255 - image, image // 2])


def test_batches_for_three_channels_hold_colours_and_grey() -> None:
    config = replace(TINY, channels=3)
    samples = [replace(s, image=in_colour(s.image)) if i % 2 else s for i, s in enumerate(words(20))]
    for _, batch in itertools.islice(stream(Lines(config, {"real": 1}, samples, "1"), columns=1200), 6):
        assert batch.images.dtype == torch.uint8
        assert batch.images.shape[1:3] == (3, config.height)
        red, green, blue = batch.images.int().unbind(1)
        for number, text in enumerate(texts(batch)):
            if int(text) % 2:
                assert (red[number] + green[number] - 255).abs().float().mean() < 2
                assert (red[number] // 2 - blue[number]).abs().float().mean() < 1
            else:
                assert torch.equal(red[number], green[number])
                assert torch.equal(red[number], blue[number])


def texts(batch: Batch) -> list[str]:
    classes = batch.targets.split(batch.lengths.tolist())
    return ["".join(ASCII[index - 1] for index in label.tolist()) for label in classes]


def test_lines_in_colour_are_grey_for_one_channel() -> None:
    samples = [replace(s, image=in_colour(s.image)) for s in words(20)]
    _, batch = next(stream(Lines(TINY, {"real": 1}, samples, "1"), columns=1200))
    assert batch.images.ndim == 3


def test_a_line_in_colour_is_cut_otherwise_as_a_grey_one_is() -> None:
    (sample,) = words(1)
    for seed in range(20):
        grey = recrop(random.Random(seed), sample.image)
        colours = recrop(random.Random(seed), in_colour(sample.image))
        assert np.array_equal(colours[..., 0], grey)
        assert colours.shape == (*grey.shape, 3)


def test_lines_are_as_wide_as_their_height_allows() -> None:
    wide = Sample(np.random.default_rng(0).integers(0, 255, (48, 1700), dtype=np.uint8), "wide", real=True)
    config = replace(TINY, height=48)
    drawn = [Lines(config, {"real": 1}, [wide, *words(2)], "1")[index] for index in range(40)]
    assert max(sample.image.shape[1] for sample in drawn) <= 1600
    assert any(sample.text == "wide" for sample in drawn)


def test_real_lines_keep_their_colours(tmp_path: Path) -> None:
    folder = folder_of_lines(tmp_path / "words", ["one", "two"])
    Image.new("RGB", (60, 30), (200, 30, 90)).save(folder / "1.png")
    grey, colours = load_real([str(folder)], ASCII)
    assert grey.image.shape == (30, 60)
    assert colours.image.shape == (30, 60, 3)
    assert colours.image[0, 0].tolist() == [200, 30, 90]
