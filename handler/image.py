"""Image bytes -> pixels, in colour or grey: which files are read, and what becomes of transparency and deep
colours; and the grey levels of what is in colour.
"""

import io
import struct

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, ImageOps
from pillow_heif import register_heif_opener

Grey = NDArray[np.uint8]
"""A grey image (H, W), 0 black to 255 white."""
Pixels = NDArray[np.uint8]
"""An image: (H, W) where it is grey, (H, W, 3) RGB where it is in colour."""
Bounds = tuple[float, float, float, float]
"""Of an area of an image: left, top, right, bottom in pixels."""
Points = NDArray[np.float64]
"""Places (N, 2): x and y in pixels."""
TINT = 12
"""Levels that the channels of no pixel differ by more in an image that counts as grey."""
LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Red, green and blue in the luminance (ITU-R BT.601)."""
HIDDEN = 0.2
"""Luminance hides what the colours show where its deviation is less than this part of theirs: yellow on white
and blue on black have 0.11, green on white has 0.29, black on white 0.58."""
FLAT_COLOURS = 8.0
"""Deviation along the colours' principal axis, in levels, under which they show nothing either."""
SAMPLED = 128
"""Rows and columns, at most, in which colours are compared."""

MAX_PIXELS = 50_000_000
MAX_SIDE = 32_767
"""Pixels across or down at most: OpenCV counts those of warped images in 16 bits."""
register_heif_opener()
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # of as many as there are cores, each takes memory
Image.MAX_IMAGE_PIXELS = None  # decode_image holds images to MAX_PIXELS itself
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "AVIF", "HEIF")
_BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, RuntimeError),
    struct.error,
)
"""Exceptions that Pillow raises for broken files."""
_UNSUPPORTED = {
    b"\x00\x00\x01\x00": "ICO", b"icns": "ICNS",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL", b"\xff\x0a": "JPEG XL", b"8BPS": "PSD",
    b"DDS ": "DDS", b"\x0a\x05\x01": "PCX", b"\x01\xda": "SGI",
    **{b"P%d" % kind + space: "PNM" for kind in range(1, 7) for space in (b"\n", b" ", b"\t", b"\r")},
}  # fmt: skip
"""First bytes of types that a client may take for an image that is read."""


class InvalidImageError(Exception):
    """An image or request that cannot be read; `status` is the HTTP status, `field` what to change."""

    def __init__(self, code: str, detail: str, status: int = 400, field: str = "image") -> None:
        super().__init__(detail)
        self.code, self.detail, self.status, self.field = code, detail, status, field


