"""How lines are set and coloured; a font of boxes, so that nothing is fetched."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.charset import ASCII
from tests.unit.box_font import box_font
from training.fonts import coverage as fonts
from training.fonts import typefaces
from training.render import colour, surface, typesetting
from training.render import line as render
from training.text import generator as text

CHARS = ASCII + "²³¹⁰½中国。０Ａ😀"


@pytest.fixture(autouse=True)
def font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = box_font(tmp_path / "box.ttf", CHARS)
    monkeypatch.setattr(typefaces, "_fonts", lambda: dict.fromkeys(fonts.families(), (path,)))
    typefaces.emoji_font.cache_clear()
    return path


def told(runs: list[typesetting.TextRun]) -> str:
    return "".join(run.text for run in runs)


def test_raised_figures_are_set_smaller_and_higher_where_they_are_composed(font: str) -> None:
    area, two, rest = typesetting.set_line(random.Random(0), "m² x", font, 40, composed=True)
    assert (area.text, two.text, rest.text) == ("m", "2", " x")
    assert two.rise > 0 == area.rise == rest.rise
    assert two.font.size < area.font.size == rest.font.size
    assert told(typesetting.set_line(random.Random(0), "m² x", font, 40)) == "m² x"


def test_a_raised_figure_that_the_font_lacks_is_composed_of_a_plain_one(
    font: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "draw", lambda *_: "x⁷")
    drawn, path = render.draw_text(random.Random(0), render.DOMAINS["document"], ASCII + "⁷中")
    assert (drawn, path) == ("x⁷", font)
    assert all(render._composes(random.Random(seed), "x⁷", font) for seed in range(20))
    assert {render._composes(random.Random(seed), "x²", font) for seed in range(20)} == {True, False}


def test_an_emoji_is_drawn_beside_the_words_and_takes_none_of_them_away(font: str) -> None:
    for seed in range(20):
        runs = typesetting.set_line(random.Random(seed), "see you at 5", font, 40, emoji=True)
        plain = typesetting.set_line(random.Random(seed), "see you at 5", font, 40)
        (sign,) = (run.text for run in runs if run.text in typesetting.EMOJI)
        assert told(runs).replace(sign, "") == "see you at 5"
        assert typesetting.length(runs) > typesetting.length(plain) + 30


def test_a_line_is_as_long_as_its_runs(font: str) -> None:
    """The ink ends where length() says, whatever the gaps."""
    for line in ("中 a", "国a", "abc"):
        runs = typesetting.set_line(random.Random(3), line, font, 40)
        image = Image.new("L", (400, 80))
        typesetting.write(image, (10, 60), runs)
        assert 0 < 10 + typesetting.length(runs) - image.getbbox()[2] < 25


@pytest.mark.parametrize(("line", "told_apart"), [("中0", True), ("中０", True), ("中Ａ0", True)])
def test_a_font_must_show_which_figures_are_full_width(font: str, line: str, told_apart: bool) -> None:
    assert typefaces.tells_full_width(font, line) is told_apart


def test_a_font_with_figures_as_wide_as_chinese_characters_is_used_for_neither(tmp_path: Path) -> None:
    square = box_font(tmp_path / "square.ttf", "中国０")
    assert not typefaces.tells_full_width(square, "中0")  # drawn as the box of what is lacking
    assert typefaces.tells_full_width(square, "中国")


@pytest.mark.parametrize("scene", [True, False])
def test_pictures_are_grey_unless_they_are_to_be_coloured(scene: bool) -> None:
    ink = Image.new("L", (120, 40))
    ink.paste(255, (30, 10, 90, 30))
    for seed in range(10):
        assert surface.paint(random.Random(seed), ink, scene).shape == (40, 120)
        assert surface.paint(random.Random(seed), ink, scene, coloured=True).shape == (40, 120, 3)


@pytest.mark.parametrize("domain", ["scene", "screen", "document", "digits"])
def test_colour_is_drawn_only_where_it_is_asked_for(domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "draw", lambda *_: "12 a")
    shapes: dict[bool, set[int]] = {
        asked: {
            render.render(random.Random(seed), render.DOMAINS[domain], ASCII, colour=asked)[0].ndim
            for seed in range(30)
        }
        for asked in (False, True)
    }
    assert shapes[False] == {2}
    assert 3 in shapes[True]


def test_ink_can_be_told_from_its_ground_by_its_level_or_by_its_hue() -> None:
    equal = 0
    for seed in range(300):
        rng = random.Random(seed)
        ground = colour.any_ground(rng, 200.0, 3)
        ink = colour.apart(rng, ground, 50)
        near = abs(colour.luminance(ink) - colour.luminance(ground)) < 50
        equal += near
        assert not near or np.abs(ink - ground).max() > 90
    assert 0 < equal < 80


@pytest.mark.parametrize("choose", [colour.printed, colour.paper])
def test_print_is_about_as_bright_in_colour_as_in_grey(
    choose: Callable[[random.Random, float, int], colour.Levels],
) -> None:
    for seed in range(60):
        for level in (20.0, 120.0, 230.0):
            assert abs(colour.luminance(choose(random.Random(seed), level, 3)) - level) < 30


def test_small_print_is_a_few_pixels_high(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "draw", lambda *_: "terms and conditions")
    domain = replace(render.DOMAINS["document"], small=1.0, kinds={})
    heights = [len(render.render(random.Random(seed), domain)[0]) for seed in range(30)]
    assert min(heights) >= 9
    assert max(heights) <= 15


def test_a_font_that_gives_an_accented_letter_a_square_is_not_used_for_it(tmp_path: Path) -> None:
    """As many Japanese fonts do."""
    path = box_font(tmp_path / "latin.ttf", ASCII + "é")
    assert typefaces._suits(path, "été")
    assert not typefaces._suits(
        box_font(tmp_path / "without.ttf", ASCII), "été"
    )  # a square for what is lacking
