"""Chinese VAT invoices (增值税发票) in six layouts: their picture in colours, and what their fields say.

Made-up companies with numbers whose check digits hold; tables, rules, seals and codes as on the real ones.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from PIL import Image, ImageDraw

from training.fonts.typefaces import load, pick_font
from training.render.surface import Picture
from training.text.amounts import capitals

Key = dict[str, str]
"""Value by the name of the field, as frontend.extraction names them."""
SIGNS = "零壹贰叁肆伍陆柒捌玖拾佰仟万亿圆角分整"
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_INK, _FORM, _SEAL = (30, 30, 45), (128, 52, 36), (208, 44, 40)
_FONTS = {"wide-serif": 3.0, "wide-sans": 2.0}
_CITIES = (
    "北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "西安", "苏州", "青岛", "长沙", "大连", "厦门",
    "郑州",
)  # fmt: skip
_NAMES = "华中新天海明春龙金凯瑞达信诚安泰恒丰兴盛博远科创东方百合长江宏图立德正元"
_TRADES = (
    "科技", "商贸", "餐饮管理", "电子", "物流", "文化传媒", "医疗器械", "建筑工程", "酒店管理", "信息技术",
)  # fmt: skip
_FORMS = ("有限公司", "有限公司", "有限责任公司", "股份有限公司")
_ITEMS = (
    ("餐饮服务", "餐费", "次"), ("文具", "签字笔", "支"), ("纸制品", "复印纸", "箱"),
    ("信息技术服务", "技术服务费", "项"), ("住宿服务", "住宿费", "天"), ("电子计算机", "笔记本电脑", "台"),
    ("家具", "办公椅", "把"), ("饮料", "矿泉水", "箱"), ("运输服务", "运费", "次"), ("印刷品", "图书", "本"),
    ("日用杂品", "清洁用品", "套"), ("通信设备", "路由器", "台"),
)  # fmt: skip
_RATES = (1, 3, 6, 9, 13)


@dataclass(frozen=True)
class _Item:
    name: str
    unit: str
    count: int
    price: int
    """Cents, as the amount and the tax."""
    rate: int

    @property
    def amount(self) -> int:
        return self.count * self.price

    @property
    def tax(self) -> int:
        return round(self.amount * self.rate / 100)


@dataclass(frozen=True)
class _Invoice:
    buyer: str
    buyer_number: str
    seller: str
    seller_number: str
    issued: date
    items: tuple[_Item, ...]

    @property
    def amount(self) -> int:
        return sum(item.amount for item in self.items)

    @property
    def tax(self) -> int:
        return sum(item.tax for item in self.items)

    @property
    def capitals(self) -> str:
        return capitals(self.amount + self.tax, SIGNS)


class _Sheet:
    """A sheet of paper to write and draw on; sizes and places in pixels."""

    def __init__(self, rng: random.Random, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), (rng.randint(244, 255),) * 3)
        self.pen = ImageDraw.Draw(self.image)
        signs = SIGNS + "电子发票普通专用增值税统一社会信用代码纳税人识别号（）：¥*%/" + _NAMES
        path = pick_font(rng, _FONTS, signs)
        if path is None:
            raise FileNotFoundError("There is no font with the signs of invoices: run `make fonts`.")
        self._path = path

    def write(
        self,
        x: float,
        y: float,
        text: str,
        size: int = 26,
        colour: tuple[int, ...] = _INK,
        anchor: str = "lm",
    ) -> None:
        self.pen.text((x, y), text, colour, load(self._path, size), anchor)

    def down(self, x: float, y: float, text: str, size: int = 24) -> None:
        """From top to bottom, centred at x."""
        for number, char in enumerate(text):
            self.write(x, y + number * size * 1.15, char, size, _FORM, "mt")

    def box(self, left: float, top: float, right: float, bottom: float) -> None:
        self.pen.rectangle((left, top, right, bottom), outline=_FORM, width=2)

    def line(self, *points: float, width: int = 2) -> None:
        self.pen.line(points, _FORM, width)

    def code(self, rng: random.Random, left: int, top: int, side: int) -> None:
        """Like a QR code."""
        cells = [rng.random() < 0.5 for _ in range(29 * 29)]
        for number, is_dark in enumerate(cells):
            if is_dark:
                x, y = left + number % 29 * side / 29, top + number // 29 * side / 29
                self.pen.rectangle((x, y, x + side / 29, y + side / 29), fill=_INK)

    def seal(self, x: float, y: float, words: str, width: int = 250, height: int = 165) -> None:
        """An oval with words in it, through which what is below can be seen."""
        layer = Image.new("RGBA", self.image.size)
        pen = ImageDraw.Draw(layer)
        colour = (*_SEAL, 150)
        pen.ellipse((x - width / 2, y - height / 2, x + width / 2, y + height / 2), outline=colour, width=5)
        pen.text((x, y), words, colour, load(self._path, 24), "mm")
        self.image.paste(layer, (0, 0), layer)


def draw_vat_invoice(rng: random.Random, layout: str) -> tuple[Picture, Key]:
    """An invoice in one of LAYOUTS: image (H, W, 3) and its fields.

    Raises:
        FileNotFoundError: no font has its signs.
    """
    draw = LAYOUTS[layout]
    sheet, key = draw(rng, layout, _invent(rng))
    return np.asarray(sheet.image), key


def _invent(rng: random.Random) -> _Invoice:
    kinds = rng.sample(_ITEMS, rng.randint(1, 4))
    rate = rng.choice(_RATES)
    items = tuple(
        _Item(f"*{kind}*{name}", unit, rng.randint(1, 40), rng.randint(100, 90_000), rate)
        for kind, name, unit in kinds
    )
    day = date(2018, 1, 1) + timedelta(days=rng.randrange(2500))
    return _Invoice(_company(rng), _tax_number(rng), _company(rng), _tax_number(rng), day, items)


def _company(rng: random.Random) -> str:
    name = "".join(rng.sample(_NAMES, rng.randint(2, 4)))
    return f"{rng.choice(_CITIES)}{name}{rng.choice(_TRADES)}{rng.choice(_FORMS)}"


def _tax_number(rng: random.Random) -> str:
    """A credit code (GB 32100-2015) whose check digit holds."""
    body = f"91{rng.randint(110000, 659000)}{''.join(rng.choices(_USCC, k=9))}"
    total = sum(_USCC.index(char) * 3**place % 31 for place, char in enumerate(body))
    return body + _USCC[(31 - total % 31) % 31]


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _money(cents: int) -> str:
    return f"{cents / 100:.2f}"


def _day(day: date) -> str:
    return f"{day:%Y}年{day:%m}月{day:%d}日"


def _key(kind: str, invoice: _Invoice, **more: str) -> Key:
    return {
        "type": kind,
        "date": invoice.issued.isoformat(),
        "buyer": invoice.buyer,
        "buyer_tax_number": invoice.buyer_number,
        "seller": invoice.seller,
        "seller_tax_number": invoice.seller_number,
        "amount": _money(invoice.amount),
        "tax": _money(invoice.tax),
        "total": _money(invoice.amount + invoice.tax),
        "total_in_capitals": invoice.capitals,
        **more,
    }


def _table(sheet: _Sheet, invoice: _Invoice, top: int, heads: Mapping[str, float], height: int) -> None:
    """Items under their heads, by the middles of the columns; names begin at the left, sums come last."""
    for head, x in heads.items():
        sheet.write(x, top + 24, head, 24, _FORM, "mm")
    name, _kind, unit, count, price, amount, rate, tax = heads.values()
    for number, item in enumerate(invoice.items):
        y = top + 66 + 40 * number
        sheet.write(66, y, item.name, 24)
        sheet.write(unit, y, item.unit, 24, anchor="mm")
        for x, text in ((count, str(item.count)), (price, _money(item.price)), (amount, _money(item.amount))):
            sheet.write(x + 60, y, text, 24, anchor="rm")
        sheet.write(rate, y, f"{item.rate}%", 24, anchor="mm")
        sheet.write(tax + 60, y, _money(item.tax), 24, anchor="rm")
    y = top + height - 26
    sheet.write(name, y, "合    计", 24, _FORM, "mm")
    sheet.write(amount + 60, y, f"¥{_money(invoice.amount)}", 24, anchor="rm")
    sheet.write(tax + 60, y, f"¥{_money(invoice.tax)}", 24, anchor="rm")


def _sum_row(sheet: _Sheet, invoice: _Invoice, y: int, label_x: int) -> None:
    sheet.write(label_x, y, "价税合计（大写）", 24, _FORM)
    sheet.write(430, y, invoice.capitals, 26)
    sheet.write(1090, y, "（小写）", 24, _FORM)
    sheet.write(1200, y, f"¥{_money(invoice.amount + invoice.tax)}", 26)


def _electronic(rng: random.Random, layout: str, invoice: _Invoice) -> tuple[_Sheet, Key]:
    """全电发票, of 2021 and after: parties side by side."""
    sheet = _Sheet(rng, 1600, 1050)
    word = "普通发票" if layout == "electronic_ordinary" else "增值税专用发票"
    number = _digits(rng, 20)
    sheet.write(800, 80, f"电子发票（{word}）", 44, _FORM, "mm")
    sheet.line(560, 112, 1040, 112)
    sheet.line(560, 120, 1040, 120)
    sheet.code(rng, 60, 40, 130)
    for y, label, value in ((70, "发票号码：", number), (112, "开票日期：", _day(invoice.issued))):
        sheet.write(1130, y, label, 24, _FORM)
        sheet.write(1250, y, value, 24)
    sheet.box(40, 200, 1560, 960)
    for left, side, name, tax_number in (
        (40, "购买方信息", invoice.buyer, invoice.buyer_number),
        (800, "销售方信息", invoice.seller, invoice.seller_number),
    ):
        sheet.down(left + 26, 212, side, 22)
        sheet.line(left + 52, 200, left + 52, 350)
        for y, label, value in ((245, "名称：", name), (305, "统一社会信用代码/纳税人识别号：", tax_number)):
            sheet.write(left + 64, y, label, 22, _FORM)
            sheet.write(left + 64 + 22 * len(label), y, value, 24)
    sheet.line(800, 200, 800, 350)
    sheet.line(40, 350, 1560, 350)
    heads = {
        "项目名称": 160, "规格型号": 420, "单 位": 570, "数 量": 700, "单 价": 880, "金 额": 1090,
        "税率/征收率": 1290, "税 额": 1470,
    }  # fmt: skip
    _table(sheet, invoice, 355, heads, 380)
    sheet.line(40, 740, 1560, 740)
    _sum_row(sheet, invoice, 775, 90)
    sheet.line(40, 810, 1560, 810)
    sheet.down(66, 820, "备注", 26)
    sheet.line(92, 810, 92, 960)
    sheet.write(110, 1000, "开票人：", 24, _FORM)
    sheet.write(215, 1000, rng.choice(("王芳", "李明", "张伟", "刘洋")), 24)
    sheet.seal(800, 120, "国家税务总局", 220, 120)
    return sheet, _key(layout, invoice, number=number)


def _paper_head(
    sheet: _Sheet, rng: random.Random, invoice: _Invoice, printed: tuple[str, str], is_special: bool
) -> Key:
    """Writes what is above the frame, with the code and the number that are printed; what of it is known."""
    code, number = printed
    more: Key = {"code": code, "number": number}
    title = f"{invoice.seller[:2]}增值税{'专用' if is_special else '普通'}发票"
    sheet.write(820, 70, title, 46, _FORM, "mm")
    sheet.line(560, 104, 1080, 104)
    sheet.line(560, 112, 1080, 112)
    if is_special:
        sheet.write(80, 70, code, 34)
        sheet.write(1180, 70, f"No {number}", 40)
        sheet.write(1430, 110, code, 22)
    for y, label, value in ((100, "发票代码：", code), (130, "发票号码：", number))[is_special * 2 :]:
        sheet.write(1180, y - 50, label, 24, _FORM)
        sheet.write(1300, y - 50, value, 24)
    sheet.write(1180, 140, "开票日期：", 24, _FORM)
    sheet.write(1300, 140, _day(invoice.issued), 24)
    if not is_special:
        more["check_code"] = check = _digits(rng, 20)
        sheet.write(80, 140, "校验码：", 24, _FORM)
        sheet.write(180, 140, " ".join(check[n : n + 5] for n in range(0, 20, 5)), 24)
    return more


def _paper(rng: random.Random, layout: str, invoice: _Invoice) -> tuple[_Sheet, Key]:
    """On forms printed beforehand: the buyer above the items, the seller below."""
    sheet = _Sheet(rng, 1640, 1060)
    is_special = layout == "special"
    code, number = _digits(rng, 10 if is_special else 12), _digits(rng, 8)
    more = _paper_head(sheet, rng, invoice, (code, number), is_special)
    sheet.box(50, 170, 1590, 980)
    _party(sheet, 170, "购买方", invoice.buyer, invoice.buyer_number)
    sheet.down(985, 180, "密码区", 24)
    sheet.line(960, 170, 960, 340)
    sheet.line(1010, 170, 1010, 340)
    for line in range(4):
        cipher = "".join(rng.choices("0123456789<>+-*/", k=28))
        sheet.write(1024, 195 + 38 * line, cipher, 22)
    sheet.line(50, 340, 1590, 340)
    heads = {
        "货物或应税劳务、服务名称": 230, "规格型号": 490, "单位": 610, "数量": 720, "单价": 890, "金额": 1110,
        "税率": 1290, "税额": 1490,
    }  # fmt: skip
    _table(sheet, invoice, 345, heads, 370)
    sheet.line(50, 720, 1590, 720)
    _sum_row(sheet, invoice, 752, 100)
    sheet.line(50, 785, 1590, 785)
    _party(sheet, 785, "销售方", invoice.seller, invoice.seller_number)
    sheet.down(985, 810, "备注", 24)
    sheet.line(960, 785, 960, 980)
    sheet.line(1010, 785, 1010, 980)
    for x, words in ((80, "收款人："), (480, "复核："), (840, "开票人："), (1250, "销售方：（章）")):
        sheet.write(x, 1015, words, 24, _FORM)
    sheet.seal(1320, 890, "发票专用章")
    return sheet, _key(layout, invoice, **more)


def _party(sheet: _Sheet, top: int, side: str, name: str, number: str) -> None:
    sheet.down(76, top + 20, side, 26)
    sheet.line(102, top, 102, top + (170 if top < 300 else 195))
    rows = (
        ("名        称：", name),
        ("纳税人识别号：", number),
        ("地 址、电 话：", ""),
        ("开户行及账号：", ""),
    )
    for line, (label, value) in enumerate(rows):
        sheet.write(114, top + 26 + 39 * line, label, 22, _FORM)
        sheet.write(290, top + 26 + 39 * line, value, 25)


def _roll(rng: random.Random, layout: str, invoice: _Invoice) -> tuple[_Sheet, Key]:
    """卷票, from the printers of shops: one column, the seller first."""
    sheet = _Sheet(rng, 640, 1250)
    code, number, check = _digits(rng, 12), _digits(rng, 8), _digits(rng, 20)
    sheet.write(320, 60, "增值税普通发票（卷票）", 36, _FORM, "mm")
    sheet.write(320, 105, "发票联", 28, _FORM, "mm")
    facts = (
        ("发票代码：", code), ("发票号码：", number), ("机打号码：", number),
        ("机器编号：", _digits(rng, 12)), ("销售方名称：", invoice.seller),
        ("纳税人识别号：", invoice.seller_number), ("开票日期：", invoice.issued.isoformat()),
        ("收款员：", rng.choice(("王芳", "李明"))), ("购买方名称：", invoice.buyer),
        ("纳税人识别号：", invoice.buyer_number),
    )  # fmt: skip
    for line, (label, value) in enumerate(facts):
        sheet.write(40, 170 + 46 * line, label + value, 24)
    top = 170 + 46 * len(facts) + 20
    for x, head in ((40, "项目"), (300, "数量"), (410, "单价"), (520, "金额")):
        sheet.write(x, top, head, 24)
    for line, item in enumerate(invoice.items):
        y = top + 46 + 46 * line
        whole = item.amount + item.tax
        cells = ((40, item.name), (300, "1"), (410, _money(whole)), (520, _money(whole)))
        for x, text in cells:
            sheet.write(x, y, text, 24)
    y = top + 46 * (len(invoice.items) + 2)
    total = _money(invoice.amount + invoice.tax)
    for line, text in enumerate(
        (f"合计金额（小写）：¥{total}", f"合计金额（大写）：{invoice.capitals}", f"校验码：{check}")
    ):
        sheet.write(40, y + 46 * line, text, 24)
    sheet.seal(430, 620, "发票专用章")
    key = _key(layout, invoice, code=code, number=number, check_code=check)
    return sheet, {name: value for name, value in key.items() if name not in {"amount", "tax"}}


def _rail(rng: random.Random, layout: str, invoice: _Invoice) -> tuple[_Sheet, Key]:
    """电子发票（铁路电子客票）: a ticket, with its buyer and no seller."""
    sheet = _Sheet(rng, 1300, 820)
    number, fare = _digits(rng, 20), rng.randint(1_000, 150_000)
    sheet.write(650, 70, "电子发票（铁路电子客票）", 42, _FORM, "mm")
    sheet.seal(650, 80, "国家税务总局", 220, 110)
    sheet.write(70, 150, f"发票号码：{number}", 26)
    sheet.write(880, 150, f"开票日期：{_day(invoice.issued)}", 26)
    start, end = rng.sample(_CITIES, 2)
    sheet.box(50, 190, 1250, 700)
    for x, town in ((260, f"{start}站"), (1020, f"{end}站")):
        sheet.write(x, 250, town, 40, anchor="mm")
    sheet.write(650, 250, f"{rng.choice('GDCK')}{rng.randint(1, 9999)}", 34, anchor="mm")
    sheet.line(540, 275, 760, 275)
    travelled = invoice.issued - timedelta(days=rng.randint(1, 20))
    sheet.write(90, 340, f"{_day(travelled)}  {rng.randint(6, 22):02}:{rng.randint(0, 59):02}开", 28)
    sheet.write(
        760, 340, f"{rng.randint(1, 16):02}车{rng.randint(1, 20):02}{rng.choice('ABCDF')}号  二等座", 28
    )
    sheet.write(90, 410, f"票价：￥{_money(fare)}", 30)
    sheet.write(90, 480, f"{_digits(rng, 10)}****{_digits(rng, 4)}", 28)
    sheet.write(520, 480, rng.choice(("王芳", "李明", "张伟")), 28)
    sheet.write(90, 550, f"电子客票号：{_digits(rng, 21)}", 26)
    sheet.write(90, 610, f"购买方名称：{invoice.buyer}", 26)
    sheet.write(90, 660, f"统一社会信用代码：{invoice.buyer_number}", 26)
    sheet.code(rng, 1050, 480, 180)
    return sheet, {
        "type": layout,
        "number": number,
        "date": invoice.issued.isoformat(),
        "buyer": invoice.buyer,
        "buyer_tax_number": invoice.buyer_number,
        "total": _money(fare),
    }


_Draw = Callable[[random.Random, str, _Invoice], tuple[_Sheet, Key]]
LAYOUTS: Mapping[str, _Draw] = {
    "electronic_ordinary": _electronic,
    "electronic_special": _electronic,
    "special": _paper,
    "ordinary": _paper,
    "roll": _roll,
    "rail": _rail,
}
