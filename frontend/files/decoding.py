"""Image files decoded: which way up, on which ground, in how many colours they are shown."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageOps, UnidentifiedImageError

from frontend.errors import ImageTooLargeError, InvalidImageError
from frontend.files.image_headers import BROKEN, IMAGE_FORMATS
from frontend.files.repair import repaired
from frontend.settings import MAX_MEGAPIXELS, MAX_SIDE

ORIENTATION = 0x0112  # EXIF tag
_DEEP = ("I", "F")


def open_image(data: bytes, frame: int = 0) -> Image.Image:
    """Frame `frame`, from 0 on, of an image file; its pixels are not decoded yet.

    Raises InvalidImageError or ImageTooLargeError.
    """
    if not data:
        raise InvalidImageError("The image is empty (0 bytes). Send the bytes of an image file.")
    try:
        image = Image.open(io.BytesIO(repaired(data)), formats=IMAGE_FORMATS)
        if frame:  # a HEIC file opens at its main image, whichever that is
            image.seek(frame)
    except UnidentifiedImageError as error:
        kinds = ", ".join(IMAGE_FORMATS)
        raise InvalidImageError(
            f"This is not an image that can be read. Send one of {kinds}, PDF."
        ) from error
    except BROKEN as error:
        raise _damaged() from error
    if image.width * image.height > MAX_MEGAPIXELS * 1_000_000 or max(image.size) > MAX_SIDE:
        raise ImageTooLargeError(
            f"The image has {image.width} x {image.height} pixels; at most {MAX_MEGAPIXELS} megapixels are "
            f"read, and {MAX_SIDE} pixels across or down. Scale it down or cut it."
        )
    return image


@contextmanager
def decoding() -> Iterator[None]:
    """Around all that decodes pixels. Raises InvalidImageError."""
    try:
        yield
    except BROKEN as error:
        raise _damaged() from error


def _damaged() -> InvalidImageError:
    return InvalidImageError("The image is truncated or damaged. Save it again and resend it.")


def orientation(image: Image.Image) -> int:
    """How its pixels lie: from 1, upright, to 8, as EXIF numbers it. Those of a TIFF are decoded upright."""
    if image.format == "TIFF":
        return 1
    with decoding():
        found = image.getexif().get(ORIENTATION, 1)
    return found if found in range(1, 9) else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height once it is turned by its EXIF orientation."""
    lies = orientation(image) >= 5  # from 5 on, width and height change places
    return (image.height, image.width) if lies else (image.width, image.height)


def upright(image: Image.Image) -> Image.Image:
    """The image as it is shown, turned by its EXIF orientation: in mode 1, L or RGB.

    Raises InvalidImageError.
    """
    with decoding():
        return _flat(ImageOps.exif_transpose(image))


def _flat(image: Image.Image) -> Image.Image:
    """Transparency lies on white; more than 8 bits are scaled to 8, the brightest to white."""
    if image.mode.startswith("I;"):
        image = image.convert("I")
    if image.mode in _DEEP:
        scale = 255 / (image.getextrema()[1] or 1)  # type: ignore[operator]
        return image.point(lambda level: level * scale + 0).convert("L")
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        return ground
    return image if image.mode in {"1", "L", "RGB"} else image.convert("RGB")
