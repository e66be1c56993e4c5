"""Merchants and addresses of receipts, from the rows at their head."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.frontend.extraction.documents import fields

PURCHASE = "\nTAX INVOICE\nInvoice No: 20417\nTotal | RM 5.00"


def head(rows: str) -> tuple[Any, Any]:
    found = fields(rows + PURCHASE, "receipt")
    return tuple(found[name] and found[name]["value"] for name in ("merchant", "address"))


@pytest.mark.parametrize(
    ("rows", "address"),
    [
        # Words that no list has, between house number and postcode.
        ("8 Mawar Heights\nKelisa\n70100 Nilam", "8 Mawar Heights Kelisa 70100 Nilam"),
        ("B-03-11 Prima Court\nOrkid 4\n70100 Nilam", "B-03-11 Prima Court Orkid 4 70100 Nilam"),
        (
            "Peti Surat PTD 4411\nJalan Kelisa 2\n70100 Nilam",
            "Peti Surat PTD 4411 Jalan Kelisa 2 70100 Nilam",
        ),
        ("44 XY7/58\nKelisa Utara\n70100 Nilam", "44 XY7/58 Kelisa Utara 70100 Nilam"),
        # A branch without number or comma is not part of it, nor is a registration.
        ("Kelisa Branch\n44, Jalan Orkid\n70100 Nilam", "44, Jalan Orkid 70100 Nilam"),
        ("(123456-X)\n44, Jalan Orkid\n70100 Nilam", "44, Jalan Orkid 70100 Nilam"),
        ("44, Jalan Orkid\n70100 Nilam, Johor Tel: 07-2345678", "44, Jalan Orkid 70100 Nilam, Johor"),
    ],
)
def test_addresses(rows: str, address: str) -> None:
    assert head(f"KEDAI SERI MAWAR SDN BHD\n{rows}")[1] == address


def test_items_with_numbers_of_five_figures_are_no_address() -> None:
    found = fields("KEDAI MAWAR SDN BHD\n22241 WS SCISSORS | 18.00\n64542 QVS TWEEZER | 17.90\nTotal | 35.90")
    assert found["address"] is None


@pytest.mark.parametrize(
    ("rows", "merchant"),
    [
        ("KELISA NILAM\n44, Jalan Orkid\n70100 Nilam", "KELISA NILAM"),
        ("KELISA NILAM\n(123456-X)\n44, Jalan Orkid\n70100 Nilam", "KELISA NILAM"),
        ("KELISA NILAM\nGOOD MORNING", None),
        ("WARNA KELISA\nSTATIONERY SDN BHD\n44, Jalan Orkid", "WARNA KELISA STATIONERY SDN BHD"),
        ("KELISA NILAM\nRESTORAN WARNA SDN BHD\n44, Jalan Orkid", None),
        (
            "WARNA HARDWARE\nENTERPRISE (KELISA\nNILAM) SDN BHD",
            "WARNA HARDWARE ENTERPRISE (KELISA NILAM) SDN BHD",
        ),
    ],
)
def test_merchants(rows: str, merchant: str | None) -> None:
    """Without a word for a business, an address tells that what stands above is its name."""
    assert head(rows)[0] == merchant
