"""Chinese VAT invoices (增值税发票): electronic ones, those on paper, rolls, rail tickets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from frontend.extraction.amounts import CENT, Amount, find_amounts, plain
from frontend.extraction.capitals import find_capitals, parse_capitals
from frontend.extraction.fields import Fields, Found
from frontend.extraction.identifiers import credit_code
from frontend.extraction.issued import find_issue_date
from frontend.extraction.items import Item
from frontend.extraction.sheet import Cell, Row, Sheet, Span

_FAR = 1e6
LABELLED, UNLABELLED, CHECKED, FAILED = 0.98, 0.9, 0.995, 0.85
"""How often values are right: after their label, by their form alone, where check digits or sums hold,
and where they do not."""


def _spaced(pattern: str) -> str:
    """The pattern, with the spaces that print puts between Chinese characters."""
    return re.sub(r"(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff])", r"\\s*", pattern)


_TYPES: Mapping[str, re.Pattern[str]] = {
    "rail": re.compile(_spaced(r"铁路电子客票|电子客票号|中国铁路|火车票")),
    "roll": re.compile(_spaced(r"卷票|增值税普通发票\s*\(卷")),
    "electronic_special": re.compile(_spaced(r"电子发票\s*\(?增值税专用|增值税电子专用")),
    "electronic_ordinary": re.compile(_spaced(r"电子发票\s*\(?普通|增值税电子普通|电子普通发票")),
    "special": re.compile(_spaced(r"增值税专用发票|专用发票")),
    "ordinary": re.compile(_spaced(r"增值税普通发票|普通发票")),
    "electronic": re.compile(_spaced(r"电子发票")),
}
"""Kinds of invoices by their titles, the more special ones first."""
_CODE = re.compile(rf"{_spaced('发票代码')}\s*:?\s*(\d{{12}}|\d{{10}})(?!\d)")
_BARE_CODE = re.compile(r"\d{10}|\d{12}")
_TOP_ROWS = 4
_NUMBER = re.compile(
    rf"{_spaced('发票号码')}\s*:?\s*(\d{{20}}|\d{{8}})(?!\d)|(?:N[o0ºO°]|№)[.\s:]*(\d{{8}})(?!\d)"
)
_CHECK_CODE = re.compile(rf"{_spaced('校验码')}\s*:?\s*((?:\d\s?){{20}})(?!\d)")
_NAME = re.compile(
    rf"(?P<side>购\S{{0,4}}?|销\S{{0,4}}?|[买卖]\S{{0,3}}?)?\s*(?:单\s*位\s*)?(?:{_spaced('名称')})\s*:\s*(?P<value>[^\t:]+?)(?=\s*\t|$|\s*(?:统一|纳税|密码|销\s*名))"
)
_TAX_NUMBER = re.compile(
    rf"(?P<side>购|销|买|卖)?[^\t:]{{0,8}}?(?:{_spaced('识别号')}|{_spaced('信用代码')}|{_spaced('税号')})\s*:\s*"
    r"(?P<value>[0-9A-Za-z](?:[0-9A-Za-z]| (?=[0-9A-Za-z])){14,22})"
)
_SUM = re.compile(rf"^\W*{_spaced('合计')}\W*(?=[\t¥\d-])|^\W*{_spaced('合计')}\W*$")
_TOTAL = re.compile(rf"{_spaced('小写')}|{_spaced('价税合计')}|{_spaced('票价')}|合计金额|{_spaced('总价')}")
_HEADER = re.compile(rf"{_spaced('项目名称')}|{_spaced('货物或应税')}|{_spaced('服务名称')}|^\W*项\s*目\t")
_ITEM = re.compile(r"^\W*\*[^*]+\*")
_RATE = re.compile(r"\d{1,2}(?:\.\d)?\s?%|免税|不征税|\*{3}")
_FIGURE = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.%])")


def is_vat_invoice(sheet: Sheet) -> bool:
    text = re.sub(r"\s", "", sheet.text)
    signs = ("发票代码", "发票号码", "纳税人识别号", "价税合计", "增值税", "电子客票", "开票日期", "校验码")
    return sum(sign in text for sign in signs) >= 2  # noqa: PLR2004


def find_vat_invoice(sheet: Sheet) -> Fields:
    """The fields of a Chinese VAT invoice; None where no rule finds one."""
    buyer, seller = _by_side(sheet, list(_values(sheet, _NAME)))
    buyer_number, seller_number = _numbers(list(_values(sheet, _TAX_NUMBER)), buyer, seller)
    amount, tax = _sums(sheet)
    total, capitals = _total(sheet), _capitals(sheet)
    total, capitals = _agreed(total, capitals)
    items = list(_items(sheet))
    values = {
        "type": _type(sheet),
        "code": _first(sheet, _CODE) or _bare_code(sheet),
        "number": _first(sheet, _NUMBER),
        "date": find_issue_date(sheet),
        "check_code": _first(sheet, _CHECK_CODE),
        "buyer": buyer,
        "buyer_tax_number": _checked_number(buyer_number),
        "seller": seller,
        "seller_tax_number": _checked_number(seller_number),
        **_fitting(amount, tax, total, items),
        "total_in_capitals": capitals,
    }
    return Fields(values, items)


def _type(sheet: Sheet) -> Found | None:
    for name, pattern in _TYPES.items():
        for row in sheet.rows:
            if match := pattern.search(row.text):
                return Found(name, row.spans(*match.span()), LABELLED, agreement=LABELLED)
    return None


def _bare_code(sheet: Sheet) -> Found | None:
    """The code that paper invoices have at the top without a label, some of them twice."""
    cells = [cell for row in sheet.rows[:_TOP_ROWS] for cell in row.cells if _BARE_CODE.fullmatch(cell.text)]
    if not cells:
        return None
    again = [cell for cell in cells if cell.text == cells[0].text]
    return Found(cells[0].text, [Span(cells[0], 0, len(cells[0].text))], CHECKED if again[1:] else UNLABELLED)


def _first(sheet: Sheet, pattern: re.Pattern[str]) -> Found | None:
    for row in sheet.rows:
        if match := pattern.search(row.text):
            group = next(n for n in range(1, pattern.groups + 1) if match[n])
            return Found(re.sub(r"\s", "", match[group]), row.spans(*match.span(group)), LABELLED)
    return None


@dataclass(frozen=True)
class _Sided:
    """A value, and whether its label says the buyer's or the seller's."""

    found: Found
    side: str | None
    left: float
    middle: float
    size: float


def _values(sheet: Sheet, pattern: re.Pattern[str]) -> Iterator[_Sided]:
    for row in sheet.rows:
        for match in pattern.finditer(row.text):
            spans = row.spans(*match.span("value"))
            if spans:
                cell = spans[0].cell
                found = Found(match["value"].strip(), spans, LABELLED)
                left = cell.box.left if len(row.cells) > 1 else cell.box.left + match.start("value")
                yield _Sided(found, _side(match["side"]), left, cell.middle, cell.size)


def _side(label: str | None) -> str | None:
    return {"购": "buyer", "买": "buyer", "销": "seller", "卖": "seller"}.get((label or " ")[0])


def _by_side(sheet: Sheet, values: Sequence[_Sided]) -> tuple[Found | None, Found | None]:
    """The buyer's and the seller's: as labelled; else the buyer's is on the left, or above."""
    named = {value.side: value.found for value in values if value.side}
    if named or len(values) < 2:  # noqa: PLR2004
        rest = [value.found for value in values if not value.side]
        if "buyer" in named and "seller" not in named and rest:
            named["seller"] = rest[-1]
        if "seller" in named and "buyer" not in named and rest:
            named["buyer"] = rest[0]
        if not named and rest:
            named["seller" if _is_low(sheet, values[0]) else "buyer"] = rest[0]
        return named.get("buyer"), named.get("seller")
    first, last = values[0], values[-1]
    if abs(first.middle - last.middle) < 2 * first.size and last.left < first.left:
        first, last = last, first
    return first.found, last.found


