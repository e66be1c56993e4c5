"""A TorchServe on trial: what it has loaded, whether it reads what it should, whether it has work."""

from __future__ import annotations

import io
import re
from contextlib import closing
from difflib import SequenceMatcher
from http import HTTPStatus

import requests
from PIL import Image, ImageDraw, ImageFont

from frontend.errors import OCRError
from frontend.recognition.predictions import Prediction
from frontend.recognition.serving import ServingRecord
from frontend.recognition.torchserve import TorchServe
from frontend.stack.errors import StackError

LINES = ("Total 48.60", "2024-05-17 09:41", "The quick brown fox")
LIKENESS = 0.8
"""How like the lines a reading must be, from 0 to 1: every model reads plain print, a broken one none."""
_READ_SECONDS, _ASK_SECONDS = 30.0, 5.0
_SIZE = 32
_SERVED = re.compile(r"^ts_inference_requests_total\S* (\S+)$", re.MULTILINE)


def client(record: ServingRecord) -> closing[TorchServe]:
    """Asks the TorchServe of a record."""
    return closing(TorchServe(record.url, record.management_url, _READ_SECONDS, connections=1))


def models(record: ServingRecord) -> set[str]:
    """The models that are ready, by their names and aliases; none while it does not answer."""
    try:
        with client(record) as torchserve:
            ready = [facts for facts in torchserve.models().values() if facts.ready]
    except OCRError:
        return set()
    return {name for facts in ready for name in (facts.name, *facts.aliases)}


def loaded(record: ServingRecord) -> list[str]:
    """What it has loaded, as config.properties would list it. StackError if it does not answer."""
    try:
        entries = _get(f"{record.management_url}/models?limit=1000").json()["models"]
    except requests.RequestException as error:
        raise StackError("TorchServe does not answer. Try again once the service is ready.") from error
    return [f"{entry['modelName']}={entry['modelUrl']}" for entry in entries]


def has_failed(record: ServingRecord) -> bool:
    """Whether it has given up to load a model (maxRetryTimeoutInSec)."""
    try:
        return _get(f"{record.url}/ping").status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    except requests.RequestException:
        return False


def requests_served(record: ServingRecord) -> float | None:
    """Its count of requests; None if it does not answer."""
    try:
        told = _get(f"{record.metrics_url}/metrics").text
    except requests.RequestException:
        return None
    return sum(map(float, _SERVED.findall(told)))


def read(record: ServingRecord) -> None:
    """Have its default model read LINES, as lines and as pages. StackError if it does not read them."""
    with client(record) as torchserve:
        for text in LINES:
            for mode in ("line", "page"):
                try:
                    prediction = torchserve.predict(
                        record.model, draw(text), "rollout", {"mode": mode}, is_short=mode == "line"
                    )
                except OCRError as error:
                    raise StackError(f"{record.model} cannot read a line: {error.detail}") from error
                _compare(record.model, text, prediction)


def _compare(model: str, text: str, prediction: Prediction) -> None:
    found = " ".join(line["text"] for page in prediction["pages"] for line in page["lines"])
    if SequenceMatcher(None, text, found, autojunk=False).ratio() < LIKENESS:
        raise StackError(
            f"{model} is broken: it reads {found[:80]!r} where {text!r} is written. Nothing has changed."
        )


def draw(text: str) -> bytes:
    """A PNG of a line, black on white."""
    font = ImageFont.load_default(_SIZE)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + _SIZE, int(bottom - top) + _SIZE // 2), 0xFF)
    ImageDraw.Draw(image).text((_SIZE // 2 - left, _SIZE // 4 - top), text, fill=0, font=font)
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


def _get(url: str) -> requests.Response:
    """A private address: no proxy is in between."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=_ASK_SECONDS)
