"""A font without ink, for text that is found and copied but not seen."""

from __future__ import annotations

import base64
import zlib

import pikepdf
from pikepdf import Array, Dictionary, Name

_STEP = 50
_WIDTHS = range(_STEP, 2000 + _STEP, _STEP)
"""Thousandths of the height."""
_GLYPHLESS = zlib.decompress(
    base64.b64decode(
        "eNpt0T+oUmEYx/Hn8fiPAvtzvUMuneEmXBKCG4RIgRBJg0NYgxAYcs0MvFRyB4OLLUIgDVLkVBLkEAYhBE4S5OTQIA22OIRLLjmEQbjY"
        "7+g9z3m4deAr7/noe973vBITkZfi5CLzXvFx/tzXt7tE/J3IOCjczebyP65G8YsiulQAHPvl28G4hbYKe/vl1kmyrqllxQe72VMfTr/A"
        "/Ge4v7WXLT+k8+TGeIBMstZCrzwb7jsnLv8mw5jSP9cy6hsaJgYG9rS+MMcwl9iHb2jd4pOPTNpeyTZmrL9xHX3qaiVr5znUONzRAo+O"
        "oAyqoz6aY3IYpVEN9dDMWh+lUBV1189zh1ASVVAHTYg8QZRAZdRGYxxvAMVRCeHkvCO8gx/FEE7W17TfjI7TJp3Fe1ykK3SdblKG7tM+"
        "PaEavaQ39J669Jm+0Dea0E/6wwYH+Axv8QWO8TW+wbc5z4/4gJ/yc37N7/gjf7LOYxk1psbq9DfZmA6sra+Udg51Y8fCteVsyznWsK3h"
        "2MC2gWML2xZiHLFX5oizMmdEM0rronWlfdG+0rno3FFX2FZXWGlaNK20JlpT2hPtKZ2Jzhw1TDlVU2lKNKW0KlpV2hXtKv3vv+UO2eoO"
        "KU2KJpVWRCtKO6IdpRPRiaOeoK2eoNKEaEJpWbSstC3aVjoWHTvqDdjqDSiNi8aVlkRLSluiLaUj0ZGjPr+tPr/SmGhMaVG0qLQp2lQ6"
        "FB1a+hfgqfUQ"
    )
)
"""A TrueType font of boxes without ink: .notdef, and one of each of _WIDTHS. How it was made is in
docs/decisions/0014-searchable-pdf.md.
"""
_BASE_NAME = Name("/GLYPHL+Glyphless")
ASCENT, DESCENT = 0.8, 0.2
"""Of a line's height, above and below the baseline."""
_FULL = 1000
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
        self._codes: dict[tuple[str, int], int] = {}
        self.resource = pdf.make_indirect(Dictionary(Type=Name.Font))

    def encode(self, char: str, ems: float) -> tuple[str, float]:
        """A character about `ems` wide, as hex digits for a content stream, and its exact width."""
        width = min(max(round(1000 * ems / _STEP) * _STEP, _WIDTHS[0]), _WIDTHS[-1])
        if len(self._codes) >= _MOST_CODES - len(_WIDTHS) and (char, width) not in self._codes:
            char = "\N{REPLACEMENT CHARACTER}"  # there are codes for that in every width
        return f"{self._codes.setdefault((char, width), len(self._codes) + 1):04X}", width / 1000

    def finish(self) -> None:
        """Write the font down, once all text is encoded."""
        font = self.resource
        font.Subtype, font.BaseFont, font.Encoding = Name.Type0, _BASE_NAME, Name("/Identity-H")
        font.DescendantFonts = Array([self._descendant()])
        font.ToUnicode = self._pdf.make_stream(_MAP.format(ranges=_ranges(self._codes)).encode("ascii"))

    def _descendant(self) -> pikepdf.Object:
        glyphs = bytes([0, 0, *(byte for _, width in self._codes for byte in (0, width // _STEP))])
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
                W=Array([1, Array([width for _, width in self._codes])]),
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


def _ranges(codes: dict[tuple[str, int], int]) -> str:
    """The character of each code, in blocks of a hundred, the most that the format takes."""
    lines = [f"<{code:04X}> <{char.encode('utf-16-be').hex().upper()}>" for (char, _), code in codes.items()]
    blocks = [lines[first : first + 100] for first in range(0, len(lines), 100)]
    return "\n".join("\n".join([f"{len(block)} beginbfchar", *block, "endbfchar"]) for block in blocks)
