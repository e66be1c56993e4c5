"""Documents as lines of an answer, written as rows: cells apart by |."""

from __future__ import annotations

from typing import Any

from frontend.extraction.extract import find_fields
from frontend.recognition.answers import FieldsOption

RECEIPT = """
KEDAI SERI MAWAR SDN BHD (812345-K)
No. 12, Jalan Kenanga 3
47100 Puchong, Selangor
Tel: 03-8061 2345
TAX INVOICE
Invoice No: INV-20417
Date: 03/04/2019 | Time: 7:08 PM
Item | Qty | Price | Amount
Teh tarik | 2 | 1.80 | 3.60
Nasi lemak | 1 | 6.50 | 6.50
Sub Total | RM 10.10
GST 6% | RM 0.61
Rounding Adj | -0.01
Total (RM) | 10.70
Cash | 20.00
Change | 9.30
"""
VAT_INVOICE = """
电子发票（普通发票） | 发票号码：24117000000012345678
开票日期：2024年03月05日
名称：北京春风科技有限公司 | 名称：上海明月商贸有限公司
统一社会信用代码/纳税人识别号：91110108MA01A2B3CH | 统一社会信用代码/纳税人识别号：91350100M000100Y43
项目名称 | 规格型号 | 单位 | 数量 | 单价 | 金额 | 税率/征收率 | 税额
*文具*签字笔 | 0.5mm | 支 | 20 | 2.50 | 50.00 | 13% | 6.50
*文具*笔记本 | A5 | 本 | 5 | 10.00 | 50.00 | 13% | 6.50
合 计 | ¥100.00 | ¥13.00
价税合计（大写） | 壹佰壹拾叁圆整 | （小写）¥113.00
"""
INVOICE = """
Nordwind Handels GmbH
Rechnungsstraße 5, 10115 Berlin
VAT number: DE136695976
INVOICE
Bill to:
Tagwerk Ltd
Invoice number: 2023-0117 | Invoice date: 13.02.2023
Due date: 28.02.2023
Description | Qty | Unit price | Amount
Consulting | 2 | € 1,200.00 | € 2,400.00
Subtotal | € 2,400.00
VAT 19% | € 456.00
Total | € 2,856.00
IBAN: DE89 3704 0044 0532 0130 00
"""


def lines(text: str, confidence: float = 0.99, page: int | None = None) -> list[dict[str, Any]]:
    """Lines of 20 pixels in height, a cell each, 200 pixels from one to the next."""
    found = []
    for row, cells in enumerate(text.strip().split("\n")):
        left = 10
        for cell in map(str.strip, cells.split("|")):
            right = left + 12 * len(cell)
            box = [[left, 30 * row], [right, 30 * row + 20]]
            found.append({"text": cell, "confidence": confidence, "row": row, "bbox": box})
            left = right + 60
    return [{**line, "page": page} for line in found] if page else found


def fields(text: str, option: FieldsOption = "auto", confidence: float = 0.99) -> dict[str, Any]:
    return find_fields(option, lines(text, confidence))


def values(found: dict[str, Any]) -> dict[str, Any]:
    """The values of the fields that are sure."""
    return {name: field["value"] for name, field in found.items() if isinstance(field, dict)}
