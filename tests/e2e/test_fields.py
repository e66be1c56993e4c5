"""Fields of receipts and invoices, from the picture to the export."""

from __future__ import annotations

import csv
import io
from typing import Any

from frontend.web.response_schemas import RecognizeAnswer
from tests.e2e.documents import receipt
from tests.e2e.service import Service, wait_for
from tests.golden import VAT_INVOICE

KEY = {
    "type": "electronic_ordinary",
    "number": "49306720397121071541",
    "date": "2021-05-27",
    "buyer": "厦门明正科技股份有限公司",
    "buyer_tax_number": "91584999LK40G1570D",
    "seller": "苏州博长信电子有限责任公司",
    "seller_tax_number": "9163405002LCHW27PX",
    "amount": "37676.11",
    "tax": "4897.89",
    "total": "42574.00",
}


def values(fields: dict[str, Any]) -> dict[str, str]:
    return {name: field["value"] for name, field in fields.items() if isinstance(field, dict)}


def test_a_receipt_becomes_data(service: Service) -> None:
    answer = service.post(receipt(), fields="auto").json()
    assert RecognizeAnswer.model_validate(answer)
    fields = answer["fields"]
    assert fields["kind"] == "receipt"
    assert (
        values(fields).items()
        >= {
            "merchant": "KEDAI SERI MAWAR SDN BHD",
            "date": "2019-04-03",
            "subtotal": "10.10",
            "total": "10.70",
        }.items()
    )
    assert fields["total"]["checks"] == {"items": True}
    assert [answer["lines"][number]["text"] for number in fields["date"]["lines"]][0].endswith("19:08")
    record = service.get(f"/history/{answer['history_id']}").json()
    assert record["fields"] == fields
    exported = service.get(f"/history/export?format=fields.csv&ids={answer['history_id']}")
    (row,) = csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig")))
    assert (row["kind"], row["total"]) == ("receipt", "10.70")


def test_a_vat_invoice_becomes_data_in_a_task(service: Service) -> None:
    accepted = service.post(VAT_INVOICE.read_bytes(), fields="invoice", **{"async": "true"}).json()
    wait_for(lambda: service.get(accepted["status_url"]).json()["state"] == "success", 60)
    (item,) = service.get(accepted["status_url"]).json()["items"]
    fields = item["result"]["fields"]
    assert fields["kind"] == "vat_invoice"
    assert values(fields).items() >= KEY.items()
    assert fields["total"]["checks"] == {"capitals": True, "tax": True}
    assert fields["seller_tax_number"]["checks"] == {"digits": True}
