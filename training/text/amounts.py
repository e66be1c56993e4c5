"""Amounts in the capitals that Chinese invoices and cheques demand: 1010.30 -> 壹仟零壹拾元叁角整."""

_PLACES = (3, 2, 1, 0)


def capitals(cents: int, signs: str) -> str:
    """An amount below 10^12 cents in words.

    `signs` are nineteen characters: the digits 零 to 玖, 拾 佰 仟, 万 亿, 元 角 分, and 整 after a sum
    without 分.
    """
    whole, tens, ones = cents // 100, cents // 10 % 10, cents % 10
    text = _whole(whole, signs) + signs[15] if whole else ""
    if tens:
        text += signs[tens] + signs[16]
    elif ones and whole:
        text += signs[0]
    return text + (signs[ones] + signs[17] if ones else signs[18])


def _whole(number: int, signs: str) -> str:
    """Groups of four digits with 万 and 亿 after them; one 零 for any run of noughts between digits."""
    text = ""
    for power, sign in ((8, signs[14]), (4, signs[13]), (0, "")):
        group = number // 10**power % 10**4
        if group:
            gap = signs[0] if text and (group < 1000 or number // 10**power % 10**5 == group) else ""
            text += gap + _group(group, signs) + sign
    return text


def _group(number: int, signs: str) -> str:
    text, gap = "", False
    for place in _PLACES:
        digit = number // 10**place % 10
        if digit:
            unit = "" if place == 0 else signs[9 + place]
            text += (signs[0] if gap and text else "") + signs[digit] + unit
        gap = not digit
    return text