def decode_image(data: bytes, frame: int = 0) -> Image.Image:
    """Open an encoded image, upright by its EXIF orientation; of several frames one.

    Raises:
        InvalidImageError: empty, not an image, truncated, of an unsupported type, or above MAX_PIXELS or
            MAX_SIDE (which is read from the header, before any pixel is decoded).
    """
    if not data:
        raise InvalidImageError(
            "invalid-image", "The image is empty (0 bytes). Send the bytes of an image file."
        )
    _refuse_known_types(data)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if frame:  # a HEIC file opens at its main image, whichever that is
            image.seek(frame)
    except _BROKEN:
        raise InvalidImageError(
            "invalid-image", f"This is not an image that can be read. Send one of {', '.join(FORMATS)}, PDF."
        ) from None
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
        raise InvalidImageError(
            "image-too-large",
            f"The image has {image.width} x {image.height} pixels; at most {MAX_PIXELS // 1_000_000} "
            f"megapixels are read, and {MAX_SIDE} pixels across or down. Scale it down or cut it.",
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
    if name := _unsupported_type(data):
        advice = f"{name} is not read. Save the image as PNG."
        raise InvalidImageError("unsupported-image-type", advice, 415)


def _unsupported_type(data: bytes) -> str | None:
    if b"<svg" in data[:1024] and data.lstrip().startswith(b"<"):
        return "SVG"
    return next((name for signature, name in _UNSUPPORTED.items() if data.startswith(signature)), None)


def to_pixels(image: Image.Image) -> Pixels:
    """The pixels of an image of any mode: (H, W), or (H, W, 3) if it is in colour, see collapse_grey.

    More than 8 bits are scaled to 8; what is transparent lies on white or on black, see _laid_on_ground.
    """
    if image.mode.startswith("I") or image.mode == "F":
        levels = np.nan_to_num(np.asarray(image, dtype=np.float32))
        levels *= 255 / (levels.max() or 1)
        scaled: Grey = np.clip(np.rint(levels, out=levels), 0, 255, out=levels).astype(np.uint8)
        return scaled
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        image = _laid_on_ground(image.convert("RGBA"))
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    return collapse_grey(np.asarray(image.convert("RGB")))


def _laid_on_ground(image: Image.Image) -> Image.Image:
    """An RGBA image as RGB: on black if what is drawn is lighter than mid grey on average, else on white."""
    alpha = image.getchannel("A")
    weights = np.asarray(alpha)
    drawn = np.multiply(np.asarray(image.convert("L")), weights, dtype=np.uint16).sum(dtype=np.int64)
    ground = "black" if 2 * drawn > 255 * weights.sum(dtype=np.int64) else "white"
    return Image.composite(image.convert("RGB"), Image.new("RGB", image.size, ground), alpha)


def collapse_grey(image: Pixels) -> Pixels:
    """An image (H, W, 3) as (H, W) if the channels of no pixel differ by more than TINT; else as it is.

    Scans of print are often grey in three channels; one is enough, and costs a third.
    """
    if _spread(image[::16, ::16]) > TINT or _spread(image) > TINT:
        return image
    return luminance(image)


def _spread(image: Pixels) -> float:
    """The most that two channels of a pixel differ by."""
    red, green, blue = cv2.split(image)
    pairs = ((red, green), (green, blue), (blue, red))
    return max(cv2.norm(one, other, cv2.NORM_INF) for one, other in pairs)


def luminance(image: Pixels) -> Grey:
    """(H, W): the luminance of an image (ITU-R BT.601, as Pillow computes it); a grey one as it is."""
    return image if image.ndim == 2 else np.asarray(Image.fromarray(image).convert("L"))


def ink_levels(image: Pixels) -> Grey:
    """(H, W): grey levels in which what is written stands out from its ground.

    That is the luminance, unless it hides what the colours show (see HIDDEN), as in red on green that is as
    bright: then it is their first principal component, turned so that the ground is light.
    """
    if image.ndim == 2:
        return image
    rows, columns = (-(-side // SAMPLED) for side in image.shape[:2])
    colours = image[::rows, ::columns].reshape(-1, 3).astype(np.float64)
    mean = colours.mean(axis=0)
    covariance = (colours - mean).T @ (colours - mean) / len(colours)
    variances, axes = np.linalg.eigh(covariance)
    hidden = LUMINANCE @ covariance @ LUMINANCE < HIDDEN**2 * variances[-1]
    if not hidden or variances[-1] < FLAT_COLOURS**2:
        return luminance(image)
    axis = axes[:, -1]
    if np.median(colours @ axis) < mean @ axis:
        axis = -axis
    low, high = (colours @ axis).min(), (colours @ axis).max()
    factor = min(1.0, 255 / (high - low))
    levels = cv2.transform(image, factor * np.append(axis, -low)[None])
    return np.asarray(levels, np.uint8).reshape(image.shape[:2])


def ground_colour(image: Pixels) -> int | tuple[int, ...]:
    """The median of an image's levels, in colour that of each channel: what lies behind the text, mostly."""
    median = np.median(image, axis=(0, 1)).astype(int)
    return int(median) if median.ndim == 0 else tuple(median.tolist())


def contrast(image: Pixels) -> float:
    """Grey levels between the ground of a line and what is written on it: what 2 % of its pixels exceed."""
    levels = ink_levels(image).astype(np.int16)
    return float(np.percentile(np.abs(levels - int(np.median(levels))), 98))


def ink_mask(
    page: Pixels, area: Bounds | None = None, sample: Bounds | None = None
) -> NDArray[np.uint8] | None:
    """(H, W): 1 where an area of a page, or all of it, has ink, dark or light on its ground (Otsu, 1979);
    None of an area without size. What is ink is decided by the `sample`, a part of the area, if there is one.
    """
    left, top, right, bottom = _within(page, area or (0, 0, page.shape[1], page.shape[0]))
    part = page[top:bottom, left:right]
    if not part.size:
        return None
    levels = ink_levels(part)
    if sample is None:
        threshold, dark = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
        return np.asarray(dark if 2 * int(dark.sum()) <= dark.size else 1 - dark, np.uint8)
    first, start, last, end = _within(page, sample)
    inner = levels[start - top : end - top, first - left : last - left]
    threshold, dark = cv2.threshold(inner, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    is_dark = 2 * int(dark.sum()) <= dark.size
    return np.asarray(levels <= threshold if is_dark else levels > threshold, np.uint8)


def _within(page: Pixels, area: Bounds) -> tuple[int, int, int, int]:
    """An area in whole pixels of a page."""
    left, top, right, bottom = (max(0, round(side)) for side in area)
    return left, top, min(right, page.shape[1]), min(bottom, page.shape[0])


def turn_image(image: Pixels, angle: int) -> Pixels:
    """The image turned by a multiple of 90 degrees clockwise."""
    return np.ascontiguousarray(np.rot90(image, -(angle // 90)))


def turn_points(points: Points, angle: int, height: int, width: int) -> Points:
    """Where points (N, 2) of an image (height, width) lie once it is turned clockwise."""
    x, y = points.T
    turned = {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}
    return np.stack(turned[angle % 360], axis=1)
