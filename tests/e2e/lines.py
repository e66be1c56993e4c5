"""Images of one line of text, drawn on the spot."""

from __future__ import annotations

import io
import struct

from PIL import Image, ImageDraw, ImageFont
from pillow_heif import register_heif_opener

register_heif_opener()
ORIENTATION = 0x0112  # EXIF tag
ROTATED = 6  # to be turned 90 degrees clockwise for display


def draw(text: str, size: int = 32) -> Image.Image:
    """Black on white, in the font that Pillow brings."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("RGB", (int(right - left) + size, int(bottom - top) + size // 2), "white")
    ImageDraw.Draw(image).text((size // 2 - left, size // 4 - top), text, fill="black", font=font)
    return image


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def claiming(image: bytes, side: int) -> bytes:
    """A HEIC or AVIF file whose header says that it is `side` pixels wide and high."""
    place = image.index(b"ispe") + 8  # past the name, version and flags of the box
    return image[:place] + struct.pack(">II", side, side) + image[place + 8 :]


def png(text: str) -> bytes:
    return encode(draw(text))


def encodings(text: str) -> dict[str, bytes]:
    """The same picture as each kind of file and of colour that is to read the same."""
    image = draw(text)
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED
    lying = image.transpose(Image.Transpose.ROTATE_90)
    return {
        "png": encode(image),
        "jpeg": encode(image, "JPEG", quality=95),
        "bmp": encode(image, "BMP"),
        "webp": encode(image, "WEBP", lossless=True),
        "gif": encode(image, "GIF", save_all=True, append_images=[Image.new(image.mode, image.size)]),
        "tiff": encode(image, "TIFF"),
        "grey": encode(image.convert("L")),
        "one bit": encode(image.convert("1")),
        "rgba": encode(_transparent(image)),
        "palette": encode(image.convert("P", palette=Image.Palette.ADAPTIVE)),
        "cmyk jpeg": encode(image.convert("CMYK"), "JPEG", quality=95),
        "cmyk tiff": encode(image.convert("CMYK"), "TIFF"),
        "rotated jpeg": encode(lying, "JPEG", quality=95, exif=exif),
        "rotated tiff": encode(lying, "TIFF", exif=exif),
        **photos(text),
    }


def photos(text: str) -> dict[str, bytes]:
    """The same as phones write it."""
    image, exif = draw(text), Image.Exif()
    exif[ORIENTATION] = ROTATED
    lying = image.transpose(Image.Transpose.ROTATE_90)
    avif = encode(image, "AVIF", quality=95)
    return {
        "heic": encode(image, "HEIF", quality=95),
        "avif": avif,
        "rotated heic": encode(lying, "HEIF", quality=95, exif=exif.tobytes()),
        "rotated avif": encode(lying, "AVIF", quality=95, exif=exif),
        "avif of both brands": avif.replace(b"ftypavif", b"ftypmif1", 1),
    }


def _transparent(image: Image.Image) -> Image.Image:
    """Black ink on nothing: the paper is fully transparent (and black beneath)."""
    ink = image.convert("L").point(lambda level: 255 - level)
    transparent = Image.new("RGBA", image.size, (0, 0, 0, 0))
    transparent.putalpha(ink)
    return transparent
