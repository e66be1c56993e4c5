"""Which fonts there are, what they draw, and that what is fetched is what was pinned."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import ImageFont

from training.fonts import coverage as fonts
from training.fonts import fetch
from training.fonts import merge as wide_fonts
from training.fonts import packages as font_packages

SQUARE = [(0, 0), (0, 600), (500, 600), (500, 0)]
TRIANGLE = [(0, 0), (250, 600), (500, 0)]


def outline(points: list[tuple[int, int]]) -> object:
    pen = TTGlyphPen(None)
    if points:
        pen.moveTo(points[0])
        for point in points[1:]:
            pen.lineTo(point)
        pen.closePath()
    return pen.glyph()


def build_font(path: Path, mapped: dict[str, str] | None = None, em: int = 1000) -> None:
    """A font with A, a shape of its own; a as A; B as the box for lacking characters; C as nothing."""
    shapes = {".notdef": SQUARE, "box": SQUARE, "A": TRIANGLE, "small": TRIANGLE, "empty": [], "space": []}
    mapped = mapped or {"A": "A", "a": "small", "B": "box", "C": "empty", " ": "space"}
    builder = FontBuilder(em, isTTF=True)
    builder.setupGlyphOrder(list(shapes))
    builder.setupCharacterMap({ord(char): glyph for char, glyph in mapped.items()})
    builder.setupGlyf({name: outline(points) for name, points in shapes.items()})
    builder.setupHorizontalMetrics(dict.fromkeys(shapes, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Probe", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fonts.txt with one npm family and one Debian package, and a folder for their files."""
    monkeypatch.setattr(fonts, "FONT_DIR", tmp_path / "fonts")
    monkeypatch.setattr(fonts, "LIST", tmp_path / "fonts.txt")
    monkeypatch.setattr(font_packages, "LOCK", tmp_path / "fonts.lock")
    fonts.LIST.write_text("# a comment\n[sans]\nprobe fonts-debian/Probe-*\n[mono]\nprobe\n")
    fonts.coverage.cache_clear()
    return tmp_path / "fonts"


def test_only_characters_with_a_shape_of_their_own_are_drawn(tmp_path: Path) -> None:
    build_font(tmp_path / "probe.ttf")
    assert fonts.drawn_characters(str(tmp_path / "probe.ttf")) == {"A", " "}


def test_a_font_with_all_letters_draws_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "pillow.ttf"
    path.write_bytes(ImageFont.load_default(20).font_bytes)
    assert set(map(chr, range(32, 127))) <= fonts.coverage(str(path))


def test_a_file_that_is_no_font_draws_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.woff2").write_bytes(b"not a font at all")
    assert fonts.drawn_characters(str(tmp_path / "broken.woff2")) == frozenset()


def test_the_record_serves_without_the_font_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "fonts-debian").mkdir(parents=True)
    build_font(folder / "fonts-debian/Probe-Regular.ttf")
    build_font(folder / "fonts-debian/Other.ttf")
    assert fonts.font_files() == {"sans": [str(folder / "fonts-debian/Probe-Regular.ttf")]}
    assert fetch.record_coverage() == 1
    monkeypatch.setitem(__import__("sys").modules, "fontTools.ttLib", None)
    assert fonts.coverage(str(folder / "fonts-debian/Probe-Regular.ttf")) == {"A", " "}
    with pytest.raises(FileNotFoundError, match="make fonts"):
        fonts.coverage(str(folder / "fonts-debian/Other.ttf"))


def test_the_record_follows_changed_files_only(folder: Path) -> None:
    (folder / "fonts-debian").mkdir(parents=True)
    build_font(folder / "fonts-debian/Probe-Regular.ttf")
    fetch.record_coverage()
    record = json.loads((folder / fonts.RECORD).read_text())
    size, chars = record["fonts-debian/Probe-Regular.ttf"]
    assert chars == "20 41"
    (folder / fonts.RECORD).write_text(json.dumps({"fonts-debian/Probe-Regular.ttf": [size, "30-39"]}))
    fetch.record_coverage()
    assert fonts.coverage(str(folder / "fonts-debian/Probe-Regular.ttf")) == set("0123456789")


@pytest.mark.usefixtures("folder")
def test_no_fonts_says_what_to_run() -> None:
    with pytest.raises(FileNotFoundError, match="make fonts"):
        fonts.font_files()


def npm_archive() -> bytes:
    """A package as npm packs it: three weights, another script, and the licence."""
    files = {
        "files/probe-latin-400-normal.woff2": b"regular",
        "files/probe-latin-600-normal.woff2": b"no weight that is kept",
        "files/probe-latin-700-italic.woff2": b"no slant that is kept",
        "files/probe-greek-400-normal.woff2": b"greek",
        "metadata.json": json.dumps({"license": {"type": "OFL-1.1"}}).encode(),
    }
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stored.getvalue()


