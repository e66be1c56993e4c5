"""Augmentation of batches."""

import pytest
import torch

from handler.preprocess import normalize as normalize_line
from training import augment
from training.augment import STEPS


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bars(count: int = 6) -> torch.Tensor:
    """Dark bars on a light ground, (count, 32, 96)."""
    images = torch.full((count, 32, 96), 220.0)
    images[:, 6:26, 8:88:10] = 30
    images[:, 6:26, 9:88:10] = 30
    return images


@pytest.mark.parametrize("step", [step for _, step in STEPS], ids=lambda step: step.__name__)
def test_each_step_changes_lines_keeps_their_shape_and_repeats_by_seed(step: augment.Step) -> None:
    images = bars()
    changed = step(images.clone(), generator())
    assert changed.shape == images.shape
    assert changed.isfinite().all()
    assert (changed - images).abs().mean() > 0.2
    assert torch.equal(changed, step(images.clone(), generator()))


@pytest.mark.parametrize("step", [augment.skew, augment.resample, augment.blur, augment.compress])
def test_a_line_stays_legible(step: augment.Step) -> None:
    """What the step gives still goes along with what it was given."""
    images = bars(32)
    changed = step(images, generator())
    for before, after in zip(images[:, 14:18].mean(1), changed[:, 14:18].mean(1), strict=True):
        best = max(torch.corrcoef(torch.stack([before, after.roll(shift)]))[0, 1] for shift in range(-5, 6))
        assert best > 0.3


def test_lines_seen_by_a_camera_are_changed_half_as_often() -> None:
    images = bars(600)
    unchanged = [
        (augment.augment(images, torch.full((600,), gentle), generator()) == images)
        .all((1, 2))
        .float()
        .mean()
        for gentle in (False, True)
    ]
    assert unchanged[0] < 0.12
    assert unchanged[1] > 2 * unchanged[0]


def test_a_batch_is_normalized_as_serving_does_it_line_by_line() -> None:
    images = torch.randint(0, 255, (3, 32, 64), generator=generator()).float()
    widths = torch.tensor([64, 40, 17])
    batch = augment.normalize(images, widths)
    for image, width, row in zip(images, widths.tolist(), batch, strict=True):
        expected = torch.from_numpy(normalize_line(image[:, :width].byte().numpy()))
        assert torch.allclose(row[0, :, :width], expected, atol=1e-4)
        assert not row[0, :, width:].any()


def test_compression_of_a_flat_line_leaves_it_flat() -> None:
    flat = torch.full((2, 32, 32), 140.0)
    assert (augment.compress(flat, generator()) - flat).abs().max() < 16
    assert augment.compress(flat, generator()).std(dim=(1, 2)).max() < 1e-3
