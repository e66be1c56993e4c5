"""Augmentation of batches."""

import pytest
import torch

from handler.preprocess import normalize as normalize_line
from training.augmentation import augment
from training.augmentation.augment import STEPS
from training.augmentation.tint import tint


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bars(count: int = 6, channels: int = 1) -> torch.Tensor:
    """Dark bars on a light ground, (count, channels, 32, 96)."""
    images = torch.full((count, channels, 32, 96), 220.0)
    images[..., 6:26, 8:88:10] = 30
    images[..., 6:26, 9:88:10] = 30
    return images


def coloured(count: int) -> torch.Tensor:
    """Red bars on green, (count, 3, 32, 96)."""
    red, green = torch.tensor([[220.0, 30, 20], [20, 110, 40]]).reshape(2, 1, 3, 1, 1)
    share = (bars(count, 3) - 30) / 190
    return red + (green - red) * share


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", [step for _, step in STEPS], ids=lambda step: step.__name__)
def test_each_step_changes_lines_keeps_their_shape_and_repeats_by_seed(
    step: augment.Step, channels: int
) -> None:
    if step is tint and channels == 1:
        pytest.skip("only lines in colour are tinted")
    images = bars(channels=channels)
    changed = step(images.clone(), generator())
    assert changed.shape == images.shape
    assert changed.isfinite().all()
    assert (changed - images).abs().mean() > 0.2
    assert torch.equal(changed, step(images.clone(), generator()))


@pytest.mark.parametrize("step", [augment.skew, augment.resample, augment.blur, augment.compress])
def test_a_line_stays_legible(step: augment.Step) -> None:
    """The output of the step still correlates with its input."""
    images = bars(32)
    changed = step(images, generator())
    rows = (lines[:, 0, 14:18].mean(1) for lines in (images, changed))
    for before, after in zip(*rows, strict=True):
        best = max(torch.corrcoef(torch.stack([before, after.roll(shift)]))[0, 1] for shift in range(-5, 6))
        assert best > 0.3


def test_lines_seen_by_a_camera_are_changed_half_as_often() -> None:
    images = bars(600)[:, 0]
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
    flat = torch.full((2, 1, 32, 32), 140.0)
    assert (augment.compress(flat, generator()) - flat).abs().max() < 16
    assert augment.compress(flat, generator()).std(dim=(1, 2, 3)).max() < 1e-3


GEOMETRY = [augment.skew, augment.resample, augment.blur, augment.shake, augment.relight]


@pytest.mark.parametrize("step", [*GEOMETRY, augment.compress])
def test_what_is_grey_in_three_channels_stays_grey_and_is_changed_as_in_one(step: augment.Step) -> None:
    changed = step(bars(6, 3), generator())
    assert (changed.amax(1) - changed.amin(1)).max() < 0.5
    if step is not augment.compress:
        assert torch.allclose(changed[:, :1], step(bars(6), generator()), atol=0.01)


def test_compression_keeps_colours_about() -> None:
    images = coloured(8)
    changed = augment.compress(images, generator())
    assert (changed - images).mean(dim=(0, 2, 3)).abs().max() < 6
    assert 1 < (changed - images).abs().mean() < 30


def test_noise_and_white_balance_differ_by_channel() -> None:
    for step in (augment.add_noise, augment.change_contrast):
        changed = step(bars(8, 3), generator())
        assert (changed.amax(1) - changed.amin(1)).flatten(1).amax(1).min() > 1


def test_a_grey_line_is_tinted_in_two_colours_some_of_them_equally_bright() -> None:
    images = bars(400, 3)
    changed = tint(images, generator())
    assert changed.min() > -0.01
    assert changed.max() < 255.01
    dark, light = changed[:, :, 10, 8], changed[:, :, 0, 0]
    assert (changed - dark[..., None, None]).abs().sum(1).amin() == 0
    apart = (dark - light).norm(dim=1)
    assert apart.quantile(0.05) > 80
    brightness = torch.tensor([0.299, 0.587, 0.114])
    alike = ((dark - light) @ brightness).abs() < 1
    assert 0.15 < alike.float().mean() < 0.35
    assert apart[alike].min() > 50


def test_a_line_in_colour_is_not_tinted() -> None:
    assert torch.equal(tint(coloured(20), generator()), coloured(20))


def test_a_batch_in_colour_is_augmented_and_normalized() -> None:
    images = torch.cat([coloured(40), bars(40, 3)])
    changed = augment.augment(images, torch.zeros(80, dtype=torch.bool), generator())
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 255
    widths = torch.randint(20, 96, (80,), generator=generator())
    rows = augment.normalize(images.round(), widths)
    for image, width, row in zip(images, widths.tolist(), rows, strict=True):
        line = image.round().byte().permute(1, 2, 0).numpy()[:, :width]
        assert torch.allclose(row[..., :width], torch.from_numpy(normalize_line(line, 3)), atol=1e-4)
        assert not row[..., width:].any()
