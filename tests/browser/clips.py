"""Made videos whose subtitles change: as a file that the page opens, and as what the camera films."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.e2e import lines

CAMERA = ("The camera sees 4821", "Then it sees 7359")
"""Pictures that the fake camera films over and over, each for CAMERA_SECONDS."""
CAMERA_SECONDS = 4
CAMERA_RATE = 30
"""Frames a second that chromium takes from an MJPEG file."""
FILE_RATE = 10
SIZE = (640, 360)


def webm(path: Path, subtitles: Sequence[str], seconds: float = 2) -> Path:
    """VP8, which any chromium plays; every subtitle for so many seconds."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP80"), FILE_RATE, SIZE)
    assert writer.isOpened(), "this build of OpenCV writes no VP8"
    for subtitle in subtitles:
        frame = np.asarray(picture(subtitle))[:, :, ::-1]
        for _ in range(round(seconds * FILE_RATE)):
            writer.write(frame)
    writer.release()
    return path


def mjpeg(path: Path, subtitles: Sequence[str], seconds: float = CAMERA_SECONDS) -> Path:
    """One JPEG after another, as chromium's fake camera wants them."""
    return mjpeg_of(path, map(picture, subtitles), seconds)


def mjpeg_of(path: Path, pictures: Iterable[Image.Image], seconds: float) -> Path:
    """The same of any pictures."""
    repeats = round(seconds * CAMERA_RATE)
    path.write_bytes(b"".join(lines.encode(each, "JPEG") * repeats for each in pictures))
    return path


def picture(subtitle: str) -> Image.Image:
    """A frame: the subtitle in white with a dark rim, at the lower edge of a dusk."""
    dusk = np.linspace(30, 120, SIZE[1], dtype=np.uint8)[:, None].repeat(SIZE[0], axis=1)
    frame = Image.fromarray(dusk).convert("RGB")
    ImageDraw.Draw(frame).text(
        (SIZE[0] // 2, SIZE[1] - 30), subtitle, "white", ImageFont.load_default(40),
        anchor="md", stroke_width=2, stroke_fill="black",
    )  # fmt: skip
    return frame
