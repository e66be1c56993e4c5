"""Font files with thousands of characters: a family's slices put together, cut down to what alphabets need.

npm's @fontsource slices such a family into some hundred files by script and by how often characters are
used. Its whole slice for a script lacks rarer characters, and for Traditional Chinese all punctuation. So the
slices of a weight are merged here, with fontTools, into one file: plain outlines, no hinting, no kerning, no
forms to choose from. It is kept uncompressed: such a file can be mapped into memory, where every size of it
shares one copy.
"""

import io
from collections.abc import Iterable

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

_LEFT_OUT = ["vmtx", "vhea", "VORG", "BASE", "STAT", "MATH", "kern", "gasp", "bdat", "bloc", "FFTM", "mort"]


def cut(content: bytes, wanted: set[int]) -> TTFont:
    """The first font of a file, less all characters that are not wanted (code points)."""
    font = TTFont(io.BytesIO(content), fontNumber=0, recalcBBoxes=False)
    options = Options(hinting=False, layout_features=[], notdef_outline=True, name_IDs=[])
    options.drop_tables = [*options.drop_tables, *_LEFT_OUT]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    font.flavor = None
    return font


def merge(contents: Iterable[bytes], wanted: set[int]) -> bytes:
    """One TrueType file out of the slices of a weight; of a character in several the largest slice counts."""
    first, *others = sorted(contents, key=len, reverse=True)
    font = cut(first, wanted)
    missing = wanted - set(font.getBestCmap())
    for content in others:
        slice_ = TTFont(io.BytesIO(content), lazy=True)
        lacking = {code: name for code, name in slice_.getBestCmap().items() if code in missing}
        glyphs = slice_.getGlyphSet() if lacking else {}
        for code, name in lacking.items():
            _add(font, code, glyphs[name], slice_["head"].unitsPerEm)
        missing -= set(lacking)
    return saved(font)


def _add(font: TTFont, code: int, glyph: object, em: int) -> None:
    """Add one glyph of another file of the same family.

    Raises:
        ValueError: the other file has another scale.
    """
    if em != font["head"].unitsPerEm:
        raise ValueError("slices of one family differ in their scale")
    record = DecomposingRecordingPen(glyph.glyphSet)  # type: ignore[attr-defined]
    glyph.draw(record)  # type: ignore[attr-defined]
    pen = TTGlyphPen(None)
    record.replay(pen)
    name, outline = f"char{code:X}", pen.glyph()
    font["glyf"][name] = outline
    outline.recalcBounds(font["glyf"])
    font["hmtx"][name] = (round(glyph.width), getattr(outline, "xMin", 0))  # type: ignore[attr-defined]
    for table in font["cmap"].tables:
        if table.isUnicode() and (code <= 0xFFFF or table.format == 12):
            table.cmap[code] = name


def saved(font: TTFont, flavor: str | None = None) -> bytes:
    """The font as the bytes of a file, compressed as `flavor` says."""
    font.flavor = flavor
    stored = io.BytesIO()
    font.save(stored)
    return stored.getvalue()
