"""Amounts, dates, times and numbers with check digits, as they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from frontend.extraction.amounts import find_amounts, find_currency
from frontend.extraction.capitals import parse_capitals
from frontend.extraction.dates import find_dates, find_times
from frontend.extraction.identifiers import credit_code, find_ibans, find_vat_numbers
from frontend.extraction.sheet import fold_width


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("TOTAL RM 1,234.56", ["1234.56"]), ("1.234,56 €", ["1234.56"]), ("Rp 12.000", ["12000"]),
        ("¥1,200", ["1200"]), ("合計 980円", ["980"]), ("￥１２.５０", ["12.50"]), ("-0.02", ["-0.02"]),
        ("2 x 3.50 7.00", ["3.50", "7.00"]), ("6% GST", []), ("12/03/2018", []), ("Tel 03-8061.2345", []),
        ("1 234,50", ["1234.50"]), ("CS00084670", []),
    ],
)  # fmt: skip
def test_amounts(text: str, amounts: list[str]) -> None:
    assert [amount.value for amount in find_amounts(fold_width(text))] == [Decimal(one) for one in amounts]


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("Total RM 5.00", "MYR"), ("€ 5.00", "EUR"), ("合计 ¥5.00", "CNY"), ("レジ ¥500", "JPY"),
        ("$5.00", None), ("RM 5.00 = € 1.00", None), ("5.00", None),
    ],
)  # fmt: skip
def test_currencies_where_only_one_is_meant(text: str, currency: str | None) -> None:
    assert find_currency(text) == currency


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2018-03-23", ["2018-03-23"]), ("25/12/2018", ["2018-12-25"]), ("12/28/2017", ["2017-12-28"]),
        ("03.04.2019", ["2019-04-03", "2019-03-04"]), ("05 MAR 2018", ["2018-03-05"]),
        ("15/APR/2017", ["2017-04-15"]), ("March 5, 2018", ["2018-03-05"]), ("3. Dez 2020", ["2020-12-03"]),
        ("2024年03月05日", ["2024-03-05"]), ("令和6年3月5日", ["2024-03-05"]), ("18-11-17", ["2017-11-18"]),
        ("20180428", ["2018-04-28"]), ("31/02/2018", []), ("55/44/2018", []), ("192.168.10.20", []),
    ],
)  # fmt: skip
def test_dates(text: str, days: list[str]) -> None:
    found = list(find_dates(fold_width(text)))
    assert [day.isoformat() for written in found for day in written.readings] == days


@pytest.mark.parametrize(
    ("text", "time"),
    [("8:13:39 PM", "20:13:39"), ("12:05 am", "00:05"), ("17:2１", "17:21"), ("9時05分", "09:05")],
)  # fmt: skip
def test_times(text: str, time: str) -> None:
    assert "".join(one.value for one in find_times(fold_width(text))) == time


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("壹佰壹拾叁圆整", "113"), ("壹仟零贰拾圆叁角伍分", "1020.35"), ("叁万肆仟元整", "34000"),
        ("拾圆整", "10"),
        ("贰亿零伍拾万圆零柒分", "200500000.07"), ("负伍圆整", "-5"), ("合计", None),
    ],
)  # fmt: skip
def test_capitals(text: str, value: str | None) -> None:
    assert parse_capitals(text) == (Decimal(value) if value else None)


def test_credit_codes() -> None:
    assert credit_code("91350100M000100Y43") == ("91350100M000100Y43", True)
    assert credit_code("9135O1OOM0001O0Y43") == ("91350100M000100Y43", True), "an O is read for a zero"
    assert credit_code("91350100M000100Y44") == ("91350100M000100Y44", False)
    assert credit_code("110108123456789") == ("110108123456789", None), "older numbers have no check digit"


def test_ibans_and_vat_numbers() -> None:
    text = "IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF, USt-IdNr. DE 136695976"
    assert [(one.value, one.is_valid) for one in find_ibans(text)] == [("DE89370400440532013000", True)]
    assert [(one.value, one.is_valid) for one in find_vat_numbers(text)] == [("DE136695976", True)]
    (wrong,) = find_ibans("DE88 3704 0044 0532 0130 00")
    assert not wrong.is_valid
