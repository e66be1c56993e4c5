"""The service as its users' programs see it: post an image, wait while it is busy, say what is wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import urlsplit

import requests

from .forms import Answer

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 30.0
"""Who is told to come back later than this gives up."""
_PIECE_BYTES = 1024 * 1024
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 600.0
SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.2, 5.0
_UNDER_WAY = frozenset({"pending", "running"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_KEY_ADVICE = "Give your key with --key or OCR_API_KEY."


class UnreadImageError(Exception):
    """An image was not read; the message says what is wrong and what to do."""


class UnreachableError(Exception):
    """Nobody answers at the service's address; the message says what to do."""


class _Bearer(requests.auth.AuthBase):
    """Sends the key. As a header of the session, it would give way to a password in ~/.netrc."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def with_scheme(url: str) -> str:
    """An address as it is typed: 127.0.0.1:8000 is http://127.0.0.1:8000."""
    return url if "://" in url else f"http://{url}"


class Session:
    """One kept-alive session with the service at `url`; `key` is sent as a bearer token."""

    def __init__(self, url: str, key: str | None = None) -> None:
        url = with_scheme(url)
        self._url = url.rstrip("/")
        self._session = requests.Session()
        # no proxy between us and our own machine
        self._session.trust_env = urlsplit(url).hostname not in _LOOPBACK
        self._session.auth = _Bearer(key) if key else None

    def close(self) -> None:
        """Give back the connection."""
        self._session.close()

    def recognize(self, image: bytes, options: Mapping[str, str]) -> Answer:
        """Recognize an image file. A busy service is asked up to ATTEMPTS times.

        Raises:
            UnreadImageError: the service refuses the image or the options, or does not get it read.
            UnreachableError: nobody answers.
        """
        return self._answer(self._ask(image, {**options, "async": "false"}))

    def recognize_url(self, url: str, options: Mapping[str, str]) -> Answer:
        """The same of an image on the web, which the service fetches."""
        return self.recognize(b"", {**options, "url": url})

    def submit(self, image: bytes, options: Mapping[str, str]) -> str:
        """Leave an image file to a task; the path of the task. Raises as `recognize` does."""
        reply = self._ask(image, {**options, "async": "true"})
        return str(self._answer(reply, "status_url")["status_url"])

    def submit_url(self, url: str, options: Mapping[str, str]) -> str:
        """The same of an image on the web."""
        return self.submit(b"", {**options, "url": url})

    def results(self, task: str) -> Iterator[dict[str, Any]]:
        """The items of a task, as /tasks/{id} has them, once it has ended. Raises as `recognize` does."""
        pause = SHORTEST_POLL_SECONDS
        while (page := self._answer(self._send("GET", task), "items"))["state"] in _UNDER_WAY:
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_POLL_SECONDS)
        yield from page["items"]
        while cursor := page["next_cursor"]:
            page = self._answer(self._send("GET", task, params={"cursor": cursor}), "items")
            yield from page["items"]

    def render(self, form: str, answers: Sequence[Answer], images: Sequence[bytes] = ()) -> bytes:
        """The file that POST /render makes of {"name": …, "answer": …} each. Raises as `recognize` does."""
        files = [("answers", ("answers.json", json.dumps(answers).encode()))]
        files += [("image", (str(number), image)) for number, image in enumerate(images)]
        reply = self._send("POST", "/render", data={"format": form}, files=files)
        if not reply.ok:
            self._answer(reply)  # raises
        return reply.content

    def export_lines(self, file: IO[bytes]) -> None:
        """Write the ZIP of GET /feedback/export into a file. Raises as `recognize` does."""
        with self._send("GET", "/feedback/export", stream=True) as reply:
            if not reply.ok:
                self._answer(reply)  # raises
            try:
                for piece in reply.iter_content(_PIECE_BYTES):
                    file.write(piece)
            except requests.RequestException as error:
                raise UnreadImageError("The connection broke off. Try again.") from error

    def _ask(self, image: bytes, options: Mapping[str, str]) -> requests.Response:
        headers = {"Content-Type": "application/octet-stream"}
        return self._send("POST", "/recognize", params=options, data=image, headers=headers)

    def _send(self, method: str, path: str, **content: Any) -> requests.Response:
        """The reply; `content` is as requests takes it. A busy service is asked up to ATTEMPTS times."""
        reply = self._send_once(method, path, content)
        for _ in range(ATTEMPTS - 1):
            seconds = _wait_seconds(reply)
            if seconds is None:
                break
            time.sleep(seconds)
            reply = self._send_once(method, path, content)
        return reply

    def _send_once(self, method: str, path: str, content: Mapping[str, Any]) -> requests.Response:
        try:
            return self._session.request(
                method,
                f"{self._url}{path}",
                **content,
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
        except requests.ReadTimeout as error:
            message = (
                f"There was no answer within {ANSWER_SECONDS:.0f} s. Send a smaller image, or fewer pages."
            )
            raise UnreadImageError(message) from error
        except requests.RequestException as error:
            self._check_reachable()
            message = "The connection broke off. Try again; a file far too large may be the cause."
            raise UnreadImageError(message) from error

    def _check_reachable(self) -> None:
        """Raises UnreachableError unless somebody answers, whatever it is."""
        try:
            self._session.get(f"{self._url}/healthz", timeout=CONNECT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            raise UnreachableError(
                f"The service at {self._url} cannot be reached ({type(error).__name__}). "
                "Start it with `make run`, or give its address with --url or OCR_URL."
            ) from error

    def _answer(self, reply: requests.Response, member: str = "lines") -> Answer:
        """The object in a reply that has this member, as one of this service has."""
        body = _members(reply)
        if not reply.ok and "detail" in body:
            raise UnreadImageError(_complaint(reply.status_code, body))
        if not reply.ok or member not in body:
            raise UnreadImageError(
                f"{self._url} answered {reply.status_code} {reply.reason} and no text. "
                "If that is not the address of the OCR service, correct --url or OCR_URL."
            )
        return body


def _wait_seconds(reply: requests.Response) -> float | None:
    """How long to wait before the same request is sent again; None if it should not be."""
    try:
        seconds = float(reply.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if reply.status_code in _BUSY and 0 <= seconds <= LONGEST_WAIT_SECONDS else None


def _members(reply: requests.Response) -> dict[str, Any]:
    """The members of a JSON object; none if the reply is something else."""
    try:
        body = reply.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _complaint(status: int, problem: Mapping[str, Any]) -> str:
    """A problem (RFC 9457) in one line: its detail, and of `errors` what the detail leaves out."""
    sentences = [str(problem["detail"])]
    errors = [f"{error.get('field')}: {error.get('message')}" for error in problem.get("errors") or []]
    sentences += [error for error in errors if error not in sentences[0]]
    if status == HTTPStatus.UNAUTHORIZED:
        sentences.append(_KEY_ADVICE)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and "request_id" in problem:
        sentences.append(f"(Request id: {problem['request_id']})")
    return " ".join(" ".join(sentences).split())