def _numbers(
    values: Sequence[_Sided], buyer: Found | None, seller: Found | None
) -> tuple[Found | None, Found | None]:
    """The buyer's and the seller's: as labelled; else each belongs to the name that is nearest above it."""
    found: dict[str, Found] = {}
    parties = {side: party.spans[0].cell for side, party in (("buyer", buyer), ("seller", seller)) if party}
    for value in values:
        above = {side: _distance(value, name) for side, name in parties.items()}
        side = value.side or (min(above, key=lambda one: above[one]) if above else "buyer")
        found.setdefault(side, value.found)
    return found.get("buyer"), found.get("seller")


def _distance(value: _Sided, name: Cell) -> float:
    """Pixels from a name to what stands below it; far more to what does not."""
    below = value.middle - name.middle
    return abs(value.left - name.box.left) + (below if below > -name.size else _FAR)


def _is_low(sheet: Sheet, value: _Sided) -> bool:
    """Whether it stands below the sums, where sellers do."""
    return any(_SUM.search(row.text) and row.box.top < value.middle for row in sheet.rows)


def _checked_number(found: Found | None) -> Found | None:
    """A taxpayer's number with the check `digits`."""
    if found is None:
        return None
    value, holds = credit_code(found.value)
    if holds is None:
        return Found(value, found.spans, UNLABELLED)
    if not holds:
        return Found(value, found.spans, FAILED, {"digits": False})
    return Found(value, found.spans, CHECKED, {"digits": True}, agreement=CHECKED)


