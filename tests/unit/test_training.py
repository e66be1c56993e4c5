"""Rendering and positions; fonts are Pillow's own and the corpus a small one, so that nothing is fetched."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from handler.charset import ASCII
from handler.decode import Character, Recognition
from handler.model import CRNN, CRNNConfig, Stage, save_weights
from handler.preprocess import to_line
from tests.unit.box_font import box_font
from tests.unit.corpus import small_corpus
from training.calibration import positions
from training.dataset import read_folder
from training.evaluation import rare_characters
from training.fonts import coverage as fonts
from training.fonts import typefaces
from training.render import line as render
from training.render import plates, surface, typesetting
from training.test_sets import mixed_lines
from training.text import generator as text

TINY = CRNNConfig(
    ASCII, (Stage(16, 1, (2, 2)), Stage(32, 1, (2, 2)), Stage(32, 1, (4, 1))), hidden=32, dropout=0.0
)


@pytest.fixture(autouse=True)
def one_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pillow.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    sections = {section: (str(path),) for section in fonts.families()}
    monkeypatch.setattr(typefaces, "_fonts", lambda: sections)
    small_corpus(tmp_path / "corpus")
    monkeypatch.setattr(text, "CORPUS", tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)


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


WIDE = ASCII + "中国日本語一、。のに"


@pytest.fixture
def wide_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A font with a box for each character of WIDE, in every wide section; the others have Pillow's own."""
    path = box_font(tmp_path / "wide.ttf", WIDE)
    latin = typefaces._fonts()["sans"]
    sections = {name: (path,) if name.startswith("wide") else latin for name in fonts.families()}
    monkeypatch.setattr(typefaces, "_fonts", lambda: sections)
    return path


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


@pytest.mark.parametrize(
    ("label", "wanted"),
    [
        ("中国 Total", True),
        ("Open File を", True),
        ("の v2.1-beta 日本", True),
        ("中国 日本 Total 5", True),
        ("Total中国 日本", False),
        ("中国Total", False),
        ("Total 12", False),
        ("中国 A", False),
        ("中国。 Total", False),
        ("日本 Total 「一」", False),
    ],
)
def test_mixed_lines_have_spaces_at_latin_words_that_can_be_told(label: str, wanted: bool) -> None:
    assert mixed_lines.is_wanted(label) is wanted


@pytest.mark.usefixtures("wide_font")
def test_the_mixed_set_is_the_same_for_the_same_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = ["中国 日本", "中国  Total", "Total", "PO Number 日本語 12"]
    monkeypatch.setattr(text, "draw", lambda rng, *_: rng.choice(drawn))
    for name, seed in (("a", "7"), ("again", "7"), ("other", "8")):
        assert mixed_lines.main([str(tmp_path / name), "--lines", "9", "--seed", seed]) == 0
    a, again, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("a", "again", "other")
    )
    assert a == again != other
    samples = read_folder(tmp_path / "a", "measure")
    assert len(samples) == 9
    assert {sample.text for sample in samples} == {"中国 Total", "PO Number 日本語 12"}


def test_no_letters_are_set_apart_in_mixed_lines() -> None:
    for domain in mixed_lines.DRAWN_FROM:
        assert {render.track(random.Random(seed), "中国", domain.tracked) for seed in range(50)} == {0.0}
    assert len({render.track(random.Random(seed), "中国", 0.25) for seed in range(50)}) > 5


@pytest.mark.parametrize("main", [mixed_lines.main, rare_characters.main])
def test_a_missing_corpus_ends_in_a_sentence(
    main: Callable[[list[str]], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = tmp_path / "tiny.safetensors"
    save_weights(CRNN(TINY), weights, {})
    monkeypatch.setattr(text, "CORPUS", tmp_path / "nowhere")
    assert main([str(weights)]) == 2
    assert "run `make corpus` first" in capsys.readouterr().err


@pytest.mark.usefixtures("wide_font")
def test_bands_say_what_share_of_their_characters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that takes 日 for 曰 has lost it in its band, and nothing else."""
    monkeypatch.setattr(rare_characters, "ENOUGH", 30)
    drawn = ["中国 日本", "Total 12"]
    monkeypatch.setattr(text, "draw", lambda rng, *_: rng.choice(drawn))
    monkeypatch.setattr(
        rare_characters,
        "read_all",
        lambda _, samples: [Recognition(s.text.replace("日", "曰"), 1, ()) for s in samples],
    )
    model = CRNN(replace(TINY, alphabet=WIDE + "龘"))
    often = Counter(dict.fromkeys(ASCII, 2000) | {"日": 3, "本": 3, "龘": 7})
    unmet, rare, common = rare_characters.report(model, often, 12)
    assert "drawn 0 to 0 times:     8 characters, 1.0000" in unmet
    assert "drawn 1 to 4 times:     2 characters, 0." in rare
    assert rare.endswith("found   日")
    assert "1.0000" in common


def test_random_strings_are_as_long_as_a_font_allows() -> None:
    rng = random.Random(1)
    assert rare_characters.random_line(rng, ["龘"], ASCII + "龘") is None
    texts = {
        sample.text
        for _ in range(30)
        if (sample := rare_characters.random_line(rng, ["a", "龘"], ASCII + "龘"))
    }
    assert texts
    assert set("".join(texts)) == {"a"}
    assert len(rare_characters.random_line(rng, list("abc"), ASCII).text) == rare_characters.LONGEST


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
        image = surface.show_on_screen(random.Random(seed), [typesetting.Run("Open file", font)], 36)
        heights.add(len(image))
        assert int(image.max()) - int(image.min()) > 60
    assert heights == {18}


def test_the_offset_is_measured_in_pixels_at_model_height(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that sees every character 5 pixels too far left is found out, at the model's scale."""
    path = tmp_path / "family-400-normal.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    monkeypatch.setattr(positions, "font_files", lambda: {"sans": [str(path)], "serif": []})
    known = {image.tobytes(): (line, places) for image, line, places in positions.known_lines(20, seed=0)}
    scales = []

    def shifted(_model: CRNN, lines: list[np.ndarray], **_: bool) -> list[Recognition]:
        line, places = known[lines[0].tobytes()]
        scales.append(to_line(lines[0], TINY.height).shape[1] / lines[0].shape[1])
        extents = zip(line, places, strict=True)
        characters = tuple(Character(c, 1.0, start - 5, end - 5) for c, (start, end) in extents)
        return [Recognition(line, 1.0, characters)]

    monkeypatch.setattr(positions, "recognize_lines", shifted)
    shift, _ = positions.measure(CRNN(TINY), count=20, seed=0)
    assert -5 * max(scales) <= shift <= -5 * min(scales)
