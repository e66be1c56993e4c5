"""Lines, batches and real folders."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handler.charset import ASCII
from handler.model import CRNNConfig, Stage
from training import dataset
from training.dataset import (
    BUCKET,
    Batch,
    Lines,
    Position,
    Sample,
    group,
    load_real,
    read_labels,
    read_receipts,
    stream,
)

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
    assert (sample.text, sample.folded, sample.real, sample.image.shape) == ("TOTAL, 5", True, True, (20, 70))
    assert sample.image.min() == 200
