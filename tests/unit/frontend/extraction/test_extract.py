"""Fields of receipts and invoices from their lines."""

from __future__ import annotations

from typing import Any

import pytest

from frontend.extraction.extract import MOST_CHARACTERS, find_fields
from tests.unit.frontend.extraction.documents import (
    INVOICE,
    RECEIPT,
    VAT_INVOICE,
    fields,
    lines,
    values,
)


def test_a_receipt() -> None:
    found = fields(RECEIPT)
    assert found["kind"] == "receipt"
    assert values(found) == {
        "merchant": "KEDAI SERI MAWAR SDN BHD",
        "address": "No. 12, Jalan Kenanga 3 47100 Puchong, Selangor",
        "date": "2019-04-03",
        "time": "19:08",
        "number": "INV-20417",
        "currency": "MYR",
        "subtotal": "10.10",
        "tax": "0.61",
        "total": "10.70",
        "payment": "cash",
    }
    assert [values(item) for item in found["items"]] == [
        {"name": "Teh tarik", "quantity": "2", "price": "1.80", "amount": "3.60"},
        {"name": "Nasi lemak", "quantity": "1", "price": "6.50", "amount": "6.50"},
    ]
    assert found["total"]["checks"] == {"items": True}
    assert found["tax"]["checks"] == {"total": True}


def test_a_field_says_where_it_stands() -> None:
    found = fields(RECEIPT)["date"]
    (number,) = found["lines"]
    line = lines(RECEIPT)[number]
    assert line["text"] == "Date: 03/04/2019"
    assert found["text"] == "03/04/2019"
    assert found["bbox"] == line["bbox"]
    assert 0.9 < found["confidence"] < 0.99


def test_where_characters_have_boxes_a_field_has_its_own() -> None:
    given = lines("Date: 25/12/2018")
    ((left, top), (_, bottom)) = given[0]["bbox"]
    given[0]["chars"] = [
        {"char": char, "confidence": 0.99, "bbox": [[left + 12 * n, top], [left + 12 * n + 12, bottom]]}
        for n, char in enumerate(given[0]["text"])
    ]
    assert find_fields("receipt", given)["date"]["bbox"] == [[left + 72, top], [left + 192, bottom]]


def test_items_that_do_not_add_up_are_told() -> None:
    found = fields(RECEIPT.replace("6.50 | 6.50", "6.50 | 9.50"))
    assert found["total"]["checks"] == {"items": False}


def test_a_tax_that_does_not_fit_is_told() -> None:
    assert fields(RECEIPT.replace("RM 0.61", "RM 0.91"))["tax"]["checks"] == {"total": False}


@pytest.mark.parametrize("text", ["", "Good morning\nThis is a letter.", "1 | 2 | 3"])
def test_of_nothing_sure_all_is_null(text: str) -> None:
    found = fields(text, "receipt")
    assert set(values(found)) <= {"merchant"}
    assert found["total"] is None
    assert found["items"] == []


def test_what_was_read_badly_is_null() -> None:
    found = fields(RECEIPT, confidence=0.2)
    assert found["merchant"] is None
    assert found["number"] is None


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        ("Total Qty | 3\nTotal | 12.00", "12.00"),
        ("Total | 11.98\nRounding | 0.02\nRounded Total | 12.00", "12.00"),
        ("TOTA, | 12.00\nCash | 20.00\nChange | 8.00", "12.00"),
        ("Total Incl. GST | 12.00\nGST Summary\nTotal | 11.32 | 0.68", "12.00"),
        ("合计 | ¥12.00\n实收 | ¥20.00", "12.00"),
        ("小計 | ¥1,100\n合計 | ¥1,210\nお預り | ¥2,000", "1210.00"),
        ("Jumlah Kecil | RM 10.00\nJumlah | RM 12.00\nTunai | RM 12.00", "12.00"),
        (
            "Total | 12.00\nRounding | 0.00\nTotal After Rounding | 12.00\nCash | 24.00\nChange | 12.00",
            "12.00",
        ),
        ("Total | 12.37\nRounding | -0.02\nCash | 50.00\nChange | 37.65", "12.37"),
        ("Total | 11.38\nRounding | 0.02\nCash | 11.40", "11.38"),
        ("Tax Amt | 9.30\nGST 6% | 0.56\nFinal Total Inc. SST | 9.86\nCash | 10.00\nChange | 0.14", "9.86"),
        ("Total | 9.00\nPay | 20.00\nChange | 11.00", "9.00"),
    ],
)
def test_totals(rows: str, total: str) -> None:
    assert fields(rows, "receipt")["total"]["value"] == total


def test_a_total_that_the_payment_contradicts_is_null() -> None:
    rows = "Total | 12.60\nCash | 20.00\nChange | 8.00"
    assert fields(rows, "receipt")["total"] is None


