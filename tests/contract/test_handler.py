"""The TorchServe class under plain Python, with a context that records what it is told."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from handler.crnn_handler import CRNNHandler
from handler.model import CRNN
from handler.networks import Network
from handler.recognize import recognize_lines

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "model_store" / "weights"
GOLDEN = ROOT / "tests" / "golden"
LABELS = [row.split("\t") for row in (GOLDEN / "labels.tsv").read_text("utf-8").splitlines()]


class Context:
    """TorchServe's context, as far as the handler uses it."""

    def __init__(self, model_dir: Path, headers: dict[str, str] | None = None) -> None:
        self.model_name = "auto"
        self.system_properties = {"model_dir": str(model_dir), "gpu_id": None}
        self.headers = headers or {}
        self.status: dict[int, int] = {}
        self.content_types: dict[int, str] = {}
        self.response_headers: dict[int, dict[str, str]] = {}

    def get_request_header(self, index: int, name: str) -> str | None:  # noqa: ARG002 - TorchServe's signature
        return self.headers.get(name)

    def set_response_status(self, code: int, phrase: str, idx: int) -> None:
        assert phrase
        self.status[idx] = code

    def set_response_header(self, index: int, name: str, value: str) -> None:
        self.response_headers[index] = {name: value}

    def set_response_content_type(self, index: int, value: str) -> None:
        self.content_types[index] = value


@pytest.fixture(scope="module")
def handler(tmp_path_factory: pytest.TempPathFactory) -> CRNNHandler:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "crnn_v1.safetensors").symlink_to(WEIGHTS / "crnn_v1.safetensors")
    made = CRNNHandler()
    made.initialize(Context(folder))
    return made


def network(handler: CRNNHandler) -> CRNN:
    """The only network of an archive, in PyTorch."""
    (reader,) = handler.networks.readers.values()
    assert isinstance(reader, Network)
    assert isinstance(reader.engine, CRNN)
    return reader.engine


def test_answers_tell_the_time_of_their_stages(handler: CRNNHandler) -> None:
    image = (GOLDEN / "menu.png").read_bytes()
    (fine, broken), context = ask(handler, [{"body": image}, {"body": b"no image"}])
    assert fine["lines"]
    assert broken["code"]
    timing = context.response_headers[0]["Server-Timing"]
    assert re.fullmatch(r"find;dur=\d+\.\d, read;dur=\d+\.\d", timing)
    assert all(float(ms) > 0 for ms in re.findall(r"dur=([\d.]+)", timing))
    assert 1 not in context.response_headers


def described(handler: CRNNHandler) -> dict[str, Any]:
    (answer,) = handler.handle([{}], Context(Path(), {"describe": "True"}))
    models: dict[str, Any] = json.loads(answer)["models"]
    return models


def ask(handler: CRNNHandler, requests: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], Context]:
    context = Context(Path())
    return [json.loads(answer) for answer in handler.handle(requests, context)], context


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


@pytest.mark.parametrize(("name", "text"), LABELS)
def test_golden_images_read_as_labelled(handler: CRNNHandler, name: str, text: str) -> None:
    ((answer,), _) = ask(handler, [{"body": bytearray(golden(name))}])
    assert [line["text"] for line in answer["lines"]] == [text]


def test_each_way_of_sending_an_image_answers_the_same(handler: CRNNHandler) -> None:
    data = golden(LABELS[0][0])
    encoded = base64.b64encode(data).decode()
    requests = [
        {"body": bytearray(data)},
        {"image": bytearray(data)},
        {"body": {"image": encoded}},
        {"body": {"image": f"data:image/png;base64,{encoded}"}},
        {"body": {"image": "\n".join(encoded[i : i + 76] for i in range(0, len(encoded), 76))}},
    ]
    answers, context = ask(handler, requests)
    assert [answer["lines"][0]["text"] for answer in answers] == [LABELS[0][1]] * 5
    assert context.content_types == dict.fromkeys(range(5), "application/json")
    assert context.status == {}


