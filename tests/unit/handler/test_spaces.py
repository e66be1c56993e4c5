from collections.abc import Sequence

import numpy as np
import pytest

from handler.decode import Character, Recognition
from handler.spaces import with_spaces


def spaced(text: str, *gaps: int, width: int = 24, read: Sequence[int] = ()) -> str:
    """The reading of a text of blocks with these gaps between them, in pixels of a line 48 high; behind the
    characters at `read` a space was read."""
    starts = np.cumsum([8, *(width + gap for gap in gaps)])
    line = np.full((48, int(starts[-1]) + width + 8), 255, np.uint8)
    characters = []
    for n, (char, start) in enumerate(zip(text, starts, strict=True)):
        line[6:42, start : start + width] = 0
        line[9:39, start + 3 : start + width - 3] = 255
        characters.append(Character(char, 0.9, float(start), float(start + width)))
        if n in read:
            characters.append(Character(" ", 0.9, float(start + width), float(start + width + gaps[n])))
    shown = "".join(c.char for c in characters)
    return with_spaces(Recognition(shown, 0.9, tuple(characters)), line).text


@pytest.mark.parametrize(
    ("text", "gaps", "read", "expected"),
    [
        ("a<b>c", (24, 25, 24, 24), (2,), "a < b > c"),
        ("a<b>c", (24, 25, 24, 24), (), "a<b>c"),
        ("www.it", (4, 4, 20, 20, 20), (4,), "www.i t"),
        ("abcde", (4, 10, 4, 10), (1,), "ab cde"),
    ],
)
def test_gaps_between_letters_that_are_as_wide_as_a_space_are_some(
    text: str, gaps: Sequence[int], read: Sequence[int], expected: str
) -> None:
    assert spaced(text, *gaps, read=read) == expected


@pytest.mark.parametrize(
    ("text", "gaps", "expected"),
    [
        ("张喆陈玥李昇王彧", (4, 14, 4, 14, 4, 14, 4), "张喆 陈玥 李昇 王彧"),
        ("张喆陈玥李昇王彧", (14,) * 7, "张喆陈玥李昇王彧"),
        ("张喆陈玥李昇王彧", (4, 7, 4, 6, 5, 7, 4), "张喆陈玥李昇王彧"),
        ("张喆陈", (4, 14), "张喆陈"),
    ],
)
def test_chinese_characters_stand_at_equal_distances_but_for_spaces(
    text: str, gaps: Sequence[int], expected: str
) -> None:
    assert spaced(text, *gaps, width=40) == expected
