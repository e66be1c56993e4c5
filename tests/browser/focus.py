"""Where the keyboard and a finger can go."""

from __future__ import annotations

from typing import NamedTuple

from playwright.sync_api import Page

MOST_STOPS = 200
FINGER = 44
"""Pixels of the least edge of what is touched."""

_OPERABLE = """
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
  const name = (element) =>
    [element.localName, element.id && `#${element.id}`, element.name, element.getAttribute("aria-label") ??
      element.textContent.trim().replaceAll(/\\s+/g, " ").slice(0, 40)].filter(Boolean).join(" ");
  const operable = () =>
    [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
      .filter((element) => element.tabIndex >= 0 && !element.disabled && isShown(element))
      .filter((element) => element.type !== "radio" || element.checked);
"""
_NAMES = f"() => {{ {_OPERABLE} return operable().map(name); }}"
_FOCUSED = f"""() => {{
  {_OPERABLE}
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const bearers = [focused, focused.closest("label"), focused.parentElement, focused.nextElementSibling];
  const isOutlined = bearers.some((bearer) => bearer && isShown(bearer) &&
    getComputedStyle(bearer).outlineStyle !== "none" && bearer.getBoundingClientRect().width > 1);
  const fill = (shape) => getComputedStyle(shape).fill;
  const isFilled = [...focused.parentElement.children].some((other) => fill(other) !== fill(focused));
  const marksItsParts = focused.type === "date"; // day, month, year: the browser does it
  return [name(focused), isOutlined || marksItsParts || (focused instanceof SVGElement && isFilled)];
}}"""
_TOO_SMALL = f"""(least) => {{
  {_OPERABLE}
  const isInText = (element) => element.localName === "a" && getComputedStyle(element).display === "inline";
  const target = (element) => element.closest("label") ?? element;
  return operable()
    .filter((element) => !isInText(element) && !element.closest(".skip"))
    .map((element) => [name(element), target(element).getBoundingClientRect()])
    .filter(([, box]) => Math.min(box.width, box.height) < least - 0.5)
    .map(([name, box]) => `${{name}}: ${{box.width}} x ${{box.height}}`);
}}"""


class Stop(NamedTuple):
    """Where Tab came to, and whether one sees that it is there."""

    name: str
    is_marked: bool


def tab_through(page: Page) -> list[Stop]:
    """Every stop of the Tab key from the top of the page on, until it leaves the page."""
    go_to_top(page)
    stops: list[Stop] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        found = page.evaluate(_FOCUSED)
        if found is None:
            return stops
        stops.append(Stop(*found))
    raise AssertionError(f"Tab never leaves the page: {stops}")


def go_to_top(page: Page) -> None:
    """The next Tab is the first: an address that names a part of the page starts there."""
    page.locator("a, button").first.focus()
    page.keyboard.press("Shift+Tab")


def operable(page: Page) -> set[str]:
    """The controls that can be operated now, by name; of radio buttons the chosen one."""
    return set(page.evaluate(_NAMES))


def too_small(page: Page) -> list[str]:
    """Controls that are too small to be touched; links within text may be."""
    small: list[str] = page.evaluate(_TOO_SMALL, FINGER)
    return small