def test_a_bad_item_gets_its_own_status_and_harms_no_neighbour(handler: CRNNHandler) -> None:
    good = {"body": bytearray(golden(LABELS[0][0]))}
    requests = [
        good, {"body": b"no image"}, {"body": {"image": "!!!"}}, {"body": b""}, {},
        {"body": b"8BPS" + bytes(30)}, {"body": {"image": 7}}, good, {"body": {"image": "\u00e9"}},
    ]  # fmt: skip
    answers, context = ask(handler, requests)
    assert context.status == {1: 400, 2: 422, 3: 400, 4: 422, 5: 415, 6: 422, 8: 422}
    assert answers[0] == answers[7]
    assert answers[0]["lines"][0]["text"] == LABELS[0][1]
    assert all(answers[i]["code"] and answers[i]["detail"].endswith(".") for i in context.status)
    assert context.content_types == dict.fromkeys(range(9), "application/json")


def test_order_is_kept_in_a_mixed_batch(handler: CRNNHandler) -> None:
    order = [i % len(LABELS) for i in range(2 * len(LABELS) - 1, -1, -1)]
    answers, _ = ask(handler, [{"body": golden(LABELS[i][0])} for i in order])
    assert [answer["lines"][0]["text"] for answer in answers] == [LABELS[i][1] for i in order]


def test_an_empty_batch_is_answered_with_nothing(handler: CRNNHandler) -> None:
    assert handler.handle([], Context(Path())) == []


def test_a_blank_image_has_no_lines(handler: CRNNHandler) -> None:
    buffer = io.BytesIO()
    Image.new("L", (300, 40), 255).save(buffer, "PNG")
    ((answer,), _) = ask(handler, [{"body": buffer.getvalue()}])
    assert answer == {"width": 300, "height": 40, "angle": 0, "lines": []}


def test_describe_tells_the_facts_of_the_weights(handler: CRNNHandler) -> None:
    (facts,) = described(handler).values()
    assert facts["languages"] == ["en"]
    assert facts["alphabet_size"] == 95
    assert facts["parameters"] == sum(p.numel() for p in CRNN(network(handler).config).parameters())


def test_positions_are_in_pixels_of_the_image_as_sent(handler: CRNNHandler) -> None:
    """A line at three times the size has its characters at three times the place."""
    small = Image.open(io.BytesIO(golden(LABELS[0][0]))).convert("L")
    big = small.resize((small.width * 3, small.height * 3), Image.Resampling.BICUBIC)
    boxes = []
    for image in (small, big):
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        ((answer,), _) = ask(handler, [{"body": buffer.getvalue()}])
        (line,) = answer["lines"]
        assert line["text"] == "".join(char["char"] for char in line["chars"]) == LABELS[0][1]
        assert line["bbox"][1][0] <= image.width
        assert 0 <= line["bbox"][0][1] < line["bbox"][1][1] <= image.height
        boxes.append(np.array([char["bbox"] for char in line["chars"]]))
    assert np.abs(boxes[0] * 3 - boxes[1]).max() < 12 * small.height / 32


def test_boxes_stand_where_the_text_stands_in_a_tall_image(handler: CRNNHandler) -> None:
    line = np.asarray(Image.open(io.BytesIO(golden(LABELS[0][0]))).convert("L"))
    paper = int(np.median(line))
    tall = np.pad(line, ((200, 100), (40, 40)), constant_values=paper)
    buffer = io.BytesIO()
    Image.fromarray(tall).save(buffer, "PNG")
    ((answer,), _) = ask(handler, [{"body": buffer.getvalue()}])
    assert answer["lines"][0]["text"] == LABELS[0][1]
    (left, top), (right, bottom) = answer["lines"][0]["bbox"]
    height, width = line.shape
    assert 190 <= top <= 215
    assert 185 + height <= bottom <= 210 + height
    assert 30 <= left <= 60
    assert 20 + width <= right <= 50 + width


