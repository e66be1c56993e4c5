"""Files dropped from outside, as the browser itself gets them from the desktop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import CDPSession, Locator

OUTSIDE = {"x": -10, "y": -10}
COPY = 1
"""The effects that the source of the drag allows, as a mask."""


def drop(target: Locator, *paths: Path) -> None:
    """Files and folders dragged to the middle of an element and let go."""
    with _drag(target, paths) as (session, event):
        session.send("Input.dispatchDragEvent", {"type": "drop", **event})


@contextmanager
def dragged(target: Locator, *paths: Path) -> Iterator[None]:
    """Files and folders held over the middle of an element, and then dragged out of the window."""
    with _drag(target, paths) as (session, event):
        yield
        session.send("Input.dispatchDragEvent", {"type": "dragOver", **event, **OUTSIDE})


@contextmanager
def _drag(target: Locator, paths: tuple[Path, ...]) -> Iterator[tuple[CDPSession, dict[str, object]]]:
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box, "what is dropped upon must be visible"
    data = {"items": [], "files": [str(path.absolute()) for path in paths], "dragOperationsMask": COPY}
    event = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "data": data}
    session = target.page.context.new_cdp_session(target.page)
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, **event})
    yield session, event
    session.detach()
