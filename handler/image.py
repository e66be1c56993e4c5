"""Image bytes -> grey image: which files are read, and what becomes of transparency and deep colours."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Grey = NDArray[np.uint8]
"""A grey image (H, W), 0 black to 255 white."""

MAX_PIXELS = 50_000_000
Image.MAX_IMAGE_PIXELS = None  # decode_image holds images to MAX_PIXELS itself
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, struct.error)
"""What Pillow raises for files that are broken in one way or another."""
_HEIF_BRANDS = {b"heic", b"heix", b"heif", b"mif1", b"msf1", b"hevc", b"avif", b"avis"}
_UNSUPPORTED = {
    b"GIF87a": "GIF", b"GIF89a": "GIF", b"\x00\x00\x01\x00": "ICO", b"icns": "ICNS",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL", b"\xff\x0a": "JPEG XL", b"8BPS": "PSD",
    b"DDS ": "DDS", b"\x0a\x05\x01": "PCX", b"\x01\xda": "SGI",
    **{b"P%d" % kind + space: "PNM" for kind in range(1, 7) for space in (b"\n", b" ", b"\t", b"\r")},
}  # fmt: skip
"""First bytes of types that a client may take for an image that is read."""


class InvalidImageError(Exception):
    """What cannot be read; `status` is the HTTP status for the client, `field` what it should change."""

    def __init__(self, code: str, detail: str, status: int = 400, field: str = "image") -> None:
        super().__init__(detail)
        self.code, self.detail, self.status, self.field = code, detail, status, field


def decode_image(data: bytes, frame: int = 0) -> Image.Image:
    """Open an encoded image, upright by its EXIF orientation; of several frames one.

    Raises:
        InvalidImageError: empty, not an image, truncated, of an unsupported type, or above MAX_PIXELS
            (which is read from the header, before any pixel is decoded).
    """
    if not data:
        raise InvalidImageError(
            "invalid-image", "The image is empty (0 bytes). Send the bytes of an image file."
        )
    _refuse_known_types(data)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        image.seek(frame)
    except _BROKEN:
        raise InvalidImageError(
            "invalid-image", f"The data is no image that can be read. Send one of {', '.join(FORMATS)}, PDF."
        ) from None
    if image.width * image.height > MAX_PIXELS:
        raise InvalidImageError(
            "image-too-large",
            f"The image has {image.width} x {image.height} pixels; "
            f"at most {MAX_PIXELS // 1_000_000} megapixels are read. Scale it down or cut it.",
            413,
        )
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:
        raise InvalidImageError(
            "invalid-image", "The image is truncated or damaged. Save it again and resend it."
        ) from None


def count_frames(data: bytes) -> int:
    """Pages of an encoded TIFF; 1 for any other image, and for what decode_image will refuse."""
    if data[:4] not in {b"II*\x00", b"MM\x00*"}:
        return 1
    try:
        return int(getattr(Image.open(io.BytesIO(data), formats=["TIFF"]), "n_frames", 1))
    except _BROKEN:
        return 1


def _refuse_known_types(data: bytes) -> None:
    """Name the types that are known but not read, with what to do instead."""
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        advice = "HEIC, HEIF and AVIF are not read. Export the photo as JPEG "
        advice += "(on an iPhone: Settings, Camera, Formats, Most Compatible)."
    elif name := _unsupported_type(data):
        advice = f"{name} is not read. Save the image as PNG."
    else:
        return
    raise InvalidImageError("unsupported-image-type", advice, 415)


def _unsupported_type(data: bytes) -> str | None:
    if b"<svg" in data[:1024] and data.lstrip().startswith(b"<"):
        return "SVG"
    return next((name for signature, name in _UNSUPPORTED.items() if data.startswith(signature)), None)


def to_grey(image: Image.Image) -> Grey:
    """Grey levels of an image of any mode; transparency lies on white; more than 8 bits are scaled to 8."""
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.nan_to_num(np.asarray(image, dtype=np.float32))
        levels *= 255 / (levels.max() or 1)
        scaled: Grey = np.clip(np.rint(levels, out=levels), 0, 255, out=levels).astype(np.uint8)
        return scaled
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("L", image.size, 255)
        return np.asarray(Image.composite(image.convert("L"), white, image.getchannel("A")))
    return np.asarray(image if image.mode == "L" else image.convert("RGB").convert("L"))
