"""Files dropped from outside, as the browser itself gets them from the desktop."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page

COPY = 1
"""What the source of the drag allows, as a mask."""


def drag(target: Locator, *paths: Path) -> None:
    """Files and folders held over the middle of an element."""
    _send(target, ("dragEnter", "dragOver"), paths)


def drop(target: Locator, *paths: Path) -> None:
    """Files and folders dragged to the middle of an element and let go."""
    _send(target, ("dragEnter", "dragOver", "drop"), paths)


def drag_away(page: Page) -> None:
    """The drag leaves the window."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [], "dragOperationsMask": COPY}
    session.send("Input.dispatchDragEvent", {"type": "dragCancel", "x": 0, "y": 0, "data": data})
    session.detach()


def _send(target: Locator, kinds: tuple[str, ...], paths: tuple[Path, ...]) -> None:
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box, "what is dropped upon must be visible"
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path.absolute()) for path in paths], "dragOperationsMask": COPY}
    session = target.page.context.new_cdp_session(target.page)
    for kind in kinds:
        session.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})
    session.detach()