def serve(monkeypatch: pytest.MonkeyPatch, archive: bytes) -> list[str]:
    """npm brings the archive, and nothing else is to be had; returns the names asked for, as they come."""
    asked: list[str] = []

    def pack(batch: list[font_packages.Package], place: Path) -> list[Path]:
        asked.extend(package.name for package in batch)
        (place / "probe.tgz").write_bytes(archive)
        return [place / "probe.tgz"]

    def refuse(_batch: list[font_packages.Package], _place: Path) -> list[Path]:
        raise font_packages.PackageUnavailableError("apt-get is not installed")

    monkeypatch.setattr(font_packages, "_npm_pack", pack)
    monkeypatch.setattr(font_packages, "_apt_download", refuse)
    return asked


def pin(digest: str) -> None:
    font_packages.LOCK.write_text(f"deb fonts-debian 1-2 sha256-00\nnpm probe 5.0.1 {digest}\n")


def test_a_fetch_keeps_what_is_wanted_and_is_done_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = npm_archive()
    pin(f"sha256-{hashlib.sha256(archive).hexdigest()}")
    asked = serve(monkeypatch, archive)
    folder.mkdir()
    for _ in range(2):
        (problem,) = font_packages.fetch(fonts.families(), folder)
        assert problem == "fonts-debian: apt-get is not installed"
    assert asked == ["probe"]
    assert {p.name for p in (folder / "probe").iterdir()} == {
        "LICENSE",
        "SOURCE",
        "probe-latin-400-normal.woff2",
    }
    assert (folder / "LICENSES.tsv").read_text() == "probe\t5.0.1\tOFL-1.1\n"


def test_what_is_not_as_pinned_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin("sha256-" + "0" * 64)
    serve(monkeypatch, npm_archive())
    folder.mkdir()
    assert "probe: is not the file that fonts.lock pins" in font_packages.fetch(fonts.families(), folder)
    assert not (folder / "probe").exists()


def test_fonts_without_a_pin_are_named(folder: Path) -> None:
    font_packages.LOCK.write_text("npm other 1.0.0 sha512-x\n")
    with pytest.raises(ValueError, match="fonts-debian probe"):
        font_packages.fetch(fonts.families(), folder)


def test_all_fonts_of_the_list_are_pinned_and_there_are_several_hundred() -> None:
    packages = font_packages.locked(fonts.families())
    assert len(packages) >= 400
    assert all(package.digest.startswith(("sha512-", "sha256-")) for package in packages)


def test_slices_of_a_family_become_one_file(tmp_path: Path) -> None:
    """Each character is drawn as its slice draws it, and what is not wanted is left out."""
    build_font(tmp_path / "han.ttf", {"国": "A", "中": "small", "A": "A"})
    build_font(tmp_path / "signs.ttf", {"，": "A", "中": "box", " ": "space"})
    slices = [(tmp_path / name).read_bytes() for name in ("han.ttf", "signs.ttf")]
    (tmp_path / "merged.ttf").write_bytes(wide_fonts.merge(slices, set(map(ord, "国中， "))))
    assert fonts.drawn_characters(str(tmp_path / "merged.ttf")) == set("国中， ")


def test_slices_of_another_scale_are_refused(tmp_path: Path) -> None:
    build_font(tmp_path / "one.ttf", {"国": "A"})
    build_font(tmp_path / "two.ttf", {"，": "A"}, em=2048)
    with pytest.raises(ValueError, match="scale"):
        wide_fonts.merge(
            [(tmp_path / name).read_bytes() for name in ("one.ttf", "two.ttf")], {0x56FD, 0xFF0C}
        )


def test_names_tell_latin_files_from_wide_ones(folder: Path) -> None:
    fonts.LIST.write_text("[sans]\nprobe\n[wide-sans]\nprobe:400,700 fonts-debian:Probe-R.ttc\n")
    for name in (
        "probe/probe-latin-400-normal.woff2",
        "probe/probe-wide-400.ttf",
        "fonts-debian/Probe-R-wide.ttf",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    found = {section: [Path(file).name for file in files] for section, files in fonts.font_files().items()}
    assert found["sans"] == ["probe-latin-400-normal.woff2"]
    assert found["wide-sans"] == ["Probe-R-wide.ttf", "probe-wide-400.ttf"]


def test_only_what_is_not_pinned_is_pinned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def newest(names: list[str]) -> list[str]:
        asked.extend(names)
        return [f"npm {name} 1.0.0 sha512-x" for name in names]

    monkeypatch.setattr(font_packages, "_newest_npm", newest)
    monkeypatch.setattr(font_packages, "_newest_deb", newest)
    fonts.LIST.write_text("[sans]\nprobe other:400 fonts-debian:Probe.ttc\n")
    pin("sha256-00")
    font_packages.lock(fonts.families())
    assert asked == ["other"]
    assert folder.parent.joinpath("fonts.lock").read_text().startswith("deb fonts-debian 1-2 sha256-00\n")