def lines_of_widths(widths: list[int], each: int) -> list[np.ndarray]:
    noise = np.random.default_rng(0)
    return [noise.integers(0, 255, (32, width), dtype=np.uint8) for width in widths for _ in range(each)]


@pytest.mark.parametrize("degrees", [-5, 4])
def test_a_skewed_line_is_read_and_its_polygon_is_skewed_as_well(handler: CRNNHandler, degrees: int) -> None:
    """The corners lie within the image, on both sides of the turned line's middle."""
    name, text = next((name, text) for name, text in LABELS if name.startswith("book"))
    page = Image.open(io.BytesIO(golden(name))).convert("L")
    turned = page.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    buffer = io.BytesIO()
    turned.save(buffer, "PNG")
    ((answer,), _) = ask(handler, [{"body": buffer.getvalue()}])
    (line,) = answer["lines"]
    assert line["text"] == text
    (x0, top_left), (x1, top_right), _, (_, bottom_left) = line["polygon"]
    slope = (top_right - top_left) / (x1 - x0)
    assert slope == pytest.approx(-np.tan(np.radians(degrees)), abs=0.02)
    assert bottom_left - top_left < 0.8 * turned.height
    (left, top), (right, bottom) = line["bbox"]
    assert 0 <= left < right <= turned.width
    assert 0 <= top <= min(top_left, top_right) < max(top_left, top_right) < bottom <= turned.height


def test_lines_of_all_requests_share_one_model_call_for_each_width(handler: CRNNHandler) -> None:
    """32 lines of four widths take 4 calls."""
    calls: list[torch.Size] = []
    cnn = network(handler).cnn
    hook = cnn.register_forward_pre_hook(lambda _, inputs: calls.append(inputs[0].shape))
    try:
        requests = []
        for line in lines_of_widths([60, 120, 200, 333], each=8):
            buffer = io.BytesIO()
            Image.fromarray(line).save(buffer, "PNG")
            requests.append({"body": buffer.getvalue()})
        assert len(ask(handler, requests)[0]) == 32
    finally:
        hook.remove()
    assert [tuple(call) for call in calls] == [(8, 1, 32, w) for w in (64, 128, 208, 336)]


def test_a_line_reads_the_same_alone_and_in_any_batch(handler: CRNNHandler) -> None:
    """Its padded width depends on itself alone; on the CPU its confidence agrees within 1e-3."""
    lines = [np.asarray(Image.open(io.BytesIO(golden(name))).convert("L")) for name, _ in LABELS]
    lines += lines_of_widths([40, 47, 48, 100, 1500], each=2)
    alone = [recognize_lines(network(handler), [line])[0] for line in lines]
    for order in (list(range(len(lines))), list(range(len(lines)))[::-1], [3] * 5 + list(range(len(lines)))):
        together = recognize_lines(network(handler), [lines[i] for i in order])
        assert [reading.text for reading in together] == [alone[i].text for i in order]
        for reading, i in zip(together, order, strict=True):
            assert reading.confidence == pytest.approx(alone[i].confidence, abs=1e-3)


def test_a_line_far_wider_than_the_widest_bucket_loses_nothing(handler: CRNNHandler) -> None:
    """A golden line is repeated until it has over 140 characters and must be split and stitched."""
    name, text = LABELS[0]
    line = np.asarray(Image.open(io.BytesIO(golden(name))).convert("L"))
    gap = np.full((line.shape[0], line.shape[0] // 2), int(np.median(line)), np.uint8)
    times = 1 + 140 // len(text)
    long = np.concatenate([part for _ in range(times) for part in (line, gap)], axis=1)
    (reading,) = recognize_lines(network(handler), [long])
    assert reading.text == " ".join([text] * times)
