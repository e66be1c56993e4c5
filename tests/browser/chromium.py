"""How Debian's chromium is started: for tests, and for screenshots."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, BrowserType

PATH = shutil.which("chromium")
FONTS = Path(__file__).with_name("fonts.conf")


def launch(kind: BrowserType, camera: Path) -> Browser:
    """Its camera films an MJPEG file, for contexts that may use it; its fonts are the same everywhere."""
    arguments = [
        "--disable-gpu",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    environment = {**os.environ, "FONTCONFIG_FILE": str(FONTS)}
    return kind.launch(executable_path=PATH, args=arguments, env=environment)