def _sums(sheet: Sheet) -> tuple[Found | None, Found | None]:
    """Amount and tax, from the row of sums; if its label was not read, the row with two amounts in ¥."""
    rows = [(row, list(find_amounts(row.text))) for row in sheet.rows]
    labelled = [(row, amounts) for row, amounts in rows if amounts and _SUM.search(row.text)]
    in_yen = [(row, amounts) for row, amounts in rows if [amount.sign for amount in amounts] == ["¥", "¥"]]
    for row, amounts in labelled or in_yen[-1:]:
        return _money(row, amounts[0]), _money(row, amounts[1]) if amounts[1:] else None
    return None, None


def _total(sheet: Sheet) -> Found | None:
    """The total in figures: the last amount of the row that says so."""
    for row in reversed(sheet.rows):
        if _TOTAL.search(row.text) and (amounts := list(find_amounts(row.text))):
            return _money(row, amounts[-1])
    return None


def _money(row: Row, amount: Amount) -> Found:
    return Found(plain(amount.value), row.spans(amount.start, amount.end), LABELLED)


def _capitals(sheet: Sheet) -> Found | None:
    for row in sheet.rows:
        if match := find_capitals(row.text):
            return Found(match[0], row.spans(*match.span()), LABELLED)
    return None


def _agreed(total: Found | None, capitals: Found | None) -> tuple[Found | None, Found | None]:
    """Total and capitals with the check whether they say the same; if so, both were read right."""
    value = parse_capitals(capitals.value) if capitals else None
    if total is None or capitals is None or value is None:
        return total, capitals
    agree = value == Decimal(total.value)
    sure, agreement = (LABELLED, CHECKED) if agree else (FAILED, 0.0)
    return (
        Found(total.value, total.spans, sure, {"capitals": agree}, agreement),
        Found(capitals.value, capitals.spans, sure, {"figures": agree}, agreement),
    )


def _fitting(
    amount: Found | None, tax: Found | None, total: Found | None, items: Sequence[Item]
) -> dict[str, Found | None]:
    """Amount, tax and total with the checks whether they fit, and whether the items make the amount."""
    if amount and tax and total:
        fits = Decimal(amount.value) + Decimal(tax.value) == Decimal(total.value)
        agreement = CHECKED if fits else 0.0
        amount, tax, total = (
            Found(
                one.value,
                one.spans,
                one.reliability,
                {**one.checks, name: fits},
                max(agreement, one.agreement),
            )
            for one, name in ((amount, "total"), (tax, "total"), (total, "tax"))
        )
    parts = [Decimal(found.value) for item in items if (found := item["amount"])]
    if amount and parts:
        amount = amount.checked(items=abs(sum(parts, Decimal(0)) - Decimal(amount.value)) <= CENT)
    return {"amount": amount, "tax": tax, "total": total}


def _items(sheet: Sheet) -> Iterator[Item]:
    """The rows between the header of the table and its sums that have an amount."""
    start = next((at + 1 for at, row in enumerate(sheet.rows) if _HEADER.search(row.text)), None)
    for row in () if start is None else sheet.rows[start:]:
        if _SUM.search(row.text) or _TOTAL.search(row.text):
            return
        amounts = [amount for amount in find_amounts(row.text) if not amount.sign or amount.value]
        if amounts and re.search(r"[^\W\d_]", row.text):
            yield _item(row, amounts)


def _item(row: Row, amounts: Sequence[Amount]) -> Item:
    rate = next((match for match in _RATE.finditer(row.text) if match.start() >= amounts[0].end), None)
    before = [amount for amount in amounts if rate is None or amount.end <= rate.start()]
    amount = before[-1] if before else amounts[0]
    name = row.cells[0]
    quantity, price = _product(row, amount)
    return {
        "name": Found(name.text.strip(), [Span(name, 0, len(name.text))], UNLABELLED),
        "quantity": quantity,
        "price": price,
        "amount": _money(row, amount),
        "rate": Found(rate[0].replace(" ", ""), row.spans(*rate.span()), LABELLED) if rate else None,
        "tax": _money(row, amounts[-1]) if rate and amounts[-1].start >= rate.end() else None,
    }


def _product(row: Row, amount: Amount) -> tuple[Found | None, Found | None]:
    """Quantity and price, where they make the amount."""
    figures = [m for m in _FIGURE.finditer(row.text[: amount.start]) if m.start()]
    for first, second in zip(figures, figures[1:], strict=False):
        if abs(Decimal(first[0]) * Decimal(second[0]) - amount.value) <= CENT:
            return (
                Found(first[0], row.spans(*first.span()), CHECKED),
                Found(second[0], row.spans(*second.span()), CHECKED),
            )
    return None, None
