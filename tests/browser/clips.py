"""Made videos whose subtitles change: as a file that the page opens, and as what the camera films."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests import clip

CAMERA = ("The camera sees 4821", "Then it sees 7359")
"""What the fake camera films over and over, each for SECONDS."""
SECONDS = 4
CAMERA_RATE = 30
"""Frames a second that chromium takes from an MJPEG file."""
FILE_RATE = 10


def webm(path: Path, subtitles: Sequence[str], seconds: float = 2) -> Path:
    """VP8, which any chromium plays; every subtitle for so many seconds."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"VP80"), FILE_RATE, clip.SIZE)
    assert writer.isOpened(), "this build of OpenCV writes no VP8"
    for jpeg in _pictures(subtitles):
        with Image.open(io.BytesIO(jpeg)) as picture:
            frame = np.asarray(picture)[:, :, ::-1]
        for _ in range(round(seconds * FILE_RATE)):
            writer.write(frame)
    writer.release()
    return path


def mjpeg(path: Path, subtitles: Sequence[str], seconds: float = SECONDS) -> Path:
    """One JPEG after another, as chromium's fake camera wants them."""
    repeats = round(seconds * CAMERA_RATE)
    path.write_bytes(b"".join(jpeg * repeats for jpeg in _pictures(subtitles)))
    return path


def _pictures(subtitles: Sequence[str]) -> list[bytes]:
    return [frame.jpeg for frame in clip.frames(subtitles, each=1)]
