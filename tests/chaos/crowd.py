"""Clients of every kind at once, whose images say what is known, and what became of each request."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import requests
from PIL.PngImagePlugin import PngInfo
from websockets.exceptions import InvalidStatus, WebSocketException

from tests import clip
from tests.e2e import lines, pages
from tests.stream_client import open_stream

Outcome = Literal["right", "wrong", "later", "failed", "broken"]
"""later: 503 or 429 that says when to come back; failed: any other error; broken: no answer at all."""
GOOD = "right"
_LATER = (429, 503)
ANSWER_SECONDS, TASK_SECONDS = 100.0, 300.0
_LINES = ("Invoice 4711", "Total 48.60", "Mind the gap", "Chapter 12", "Riverside Market", "Platform 9")
_SUBTITLES, _EACH = ("The train leaves at half past nine", "Chapter 7: Home at last", "No, wait!"), 6
_PAGES = 5000
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Event:
    """The end of a request."""

    kind: str
    at: float
    outcome: Outcome
    what: str = ""


class Crowd:
    """Four clients post lines, and one each pages, batches, frames, and looks into the history."""

    def __init__(self, address: str, run: str) -> None:
        """`run` names the images of this crowd apart from others'."""
        self._address, self._run = address, run
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self.posted: Counter[str] = Counter()
        """Names of images that were sent, each once."""
        self.remembered: dict[str, str] = {}
        """Names of images whose answer said that they are in the history, and their record's id."""
        self.tasks: dict[str, list[str]] = {}
        """Tasks that were accepted, and the texts of their images."""
        works: list[Callable[[requests.Session], None]] = [self._line] * 4
        works += [self._page, self._batch, self._history]
        self._threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]
        self._threads.append(threading.Thread(target=self._stream))

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def events(self, since: float) -> list[Event]:
        with self._lock:
            return [event for event in self._events if event.at >= since]

    def _note(self, kind: str, outcome: Outcome, what: str = "") -> None:
        with self._lock:
            self._events.append(Event(kind, time.monotonic(), outcome, what))

    def _repeat(self, work: Callable[[requests.Session], None]) -> None:
        session = requests.Session()
        session.trust_env = False
        while not self._stop.is_set():
            work(session)
            time.sleep(_PAUSE_SECONDS)

    def _line(self, session: requests.Session) -> None:
        number = next(self._numbers)
        text = _LINES[number % len(_LINES)]
        self._recognize(session, "line", f"line-{number}", unique_line(text, self._name(number)), text)

    def _page(self, session: requests.Session) -> None:
        number = next(self._numbers)
        image = pages.draw(number % _PAGES)
        content = lines.encode(image, pnginfo=_info(self._name(number)))
        self._recognize(session, "page", f"page-{number}", content, pages.text(number % _PAGES))

    def _name(self, number: int) -> str:
        return f"{self._run}-{number}"

    def _recognize(
        self, session: requests.Session, kind: str, name: str, image: bytes, expected: str
    ) -> None:
        name = f"{self._run}-{name}.png"
        self.posted[name] += 1
        answer = self._ask(session, kind, "POST", "/recognize", files={"image": (name, image)})
        if answer is None:
            return
        if answer["history_id"]:
            self.remembered[name] = answer["history_id"]
        is_right = answer["text"] == expected
        self._note(kind, "right" if is_right else "wrong", f"{name}: {answer['text']!r}, not {expected!r}")

    def _ask(
        self, session: requests.Session, kind: str, method: str, path: str, **content: Any
    ) -> dict[str, Any] | None:
        """The answer; None, noted, if there is none."""
        try:
            reply = session.request(method, f"{self._address}{path}", timeout=ANSWER_SECONDS, **content)
        except requests.RequestException as error:
            self._note(kind, "broken", f"{path}: {type(error).__name__}")
            return None
        if reply.ok:
            return dict(reply.json())
        is_later = reply.status_code in _LATER and "Retry-After" in reply.headers
        self._note(kind, "later" if is_later else "failed", f"{path}: {reply.status_code} {reply.text[:200]}")
        return None

    def _batch(self, session: requests.Session) -> None:
        """Three lines; what becomes of them is looked at now and then, and at the end."""
        number = next(self._numbers)
        texts = [_LINES[(number + at) % len(_LINES)] for at in range(3)]
        names = [f"{self._run}-task-{number}-{at}.png" for at in range(3)]
        files = [("image", (name, unique_line(text, name))) for name, text in zip(names, texts, strict=True)]
        self.posted.update(names)
        answer = self._ask(session, "task", "POST", "/recognize/batch", files=files)
        if answer is None:
            return
        self.tasks[answer["status_url"]] = texts
        deadline = time.monotonic() + TASK_SECONDS
        while not self._stop.is_set() and time.monotonic() < deadline:
            time.sleep(0.5)
            task = self._ask(session, "task", "GET", answer["status_url"])
            if task and task["state"] in ("success", "failure"):
                is_right = texts == results(task)
                self._note("task", "right" if is_right else "wrong", str(task)[:500])
                break

    def _history(self, session: requests.Session) -> None:
        time.sleep(0.5)
        if answer := self._ask(session, "history", "GET", "/history?limit=20"):
            ids = [item["id"] for item in answer["items"]]
            self._note("history", "right" if len(ids) == len(set(ids)) else "wrong")

    def _stream(self) -> None:
        frames = list(clip.frames(_SUBTITLES, _EACH))
        address = f"{self._address.replace('http', 'ws')}/stream"
        while not self._stop.is_set():
            try:
                with open_stream(address) as client:
                    for number, frame in enumerate(frames):
                        answer = client.ask(frame.jpeg)
                        self._judge_frame(answer, frame.text if number % _EACH == _EACH // 2 else None)
                        self._stop.wait(0.2)
                        if self._stop.is_set():
                            break
            except InvalidStatus as error:
                is_later = error.response.status_code in _LATER
                self._note("frame", "later" if is_later else "failed", str(error))
                self._stop.wait(0.3)
            except (OSError, WebSocketException, EOFError) as error:
                self._note("frame", "broken", type(error).__name__)
                self._stop.wait(0.3)

    def _judge_frame(self, answer: Mapping[str, Any], expected: str | None) -> None:
        """By its text, where the subtitle has stood long enough."""
        if answer["type"] == "error":
            is_later = answer["status"] in _LATER
            self._note("frame", "later" if is_later else "failed", str(answer)[:200])
            return
        text = "\n".join(line["text"] for line in answer["lines"])
        is_right = expected is None or text == expected
        self._note("frame", "right" if is_right else "wrong", f"{text!r}, not {expected!r}")


def unique_line(text: str, name: str) -> bytes:
    """A picture of the text in a file like no other, so that no answer comes from the cache."""
    return lines.encode(lines.draw(text), pnginfo=_info(name))


def _info(name: str) -> PngInfo:
    info = PngInfo()
    info.add_text("Title", name)
    return info


def results(task: Mapping[str, Any]) -> list[str]:
    """The texts of a task's items."""
    return [item["result"]["text"] if "result" in item else item["state"] for item in task["items"]]


@dataclass(frozen=True)
class Audit:
    """What must be nothing, once all is quiet."""

    lost: list[str]
    """Images whose answer named a record that is not there, and tasks that did not end right."""
    doubled: list[str]
    """Images of which the history has several records."""


def audit(crowd: Crowd, address: str) -> Audit:
    """Compare what was promised with the history and the tasks."""
    with requests.Session() as session:
        session.trust_env = False
        records = _records(session, address)
        lost = [name for name, record in crowd.remembered.items() if record not in records[name]]
        for task, texts in crowd.tasks.items():
            found = _ended(session, f"{address}{task}")
            if found != texts:
                lost.append(f"{task}: {found}")
    doubled = [name for name, count in crowd.posted.items() if len(records[name]) > count]
    return Audit(lost, doubled)


def _records(session: requests.Session, address: str) -> Mapping[str, list[str]]:
    """Ids of records, by the names of their images."""
    found: dict[str, list[str]] = defaultdict(list)
    asked = {"limit": "100"}
    while True:
        page = session.get(f"{address}/history", params=asked, timeout=30).json()
        for record in page["items"]:
            found[record.get("name", "")].append(record["id"])
        if not page["next_cursor"]:
            return found
        asked["cursor"] = page["next_cursor"]


def _ended(session: requests.Session, address: str) -> list[str]:
    """What was read in a task, which may still take a while."""
    deadline = time.monotonic() + TASK_SECONDS
    while time.monotonic() < deadline:
        with suppress(requests.RequestException, KeyError):
            reply = session.get(address, timeout=30)
            if reply.status_code == 404:
                break
            task = reply.json()
            if task["state"] in ("success", "failure"):
                return results(task)
        time.sleep(0.5)
    return []