def test_payment_or_items_confirm_a_total_that_was_read_badly() -> None:
    paid = "Total | 12.00\nCash | 20.00\nChange | 8.00"
    bought = "Item | Qty | Amount\nTea | 2 | 5.00\nRice | 1 | 7.00\nTotal | 12.00"
    for rows in (paid, bought):
        assert fields(rows, "receipt", confidence=0.5)["total"]["value"] == "12.00"
    assert fields("Total | 12.00", "receipt", confidence=0.5)["total"] is None


@pytest.mark.parametrize(
    ("rows", "date"),
    [
        ("Date: 03/04/2019\nTotal RM 5.00", "2019-04-03"),
        ("Date: 03/04/2019\nTotal US$ 5.00\nAustin TX 78701", "2019-03-04"),
        ("Printed 04/28/2019\nDate: 28.04.2019", "2019-04-28"),
        ("Date: 03/04/2019\nPaid 2019-03-04", "2019-03-04"),
        ("Valid until 01/05/2020\nDate: 13/04/2019", "2019-04-13"),
        ("Date: 03/04/2019", None),
    ],
)
def test_day_and_month_are_ordered_by_evidence(rows: str, date: str | None) -> None:
    found = fields(rows, "receipt")["date"]
    assert (found and found["value"]) == date


def test_a_vat_invoice() -> None:
    found = fields(VAT_INVOICE)
    assert found["kind"] == "vat_invoice"
    assert values(found) == {
        "type": "electronic_ordinary",
        "number": "24117000000012345678",
        "date": "2024-03-05",
        "buyer": "北京春风科技有限公司",
        "buyer_tax_number": "91110108MA01A2B3CH",
        "seller": "上海明月商贸有限公司",
        "seller_tax_number": "91350100M000100Y43",
        "amount": "100.00",
        "tax": "13.00",
        "total": "113.00",
        "total_in_capitals": "壹佰壹拾叁圆整",
    }
    assert found["seller_tax_number"]["checks"] == {"digits": True}
    assert found["buyer_tax_number"]["checks"] == {"digits": False}
    assert found["total"]["checks"] == {"capitals": True, "tax": True}
    assert found["amount"]["checks"] == {"total": True, "items": True}
    assert values(found["items"][0]) == {
        "name": "*文具*签字笔",
        "quantity": "20",
        "price": "2.50",
        "amount": "50.00",
        "rate": "13%",
        "tax": "6.50",
    }


def test_capitals_that_differ_from_figures_are_told() -> None:
    found = fields(VAT_INVOICE.replace("（小写）¥113.00", "（小写）¥118.00"))
    assert found["total"]["checks"] == {"capitals": False, "tax": False}


def test_an_invoice() -> None:
    found = fields(INVOICE)
    assert found["kind"] == "invoice"
    assert values(found) == {
        "number": "2023-0117",
        "date": "2023-02-13",
        "due_date": "2023-02-28",
        "seller": "Nordwind Handels GmbH",
        "seller_vat_number": "DE136695976",
        "buyer": "Tagwerk Ltd",
        "iban": "DE89370400440532013000",
        "currency": "EUR",
        "subtotal": "2400.00",
        "tax": "456.00",
        "total": "2856.00",
    }
    assert found["iban"]["checks"] == {"digits": True}


def test_a_wrong_iban_is_told() -> None:
    assert fields(INVOICE.replace("DE89 3704", "DE88 3704"))["iban"]["checks"] == {"digits": False}


@pytest.mark.parametrize(
    ("option", "text", "kind"),
    [
        ("receipt", INVOICE, "receipt"),
        ("invoice", RECEIPT, "invoice"),
        ("invoice", VAT_INVOICE, "vat_invoice"),
    ],
)
def test_what_is_asked_for_is_found(option: Any, text: str, kind: str) -> None:
    assert fields(text, option)["kind"] == kind


def test_of_a_book_only_the_beginning_is_looked_at() -> None:
    book = [line for page in range(2, 40) for line in lines("Lorem ipsum dolor\n" * 100, page=page)]
    assert len(book) * 17 > MOST_CHARACTERS
    found = find_fields(
        "receipt", lines("Total | RM 5.00", page=1) + book + lines("Total | RM 9.00", page=40)
    )
    assert found["total"]["value"] == "5.00"


def test_fields_of_a_document_are_those_of_all_pages() -> None:
    head, sums = RECEIPT.split("Sub Total")
    found = find_fields("auto", lines(head, page=1) + lines(f"Sub Total{sums}", page=2))
    assert found["merchant"]["page"] == 1
    assert found["total"]["page"] == 2
    assert found["total"]["checks"] == {"items": True}
