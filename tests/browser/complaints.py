"""A page must never do this: log an error, throw one, break the Content-Security-Policy, ask another host."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, WebError

LOCAL = {"about", "blob", "data"}
"""Schemes of what is in the page already."""


class Complaints:
    """The complaints about the pages of watched contexts so far."""

    def __init__(self, address: str) -> None:
        self.host = urlsplit(address).netloc
        self.heard: list[str] = []
        self.expected: list[str] = []

    def expect(self, words: str) -> None:
        """Of an error that the test provokes, such as "status of 503"; not to hear it is a failure, too."""
        self.expected.append(words)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._note_message)
        context.on("weberror", self._note_error)
        context.on("request", lambda request: self._note_request(request.url))
        context.on("page", self._watch_sockets)

    def check(self) -> None:
        """AssertionError with what was heard and not expected, and what was expected and not heard."""
        surprises = [line for line in self.heard if not any(words in line for words in self.expected)]
        assert not surprises, "\n".join(surprises)
        unheard = [words for words in self.expected if not any(words in line for line in self.heard)]
        assert not unheard, f"expected, but never heard: {unheard}"

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.heard.append(f"console: {message.text} ({message.location.get('url')})")

    def _note_error(self, error: WebError) -> None:
        self.heard.append(f"uncaught: {error.error}")

    def _note_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in LOCAL and parts.netloc != self.host:
            self.heard.append(f"request to another host: {url}")

    def _watch_sockets(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._note_request(socket.url))
