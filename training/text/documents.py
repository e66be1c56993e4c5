"""Running text out of files of Chinese and Japanese documentation: HTML, Mallard pages and plain text."""

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

_BLOCKS = frozenset(
    [
        "p",
        "li",
        "dd",
        "dt",
        "td",
        "th",
        "title",
        "h1",
        "h2",
        "h3",
        "h4",
        "div",
        "section",
        "desc",
        "item",
        "body",
    ]
)
_SILENT = frozenset(["script", "style", "pre", "screen", "info", "credit", "programlisting", "svg", "nav"])
_MARKUP = re.compile(r"[<>{}|`\\^~=#$@\x00-\x1f\ufffd]|::|[*_]{2}")
_WIDE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_AT_BREAK = re.compile(r"(?<=[^\x00-\x7f])\s*\n\s*(?=[^\x00-\x7f])")
SHORTEST = 8
"""Characters of a line that is kept."""


class _Text(HTMLParser):
    """Gathers the text of blocks, one line each; what is code or hidden is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self.silent = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in _SILENT
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in _SILENT and self.silent > 0
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.lines[-1] += data


def read(paths: Iterable[Path], strip: str = "") -> Iterator[str]:
    """The text of each file, a block of its markup a line; what the expression `strip` finds is taken out."""
    for path in paths:
        document = path.read_text("utf-8", "ignore")
        if path.suffix in (".html", ".page", ".xml"):
            parser = _Text()
            parser.feed(document)
            document = "\n".join(" ".join(_AT_BREAK.sub("", line).split()) for line in parser.lines)
        yield re.sub(strip, "", document) if strip else document


def lines(document: str) -> Iterator[str]:
    """Lines mostly in Chinese or Japanese, without markup."""
    for line in document.split("\n"):
        line = " ".join(line.split())
        if len(line) >= SHORTEST and len(_WIDE.findall(line)) > 0.5 * len(line) and not _MARKUP.search(line):
            yield line


def spread(found: list[str], room: int) -> list[str]:
    """Every n-th line, so that about `room` characters are taken from all over."""
    total = sum(map(len, found))
    return found[:: max(1, round(total / room))]
