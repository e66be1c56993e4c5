"""A font with a box for each character, so that texts can be drawn without fetched fonts."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph

from handler.charset import ASCII

NARROW, SQUARE = 500, 1000
"""Advances, in thousandths of the font size: of ASCII and Latin letters, and of all else."""
WIDE = ASCII + "中国日本語一、。のに"
"""Characters of lines that mix Chinese or Japanese with Latin words."""


def box_font(path: Path, chars: str) -> str:
    """Write the font; returns its path."""
    narrow = {f"u{ord(c):x}": (380, 400 + 3 * ord(c) % 300) for c in chars if ord(c) < 0x250}
    glyphs = {f"u{ord(c):x}": (400 + 3 * ord(c) % 300, 700) for c in chars} | narrow
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *glyphs])
    builder.setupCharacterMap({ord(char): f"u{ord(char):x}" for char in chars})
    builder.setupGlyf({name: _box(*size) for name, size in {".notdef": (50, 60), **glyphs}.items()})
    advances = dict.fromkeys([".notdef", *glyphs], (SQUARE, 60)) | dict.fromkeys(narrow, (NARROW, 60))
    builder.setupHorizontalMetrics(advances)
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    builder.setupNameTable({"familyName": "Box", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


def _box(width: int, height: int) -> Glyph:
    pen = TTGlyphPen(None)
    pen.moveTo((60, 0))
    for corner in ((60, height), (60 + width, height), (60 + width, 0)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()
