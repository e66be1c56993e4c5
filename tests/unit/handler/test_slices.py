"""Lines of a batch, read in slices: long pages hold up no neighbour, and end as if they were read at once."""

import io
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from handler.crnn_handler import CRNNHandler
from handler.decode import Character, Recognition
from handler.document import open_sheets
from handler.image import Pixels
from handler.layout import Box
from handler.memory import Memory
from handler.networks import Networks
from handler.preprocess import Strip
from handler.slices import KEPT, KEPT_SECONDS, LINES_PER_BATCH, Unfinished, shares
from tests.contract.test_handler import Context
from tests.plain import recognize_requests

pytestmark = pytest.mark.slow

PITCH = 10
"""Rows of a page for each of its lines."""


class CountingReader:
    """Reads every line alike, and notes how many it is given at once."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def read(self, lines: list[Pixels], *_asked: object) -> list[Recognition]:
        if lines:
            self.batches.append(len(lines))
        return [Recognition("abcd", 0.9, characters(line), Strip(0, len(line))) for line in lines]


def characters(line: Pixels) -> tuple[Character, ...]:
    step = line.shape[1] / 4
    return tuple(Character(char, 0.9, step * n, step * (n + 1)) for n, char in enumerate("abcd"))


def detect(page: Pixels, _letters: float | None = None) -> list[Box]:
    """A line in every PITCH rows of a page."""
    count, width = page.shape[0] // PITCH, page.shape[1]
    return [Box(width / 2, PITCH * (n + 0.5), width - 20, 8) for n in range(count)]


detect.until = nullcontext  # type: ignore[attr-defined]


def page(lines: int) -> dict[str, Any]:
    """A request with a page of so many lines."""
    file = io.BytesIO()
    Image.fromarray(np.full((PITCH * lines, 100), 255, np.uint8)).save(file, "PNG")
    return {"body": file.getvalue()}


class Served:
    """A worker that reads batches of requests, each with the token under which it may be read in slices."""

    def __init__(self) -> None:
        self.reader, self.unfinished = CountingReader(), Unfinished()
        self.networks = Networks({}, {})
        self.networks.readers["counting"] = self.reader

    def batch(self, requests: dict[str, dict[str, Any]]) -> dict[str, tuple[int, Any]]:
        headers = ['{"mode": "page"}'] * len(requests)
        self.reader.batches.clear()
        answers = recognize_requests(
            self.networks, detect, [*requests.values()], headers, [*requests], self.unfinished
        )
        return dict(zip(requests, answers, strict=True))

    def lines_read(self) -> int:
        return sum(self.reader.batches)


@pytest.fixture
def served() -> Served:
    return Served()


def test_a_batch_of_long_pages_reads_no_more_lines_than_one_page_may_have(served: Served) -> None:
    requests = {f"long-{n}": page(1000) for n in range(3)} | {"small": page(3)}
    answers = served.batch(requests)
    assert served.lines_read() == LINES_PER_BATCH
    assert answers["small"][0] == 200
    assert len(answers["small"][1]["lines"]) == 3
    assert {answers[name][0] for name in requests if name != "small"} == {202}
    assert answers["long-0"][1]["code"] == "unfinished"
    assert answers["long-0"][1]["detail"].endswith(".")


def test_a_page_in_slices_ends_as_if_it_had_been_read_at_once(served: Served) -> None:
    request = {"one": page(450)}
    (whole,) = recognize_requests(served.networks, detect, [page(450)], ['{"mode": "page"}'])
    statuses = [served.batch(request)["one"][0] for _ in range(2)]
    status, answer = served.batch(request)["one"]
    assert (statuses, status) == ([202, 202], 200)
    assert answer == whole[1]
    assert not served.unfinished


def test_a_page_is_finished_however_many_neighbours_come(served: Served) -> None:
    batches = 0
    while (
        served.batch({"long": page(500)} | {f"{batches}-{n}": page(40) for n in range(15)})["long"][0] != 200
    ):
        batches += 1
        assert served.lines_read() == LINES_PER_BATCH
    assert batches < 5


def test_without_a_token_a_page_is_read_to_its_end(served: Served) -> None:
    (answer,) = recognize_requests(
        served.networks, detect, [page(900)], ['{"mode": "page"}'], [None], served.unfinished
    )
    assert answer[0] == 200
    assert len(answer[1]["lines"]) == 900
    assert not served.unfinished


def test_torchserve_s_headers_bring_the_token(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = CRNNHandler()
    parts = {
        "networks": served.networks,
        "detector": detect,
        "memory": Memory(None, 0),
        "unfinished": served.unfinished,
        "sandbox": SimpleNamespace(open=open_sheets),
    }
    for name, part in parts.items():
        monkeypatch.setattr(handler, name, part, raising=False)
    context, statuses = Context(Path(), {"X-OCR-Token": "one", "X-OCR-Options": '{"mode": "page"}'}), []
    for _ in range(2):
        context.status.clear()
        handler.handle([page(300)], context)
        statuses.append(context.status.get(0, 200))
    assert statuses == [202, 200]


def test_what_nobody_asks_for_again_is_forgotten(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("handler.slices.monotonic", lambda: now)
    served.batch({"gone": page(300)})
    now += KEPT_SECONDS + 1
    served.batch({"small": page(1)})
    assert not served.unfinished
    for number in range(KEPT + 3):
        served.batch({str(number): page(300)})
    assert len(served.unfinished) == KEPT


@pytest.mark.parametrize(
    ("needs", "given"),
    [
        ([1000], [200]),
        ([1000, 3], [197, 3]),
        ([1000, 1000], [100, 100]),
        ([1000, 90, 30], [100, 70, 30]),
        ([10, 20, 30], [10, 20, 30]),
        ([], []),
    ],
)
def test_half_goes_to_who_waits_longest_and_the_rest_to_the_shortest(
    needs: list[int], given: list[int]
) -> None:
    assert shares(needs, 200) == given
