"""A font without ink, for text that is found and copied but not seen."""

from __future__ import annotations

import base64
import unicodedata

import pikepdf
from pikepdf import Array, Dictionary, Name

_GLYPHLESS = base64.b64decode(
    "AAEAAAAGAEAAAgAgZ2x5ZoF8ZJ0AAAEUAAAAmGhlYWRi/0M4AAAAbAAAADZoaGVhBwoDKAAAAKQAAAAkaG10eBJcAAAAAADoAAAAHGxv"
    "Y2EAgQCtAAABBAAAABBtYXhwAAkABAAAAMgAAAAgAAEAAAABAAA6V8F0Xw889QADA+gAAAAAAAAAAAAAAAAAAAAAAAD/OAPoAyAAAAAD"
    "AAIAAAAAAAAAAQAAAyD/OAAAA+gAAAAAA+gAAQAAAAAAAAAAAAAAAAAAAAcAAQAAAAcAAgABAAAAAAACAAAAAAAAAAAAAAAAAAAAAAPo"
    "AAAA+gAAAV4AAAImAAACvAAAA1IAAAPoAAAAAAALABUAIAArADYAQQBMAAEAAP84A+gDIAABAAAVAQPoyAPoAAABAAD/OAD6AyAAAQAA"
    "FRP6yAPoAAEAAP84AV4DIAABAAAVAQFeyAPoAAABAAD/OAImAyAAAQAAFQECJsgD6AAAAQAA/zgCvAMgAAEAABUBArzIA+gAAAEAAP84"
    "A1IDIAABAAAVAQNSyAPoAAABAAD/OAPoAyAAAQAAFQED6MgD6AA="
)
"""A TrueType font of seven boxes without ink: .notdef, and one of each of _WIDTHS. How it was made is in
docs/decisions/0014-searchable-pdf.md.
"""
_WIDTHS = (250, 350, 550, 700, 850, 1000)
"""Thousandths of the height."""
_BASE_NAME = Name("/GLYPHL+Glyphless")
ASCENT, DESCENT = 0.8, 0.2
"""Of a line's height, above and below the baseline."""
_FULL = _WIDTHS[-1]
_NARROW, _SLIM, _BROAD = frozenset("ijlI|.,:;!'`"), frozenset('frtJ()[]{}-/\\" '), frozenset("mwMW@%")
_MOST_CODES = 0xFFFF
_MAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{ranges}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class InvisibleFont:
    """One for a document. Characters get codes as they come; `finish` writes down what they mean."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._codes: dict[str, int] = {}
        self.resource = pdf.make_indirect(Dictionary(Type=Name.Font))

    def encode(self, chars: list[str]) -> str:
        """The characters as hex digits of a string in a content stream."""
        return "".join(f"{self._code(char):04X}" for char in chars)

    def _code(self, char: str) -> int:
        if (
            len(self._codes) >= _MOST_CODES - 1
        ):  # more than the world writes: the last code is for what is left
            char = char if char in self._codes else "\N{REPLACEMENT CHARACTER}"
        return self._codes.setdefault(char, len(self._codes) + 1)

    def finish(self) -> None:
        """Write the font down, once all text is encoded."""
        font = self.resource
        font.Subtype, font.BaseFont, font.Encoding = Name.Type0, _BASE_NAME, Name("/Identity-H")
        font.DescendantFonts = Array([self._descendant()])
        font.ToUnicode = self._pdf.make_stream(_MAP.format(ranges=_ranges(self._codes)).encode("ascii"))

    def _descendant(self) -> pikepdf.Object:
        glyphs = bytes(
            [0, 0, *(byte for char in self._codes for byte in (0, 1 + _WIDTHS.index(_width(char))))]
        )
        return self._pdf.make_indirect(
            Dictionary(
                Type=Name.Font,
                Subtype=Name.CIDFontType2,
                BaseFont=_BASE_NAME,
                CIDSystemInfo=Dictionary(
                    Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0
                ),
                FontDescriptor=self._descriptor(),
                DW=_FULL,
                W=Array([1, Array([_width(char) for char in self._codes])]),
                CIDToGIDMap=self._pdf.make_stream(glyphs),
            )
        )

    def _descriptor(self) -> pikepdf.Object:
        return self._pdf.make_indirect(
            Dictionary(
                Type=Name.FontDescriptor,
                FontName=_BASE_NAME,
                Flags=4,  # symbolic: its characters are no standard set
                FontBBox=Array([0, -round(DESCENT * 1000), _FULL, round(ASCENT * 1000)]),
                ItalicAngle=0,
                Ascent=round(ASCENT * 1000),
                Descent=-round(DESCENT * 1000),
                CapHeight=round(ASCENT * 1000),
                StemV=80,
                FontFile2=self._pdf.make_stream(_GLYPHLESS, Length1=len(_GLYPHLESS)),
            )
        )


def em_width(chars: list[str]) -> float:
    """How far these characters reach, in heights of the font."""
    return sum(map(_width, chars)) / 1000


def _width(char: str) -> int:
    """About what a printed character takes, which is all that is needed here: one of _WIDTHS."""
    if unicodedata.east_asian_width(char[:1] or " ") in "WF":
        return _FULL
    if char in _NARROW:
        return 250
    if char in _SLIM:
        return 350
    return 850 if char in _BROAD else 700 if char.isupper() else 550


def _ranges(codes: dict[str, int]) -> str:
    """What each code stands for, in blocks of a hundred, the most that the format takes."""
    lines = [f"<{code:04X}> <{char.encode('utf-16-be').hex().upper()}>" for char, code in codes.items()]
    blocks = [lines[first : first + 100] for first in range(0, len(lines), 100)]
    return "\n".join("\n".join([f"{len(block)} beginbfchar", *block, "endbfchar"]) for block in blocks)
