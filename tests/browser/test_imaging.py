"""The editor's pixel functions, run in the browser and held to OpenCV's."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser

from tests.browser.complaints import Complaints
from tests.e2e.lines import ORIENTATION, ROTATED, draw, encode
from tests.e2e.service import Service
from tests.golden import GOLDEN, PAGE

Pixels = NDArray[np.uint8]
"""Grey (H, W) or colours (H, W, 3), red first."""
Call = Callable[..., Any]

PHOTOS = [golden for golden in GOLDEN if golden.path.suffix == ".jpg"] + [PAGE]
RUN = """async ([images, values]) => {
  const decode = (text) => Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0));
  const encode = (data) => {
    const url = new FileReader();
    url.readAsDataURL(new Blob([data]));
    return new Promise((resolve) => (url.onload = () => resolve(url.result.split(",")[1])));
  };
  const names = ["pixels", "skew", "edits", "renderer"];
  const load = (name) => import(`/static/js/imaging/${name}.js`);
  const [pixels, skew, edits, renderer] = await Promise.all(names.map(load));
  const image = images[0] && { ...images[0], data: decode(images[0].data) };
  const answer = await (EXPRESSION);
  if (answer?.data) return { ...answer, data: await encode(answer.data) };
  return ArrayBuffer.isView(answer) || answer instanceof Blob ? { data: await encode(answer) } : answer;
}"""


@pytest.fixture(scope="module")
def call(browser: Browser, site: Service) -> Iterator[Call]:
    """call("an expression of the modules, image and values", image, values=…) -> number, bytes or colours."""
    context = browser.new_context(base_url=site.address)
    complaints = Complaints(site.address)
    complaints.watch(context)
    page = context.new_page()
    page.goto("/")

    def call(expression: str, *images: Pixels, values: object = None) -> Any:
        given = [as_rgba(image) for image in images]
        answer = page.evaluate(RUN.replace("EXPRESSION", expression), [given, values])
        if not isinstance(answer, dict) or "data" not in answer:
            return answer
        data = base64.b64decode(answer["data"])
        if "width" not in answer:
            return data
        return np.frombuffer(data, np.uint8).reshape(answer["height"], answer["width"], 4)[..., :3]

    yield call
    context.close()
    complaints.check()


def as_rgba(image: Pixels) -> dict[str, object]:
    colours = Image.fromarray(image).convert("RGBA")
    data = base64.b64encode(colours.tobytes()).decode()
    return {"width": colours.width, "height": colours.height, "data": data}


def grey(path: Any) -> Pixels:
    return np.asarray(Image.open(path).convert("L"))


def colours(path: Any) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"))


GREY = "pixels.greyscale(image, pixels.toneCurve(values))"
PLAIN = {"contrast": 0, "brightness": 0}


@pytest.mark.parametrize("golden", PHOTOS, ids=lambda golden: golden.path.name)
def test_grey_and_otsu_are_opencvs(call: Call, golden: Any) -> None:
    image = colours(golden.path)
    expected = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = call(GREY, image, values=PLAIN)
    assert found == expected.tobytes()
    threshold, _ = cv2.threshold(expected, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    assert abs(call(f"pixels.otsuThreshold(pixels.histogram({GREY}))", image, values=PLAIN) - threshold) <= 1


@pytest.mark.parametrize("golden", PHOTOS, ids=lambda golden: golden.path.name)
@pytest.mark.parametrize(("window", "offset"), [(3, 0), (11, -7), (31, -15), (31, 20), (999, -2)])
def test_adaptive_is_opencvs(call: Call, golden: Any, window: int, offset: int) -> None:
    image = grey(golden.path)
    expected = cv2.adaptiveThreshold(
        image, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, window, -offset
    )
    of_image = "image.width, image.height, values.window, values.offset"
    values = {**PLAIN, "window": window, "offset": offset}
    assert call(f"pixels.binarizeAdaptive({GREY}, {of_image})", image, values=values) == expected.tobytes()


@pytest.mark.parametrize("degrees", [-11, -7.3, -2, 0, 1.5, 4, 9.9, 12.8])
def test_the_skew_of_a_turned_page_is_found(call: Call, degrees: float) -> None:
    """Against the page itself, which was photographed a little askew."""
    page = colours(PAGE.path)
    find = f"skew.findSkew({GREY}, image.width, image.height)"
    askew = call(find, page, values=PLAIN)
    turned = np.asarray(
        Image.fromarray(page).rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    )
    assert call(find, turned, values=PLAIN) == pytest.approx(askew - degrees, abs=0.3)
    assert call(find, 255 - turned, values=PLAIN) == pytest.approx(askew - degrees, abs=0.3)


def test_without_lines_no_skew_is_made_up(call: Call) -> None:
    find = f"skew.findSkew({GREY}, image.width, image.height)"
    assert call(find, np.full((300, 400), 200, np.uint8), values=PLAIN) is None
    slope = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1))
    assert call(find, slope, values=PLAIN) is None


@pytest.mark.parametrize("degrees", [-15, -3.7, 0.1, 8])
def test_an_image_turns_clockwise_about_its_middle_and_stays_whole(call: Call, degrees: float) -> None:
    """The same as OpenCV's, up to the places of the four pixels that it mixes."""
    image = cv2.GaussianBlur(colours(PAGE.path), (0, 0), 2)
    found = call("pixels.rotate(image, values)", image, values=degrees)
    height, width = found.shape[:2]
    turn = cv2.getRotationMatrix2D(((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2), -degrees, 1)
    turn[:, 2] += (width - image.shape[1]) / 2, (height - image.shape[0]) / 2
    ground = tuple(float(value) for value in np.median(image.reshape(-1, 3), axis=0))
    expected = cv2.warpAffine(
        image, turn, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=ground
    )
    inside = cv2.warpAffine(np.full(image.shape[:2], 255, np.uint8), turn, (width, height)) == 255
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
    assert np.abs(found.astype(int) - expected)[inside].max() <= 8
    assert np.abs(found.astype(int) - expected)[inside].mean() < 0.6


def test_tone_and_inversion(call: Call) -> None:
    image = colours(PAGE.path)
    inverted = call("(pixels.invert(image), image)", image)
    np.testing.assert_array_equal(inverted, 255 - image)
    curve = call("pixels.toneCurve(values)", values={"contrast": 50, "brightness": 0})
    assert [curve[level] for level in (0, 64, 96, 128, 160, 192, 255)] == [0, 0, 64, 128, 192, 255, 255]
    same = call("(pixels.applyCurve(image, pixels.toneCurve(values)), image)", image, values=PLAIN)
    np.testing.assert_array_equal(same, image)
    values = {"contrast": 0, "brightness": 25}
    lighter = call("(pixels.applyCurve(image, pixels.toneCurve(values)), image)", image, values=values)
    np.testing.assert_array_equal(lighter, np.minimum(image.astype(int) + 32, 255))


RENDER = """(async () => {
  const made = renderer.createRenderer(() => {}, (error) => { throw error; });
  await made.open(new Blob([decode(values.bytes)], { type: values.type }));
  const blob = await made.render({ ...edits.UNTOUCHED, ...values.edits });
  made.close();
  return blob;
})()"""
PREVIEW = """new Promise(async (resolve, reject) => {
  const show = ({ bitmap: { width, height } , bitmap }) => {
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    resolve({ width, height, data: canvas.getContext("2d").getImageData(0, 0, width, height).data });
  };
  const made = renderer.createRenderer(show, reject);
  await made.open(new Blob([decode(values.bytes)], { type: values.type }));
  made.preview({ ...edits.UNTOUCHED, ...values.edits });
})"""


def opened(image: Image.Image, kind: str = "PNG", edits: object = None, **options: Any) -> dict[str, object]:
    """An encoded image and its edits, as RENDER and PREVIEW want them."""
    data = base64.b64encode(encode(image, kind, **options)).decode()
    return {"bytes": data, "type": f"image/{kind.lower()}", "edits": edits or {}}


def rendered(call: Call, *given: Any, **more: Any) -> Image.Image:
    return Image.open(io.BytesIO(call(RENDER, values=opened(*given, **more)))).convert("RGB")


@pytest.mark.parametrize("turn", range(4))
def test_quarter_turns_and_crop_are_exact(call: Call, turn: int) -> None:
    """The crop is in pixels of the turned image."""
    image = Image.open(PAGE.path).convert("RGB").crop((0, 0, 619, 758))
    turned = image.rotate(-90 * turn, expand=True)
    whole = rendered(call, image, edits={"turn": turn})
    np.testing.assert_array_equal(np.asarray(whole), np.asarray(turned))
    part = rendered(call, image, edits={"turn": turn, "crop": [31, 47, 333, 402]})
    np.testing.assert_array_equal(np.asarray(part), np.asarray(turned.crop((31, 47, 333, 402))))


def test_the_crop_turns_along(call: Call) -> None:
    """Cut and then turned is turned and then cut."""
    image = Image.open(PAGE.path).convert("RGB")
    for quarters in (1, -1):
        expression = (
            "edits.turnBy({ ...edits.UNTOUCHED, turn: 1, crop: values.crop }, values.quarters, values.size)"
        )
        size = {"width": image.width, "height": image.height}
        values = {"crop": [31, 47, 333, 402], "quarters": quarters, "size": size}
        edits = call(expression, values=values)
        expected = image.rotate(-90, expand=True).crop((31, 47, 333, 402)).rotate(-90 * quarters, expand=True)
        np.testing.assert_array_equal(np.asarray(rendered(call, image, edits=edits)), np.asarray(expected))


def test_orientation_is_applied_once_and_transparency_lies_on_white(call: Call) -> None:
    upright = draw("Riverside Market")
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    found = rendered(call, lying, "JPEG", exif=exif, quality=95)
    assert found.size == upright.size
    assert np.abs(np.asarray(found, int) - np.asarray(upright)).mean() < 3
    clear = Image.new("RGBA", upright.size, (0, 0, 0, 0))
    clear.putalpha(upright.convert("L").point(lambda level: 255 - level))
    np.testing.assert_array_equal(np.asarray(rendered(call, clear)), np.asarray(upright))


@pytest.mark.parametrize(
    "edits",
    [
        {"contrast": 30, "brightness": -10},
        {"turn": 1, "crop": [300, 200, 2100, 1500], "angle": 3.4},
        {"binarize": "otsu", "angle": -2.2, "invert": True},
        {"binarize": "adaptive", "window": 4, "offset": -15},
    ],
    ids=lambda edits: " ".join(edits),
)
def test_the_preview_shows_what_is_sent(call: Call, edits: dict[str, object]) -> None:
    page = Image.open(PAGE.path).convert("RGB")
    photo = page.resize((page.width * 4, page.height * 4), Image.Resampling.BICUBIC)
    values = opened(photo, "JPEG", edits=edits, quality=90)
    preview = call(PREVIEW, values=values)
    full = Image.open(io.BytesIO(call(RENDER, values=values))).convert("RGB")
    height, width = preview.shape[:2]
    assert max(height, width) < 1100
    assert full.width / full.height == pytest.approx(width / height, abs=0.01)
    small = np.asarray(full.resize((width, height), Image.Resampling.BOX), int)
    assert np.abs(small - preview).mean() < 8
    assert np.corrcoef(small.ravel(), preview.ravel())[0, 1] > 0.93


def test_what_is_black_and_white_or_was_lossless_stays_so(call: Call) -> None:
    page = Image.open(PAGE.path).convert("RGB")
    kinds = {
        "JPEG": ("JPEG", {"contrast": 20}),
        "PNG": ("PNG", {"contrast": 20}),
        "black and white": ("JPEG", {"binarize": "otsu"}),
    }
    formats = {
        name: Image.open(io.BytesIO(call(RENDER, values=opened(page, kind, edits=edits)))).format
        for name, (kind, edits) in kinds.items()
    }
    assert formats == {"JPEG": "JPEG", "PNG": "PNG", "black and white": "PNG"}
