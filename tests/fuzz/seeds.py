"""Small files of every kind that is read, which are mutated.

python -m tests.fuzz.seeds  # draws them anew into tests/fuzz/corpus
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pikepdf
import pypdfium2
from PIL import Image, PngImagePlugin
from urllib3 import encode_multipart_formdata

from tests.e2e import lines

CORPUS = Path(__file__).with_name("corpus")
LIMIT_BYTES = 300_000
"""Of all files together."""
_TEXT = "Total 42"
_BOUNDARY = "seed"
_ENDINGS = ("jpeg", "tiff", "bmp", "webp", "gif", "heic", "avif")


def seeds(*endings: str) -> list[bytes]:
    """The files with these endings, or all."""
    paths = sorted(CORPUS.iterdir())
    return [path.read_bytes() for path in paths if not endings or path.suffix.removeprefix(".") in endings]


def draw() -> Mapping[str, bytes]:
    """The files by their names."""
    image = lines.draw(_TEXT, 16)
    found = {
        f"{kind.replace(' ', '-')}.{next((end for end in _ENDINGS if end in kind), 'png')}": data
        for kind, data in lines.encodings(_TEXT).items()
    }
    found["bmp.bmp"] = lines.encode(image.convert("L"), "BMP")
    return found | _images(image) | _documents(image) | _requests(found["png.png"])


def _images(image: Image.Image) -> dict[str, bytes]:
    """Forms of files that are decoded by other code."""
    grey, frames = image.convert("L"), [image.convert("1"), image.convert("L")]
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Comment", "总计", zip=True)
    tiffs = {
        f"{name}.tiff": lines.encode(frames[name != "group4"], "TIFF", compression=kind)
        for name, kind in (("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("group4", "group4"),
                           ("packbits", "packbits"), ("jpeg-in", "jpeg"))
    }  # fmt: skip
    return tiffs | {
        "pages.tiff": lines.encode(grey, "TIFF", save_all=True, append_images=frames),
        "deep.png": lines.encode(grey.convert("I;16")),
        "comment.png": lines.encode(grey, "PNG", pnginfo=text),
        "progressive.jpeg": lines.encode(image, "JPEG", progressive=True, quality=60),
        "lossy.webp": lines.encode(image, "WEBP", quality=50),
        "animated.webp": lines.encode(image, "WEBP", save_all=True, append_images=[image.rotate(180)]),
    }


def _documents(image: Image.Image) -> dict[str, bytes]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/a.png", lines.encode(image))
        archive.writestr("发票.jpg", lines.encode(image, "JPEG"))
        archive.writestr("b.pdf", _pdf(image))
    return {"scan.pdf": _pdf(image), "text.pdf": _pdf_of_text(), "files.zip": packed.getvalue()}


def _pdf(image: Image.Image) -> bytes:
    return lines.encode(image, "PDF", resolution=200)


def _pdf_of_text() -> bytes:
    """With text, a form and a second page, uncompressed, so that mutations reach the operators."""
    pdf = pypdfium2.PdfDocument.new()
    for _ in range(2):
        pdf.new_page(200, 60)
    pdf.save(file := io.BytesIO())
    pdf.close()
    with pikepdf.open(file) as document:
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1)
        font.BaseFont = pikepdf.Name.Helvetica
        box = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Btn, T="box",
            V=pikepdf.Name.Yes, AS=pikepdf.Name.Yes, Rect=[150, 10, 160, 20],
        )  # fmt: skip
        page = document.pages[0]
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.Contents = document.make_stream(b"BT /F1 18 Tf 20 20 Td (Total 42.50) Tj ET\n10 10 50 5 re f")
        page.Annots = document.make_indirect(pikepdf.Array([document.make_indirect(box)]))
        document.Root.AcroForm = pikepdf.Dictionary(Fields=page.Annots)
        document.save(written := io.BytesIO(), compress_streams=False)
    return written.getvalue()


def _requests(png: bytes) -> dict[str, bytes]:
    """Bodies, whole requests and messages."""
    form, _ = encode_multipart_formdata(
        {"image": ("a.png", png[:200], "image/png"), "mode": "line", "detail": "chars"}, boundary=_BOUNDARY
    )
    request = (
        b"POST /recognize?mode=line HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"
        b"Transfer-Encoding: chunked\r\nX-Request-Id: seed\r\nConnection: close\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n"
    )
    mask = bytes(4)
    frames = b"\x82\x85" + mask + b"hello" + b"\x01\x82" + mask + b"he" + b"\x80\x81" + mask + b"y"
    return {
        "form.multipart": form,
        "post.request": request,
        "get.request": b"GET /history?q=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "messages.websocket": frames + b"\x89\x80" + mask + b"\x88\x82" + mask + b"\x03\xe8",
        "options.json": b'{"image": "aGVsbG8=", "mode": "line", "allowlist": "0123", "threshold": 0.5}',
        "answers.json": b'[{"name": "a.png", "answer": {"text": "x", "width": 9, "height": 9, "lines": '
        b'[{"text": "x", "confidence": 0.5, "bbox": [[0, 0], [9, 9]]}]}}]',
    }


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    for name, data in draw().items():
        (CORPUS / name).write_bytes(data)
