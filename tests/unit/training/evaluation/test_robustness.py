"""Lines turned, joined and made worse."""

import numpy as np
import pytest

from tests.unit.made_lines import line
from training.evaluation import robustness
from training.labelled import Sample


def test_turning_widens_the_canvas_and_keeps_the_ink() -> None:
    image = line("x").image
    for degrees in (4.5, -4.5):
        turned = robustness.rotate(image, degrees)
        assert turned.shape > image.shape
        assert turned[0, 0] == turned[-1, -1] == 255
        assert (255.0 - turned).sum() == pytest.approx((255.0 - image).sum(), rel=0.02)
    dark = robustness.rotate(255 - image, 3)
    assert dark[0, 0] == dark[-1, -1] == 0


def test_lines_in_colour_are_turned_and_joined_in_their_colours() -> None:
    red = Sample(np.full((30, 90, 3), (200, 20, 40), np.uint8), "red")
    turned = robustness.rotate(red.image, 4)
    assert np.abs(turned.astype(int) - (200, 20, 40)).max() <= 1
    joined = robustness.join([line("bar"), red]).image
    assert joined.shape[2] == 3
    assert joined[20, -20].tolist() == [200, 20, 40]
    assert joined[20, 0].tolist() == [255, 255, 255]


def test_joined_lines_have_the_characters_and_the_spaces() -> None:
    samples = [line(f"word{number}", width=60 + number, height=20 + number) for number in range(60)]
    groups = robustness.long_groups(samples)
    assert groups
    for group in groups:
        joined = robustness.join(group)
        assert len(joined.text) >= robustness.LONG > len(joined.text) - len(group[-1].text) - 1
        assert joined.text.split() == [sample.text for sample in group]
        assert joined.image.shape[0] == robustness.JOINED_HEIGHT
        scaled = sum(s.image.shape[1] * robustness.JOINED_HEIGHT / s.image.shape[0] for s in group)
        assert joined.image.shape[1] > scaled


def test_every_condition_keeps_the_labels_and_is_in_the_table() -> None:
    samples = [line("a line of some thirty characters") for _ in range(12)]
    for name, tried in robustness.conditions(samples):
        if "join" not in name:
            assert [sample.text for sample in tried] == [sample.text for sample in samples]
    conditions = dict(robustness.conditions(samples))
    assert conditions["8 px high"][0].image.shape == (8, 30)
    assert np.array_equal(conditions["inverted"][0].image, 255 - samples[0].image)
    figures = robustness.measure(lambda tried: [sample.text for sample in tried], samples)
    assert {of["exact"] for of in figures.values()} == {1.0}
    table = robustness.table({"bars": figures})
    assert table.count("\n") == len(figures) + 1
    assert "| joined to 140 characters | 1.000 | 0.000 |" in table
