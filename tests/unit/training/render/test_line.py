"""Lines as they are rendered: by domain, font, style and ground."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from handler.charset import ASCII
from tests.unit.box_font import WIDE
from training.fonts import typefaces
from training.render import line as render
from training.render import plates, surface, typesetting
from training.text import generator as text

pytestmark = pytest.mark.usefixtures("one_font")


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
    monkeypatch.setattr(typefaces, "coverage", lambda path: frozenset("abc" if path == "letters" else "0123"))
    monkeypatch.setattr(typefaces, "_fonts", lambda: {"sans": ("letters", "digits")})
    assert {typefaces.pick_font(random.Random(i), {"sans": 1}, "123") for i in range(20)} == {"digits"}
    assert typefaces.pick_font(random.Random(0), {"sans": 1, "absent": 1}, "a1") is None


def test_chinese_is_drawn_by_wide_fonts_and_latin_by_both(wide_font: str) -> None:
    domain = render.DOMAINS["document"]
    for text_, alphabet, low, high in (
        ("中国A1", WIDE, 200, 200), ("Total 12", WIDE, 10, 60), ("Total 12", ASCII, 0, 0)
    ):  # fmt: skip
        paths = [render.choose_font(random.Random(i), domain, text_, alphabet) for i in range(200)]
        assert low <= paths.count(wide_font) <= high
        assert None not in paths


@pytest.mark.usefixtures("wide_font")
@pytest.mark.parametrize("domain", render.DOMAINS)
def test_lines_with_chinese_repeat_by_seed_and_no_text_is_drawn_that_no_font_has(
    domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = ["龘", "中国 日本", "の、に。", "語", "Total"]
    monkeypatch.setattr(text, "draw", lambda rng, *_: rng.choice(drawn))
    labels = set()
    for seed in range(25):
        image, label = render.render(random.Random(seed), render.DOMAINS[domain], WIDE)
        again, _ = render.render(random.Random(seed), render.DOMAINS[domain], WIDE)
        assert np.array_equal(image, again)
        labels.add(label)
    assert labels == set(drawn[1:])


def test_flat_ink_keeps_the_rows_of_its_line() -> None:
    """一 alone, cut out by its ink, would be a bar as high as the line."""
    ink = Image.new("L", (96, 96))
    ink.paste(255, (34, 50, 62, 53))
    for seed in range(40):
        assert render.crop(random.Random(seed), ink, 32).height > 20


def test_a_font_with_a_yen_sign_for_the_backslash_is_found_out(wide_font: str) -> None:
    """A square is symmetric too."""
    latin = typefaces._fonts()["sans"][0]
    assert typefaces.draws_backslash(latin)
    assert not typefaces.draws_backslash(wide_font)
    assert typefaces.pick_font(random.Random(0), {"wide-sans": 1, "sans": 1}, "a\\b") == latin


def test_a_space_beside_a_wide_character_is_clearly_wider_than_any_gap_of_typesetting(wide_font: str) -> None:
    """So that a reader sees all spaces that are labelled, and no others."""
    font = ImageFont.truetype(wide_font, 40)
    seen = set()
    for seed in range(40):
        gaps = typesetting.boundary_gaps(random.Random(seed), "第3章 a b 日", font)
        narrow, *_, between, after_b, _ = gaps
        assert narrow == gaps[1]  # on both sides of the figure
        assert narrow <= 0.25 * 40
        space = font.getlength(" ")
        assert space + gaps[3] >= narrow + 0.4 * 40 - 1e-6
        assert space + after_b >= narrow + 0.4 * 40 - 1e-6
        assert between == gaps[5] == 0  # Latin words have the font's own
        seen.add(narrow > 0)
    assert seen == {True, False}


def test_the_cells_of_a_plate_are_of_one_size() -> None:
    path = typefaces._fonts()["sans"][0]
    ink = np.asarray(plates.draw_plate(random.Random(0), "AB", path)) > 0
    longer = np.asarray(plates.draw_plate(random.Random(0), "ABMW", path)) > 0
    assert longer.shape[0] == ink.shape[0]
    assert longer.shape[1] > 1.3 * ink.shape[1]


def test_a_crop_keeps_nearly_all_of_the_ink() -> None:
    """Letters at the ends may lose a sliver, as in careless crops, and no more."""
    for seed in range(60):
        rng = random.Random(seed)
        ink = Image.new("L", (200, 96))
        ink.paste(255, (40, 40, 160, 64))
        cut = render.crop(rng, ink, 32)
        assert np.asarray(cut).sum() > 0.8 * np.asarray(ink).sum()


@pytest.mark.parametrize("scene", [True, False])
def test_ink_can_be_told_from_its_ground(scene: bool) -> None:
    """Whatever the style, the levels where ink lies, or at its edges, are not those of the ground."""
    ink = Image.new("L", (160, 48))
    ink.paste(255, (40, 12, 120, 36))
    mask = np.asarray(ink) > 0
    apart = 0
    for seed in range(80):
        image = surface.paint(random.Random(seed), ink, scene)
        assert image.shape == (48, 160)
        shifted = np.abs(np.diff(image.astype(int), axis=1))
        apart += shifted[mask[:, 1:] != mask[:, :-1]].mean() > 15
    assert apart > 72


def test_dots_of_a_matrix_printer_lie_on_a_grid() -> None:
    ink = Image.new("L", (300, 60))
    ink.paste(255, (50, 10, 250, 50))
    dots = np.asarray(surface.dot_matrix(random.Random(3), ink))
    filled = dots[dots.shape[0] // 3 : dots.shape[0] // 2, dots.shape[1] // 3 : dots.shape[1] // 2]
    assert filled.max() == 255
    assert filled.min() < 200
    assert dots[:, : dots.shape[1] // 10].max() == 0


def test_screen_text_is_small_and_legible() -> None:
    font = ImageFont.truetype(str(Path("pillow.ttf")), 36)
    heights = set()
    for seed in range(20):
        image = surface.show_on_screen(random.Random(seed), [typesetting.TextRun("Open file", font)], 36)
        heights.add(len(image))
        assert int(image.max()) - int(image.min()) > 60
    assert heights == {18}
