"""Lines that tell what is forgotten: the same each time, in the languages that the alphabet spells."""

import re

import numpy as np
import pytest

from handler.charset import ASCII
from handler.model import CRNNConfig, Stage
from training.finetune.renders import test_lines as draw

STAGES = (Stage(4, 1, (4, 4)), Stage(8, 1, (4, 1)))


@pytest.mark.usefixtures("one_font")
def test_the_same_lines_are_drawn_each_time_and_more_of_them_begin_alike() -> None:
    config = CRNNConfig(ASCII, STAGES)
    first, again = draw(config, 12)["English"], draw(config, 14)["English"]
    assert len(first) == 12
    for one, other in zip(first, again[:12], strict=True):
        assert one.text == other.text
        assert np.array_equal(one.image, other.image)


@pytest.mark.usefixtures("one_font")
def test_no_line_has_leaders_whose_dots_nobody_counts() -> None:
    lines = draw(CRNNConfig(ASCII, STAGES), 150)["English"]
    assert not [line.text for line in lines if re.search(r"\.{3}|…", line.text)]
    assert all(any(map(str.isalpha, line.text)) for line in lines)


@pytest.mark.usefixtures("one_font")
def test_languages_that_the_alphabet_cannot_spell_are_left_out() -> None:
    groups = draw(CRNNConfig(ASCII, STAGES), 1)
    assert "English" in groups
    assert not {"Chinese", "Japanese"} & set(groups)
