"""Live video through the real stack: subtitles voted over frames, the newest frame first, limits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests import clip
from tests.conftest import KEY, STREAM_SECONDS
from tests.e2e import lines, pages
from tests.e2e.service import Service
from tests.stream_client import StreamClient, open_stream

SUBTITLES = (
    "The train leaves at half past nine",
    "Chapter 1",
    "Chapter 2",
    "使用 Python 语言开发",
    "",
    "No, wait!\nThe keys are at home.",
)
EACH = 6
CONNECTIONS = 20


def address(service: Service) -> str:
    return f"{service.address.replace('http', 'ws')}/stream"


@pytest.fixture
def client(service: Service) -> Iterator[StreamClient]:
    with open_stream(address(service)) as client:
        yield client


@pytest.fixture(scope="module")
def still() -> list[bytes]:
    """Frames of one subtitle, no two of which are the same."""
    return [frame.jpeg for frame in clip.frames(["Mind the gap"], 8)]


def closing(client: StreamClient) -> tuple[int, str]:
    """The code and reason with which the service closes the connection, whatever it answers before."""
    with pytest.raises(ConnectionClosed) as closed:
        deque(iter(client.receive, None), maxlen=0)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.parametrize("moving", [False, True])
def test_every_subtitle_of_a_clip_comes_back_right_and_once(client: StreamClient, moving: bool) -> None:
    frames = list(clip.frames(SUBTITLES, EACH, seed=11, moving=moving))
    answers = [client.ask(frame.jpeg) for frame in frames]
    assert [answer["frame"] for answer in answers] == list(range(1, len(frames) + 1))

    seconds = sum(answer["elapsed_ms"] for answer in answers) / 1000
    assert len(frames) / seconds > 5  # frames a second are what is promised

    ended = [line for answer in answers for line in answer["ended"]] + answers[-1]["lines"]
    expected = [line for text in SUBTITLES for line in text.split("\n") if line]
    by_place = sorted(ended, key=lambda line: (line["first_frame"], line["bbox"][0][1]))
    assert [line["text"] for line in by_place] == expected
    assert len({line["id"] for line in ended}) == len(expected)
    for number in range(EACH // 2, len(frames), EACH):  # in the middle of each, nothing flickers any more
        assert "\n".join(line["text"] for line in answers[number]["lines"]) == frames[number].text


def test_the_newest_frame_wins_and_the_client_learns_its_rate(
    client: StreamClient, still: list[bytes]
) -> None:
    assert client.hello["type"] == "hello"
    assert client.hello["frames_per_second"] > 0
    for jpeg in still:
        client.send(jpeg)
    answers = [client.receive()]
    while answers[-1]["frame"] < len(still):
        answers.append(client.receive())
    assert len(answers) + sum(answer["dropped"] for answer in answers) == len(still)
    assert any(answer["dropped"] for answer in answers)
    assert all(answer["frames_per_second"] > 0 for answer in answers)


def test_unchanged_frames_are_skipped_and_nothing_is_remembered(
    service: Service, client: StreamClient, still: list[bytes]
) -> None:
    remembered = service.get("/history?limit=1").json()
    for jpeg in still[:-1]:
        client.ask(jpeg)
    counted = service.inferences()
    answers = [client.ask(still[-1]) for _ in range(3)]
    assert [answer["unchanged"] for answer in answers] == [True] * 3
    assert [answer["lines"][0]["text"] for answer in answers] == ["Mind the gap"] * 3
    assert service.inferences() == counted
    assert service.get("/history?limit=1").json() == remembered


def test_a_frame_that_is_no_image_harms_no_other(client: StreamClient, still: list[bytes]) -> None:
    refused = client.ask(still[0][:1000])
    assert (refused["type"], refused["frame"], refused["code"]) == ("error", 1, "invalid-image")
    assert client.ask(still[0])["lines"][0]["text"] == "Mind the gap"


def test_too_large_a_message_and_text_close_the_connection(service: Service) -> None:
    with open_stream(address(service)) as client:
        client.send(b"x" * (client.hello["limits"]["message_bytes"] + 1))
        assert closing(client)[0] == 1009
    with open_stream(address(service)) as client:
        client.connection.send("text")
        code, reason = closing(client)
        assert (code, "binary" in reason) == (1003, True)


def test_only_its_own_pages_may_connect(service: Service) -> None:
    own: dict[str, Any] = {"origin": service.address}
    with open_stream(address(service), **own) as client:
        assert client.hello["protocol"] == 1
    with pytest.raises(InvalidStatus) as refused, open_stream(address(service), origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_many_connections_share_and_pages_are_read_meanwhile(service: Service) -> None:
    jpegs = [frame.jpeg for frame in clip.frames(SUBTITLES[:2], 4, moving=True)]
    ends = time.monotonic() + 8

    def play(_number: int) -> int:
        with open_stream(address(service)) as client:
            answered = 0
            while time.monotonic() < ends:
                answered += client.ask(jpegs[answered % len(jpegs)])["type"] == "frame"
            return answered

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        playing = [pool.submit(play, number) for number in range(CONNECTIONS)]
        time.sleep(1)
        answer = service.post(lines.encode(pages.draw(4321)))
        answered = [future.result() for future in playing]
    assert (answer.status_code, answer.json()["text"]) == (200, pages.text(4321))
    assert 0 < max(answered) <= 3 * min(answered)


def test_limits_of_a_connection(strict: Service, still: list[bytes]) -> None:
    key = {"additional_headers": {"Authorization": f"Bearer {KEY}"}}
    with open_stream(address(strict), **key) as first:
        with ExitStack() as stack:
            with pytest.raises(ConnectionClosed) as closed:
                stack.enter_context(open_stream(address(strict), **key))
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
        code, reason = closing(first)
        assert (code, reason) == (1000, "No frame came for 1.5 s.")
    with open_stream(address(strict), **key) as second:
        started = time.monotonic()
        while time.monotonic() < started + STREAM_SECONDS:
            second.ask(still[0])
            time.sleep(0.2)
        code, reason = closing(second)
        assert (code, "the limit" in reason) == (1001, True)
