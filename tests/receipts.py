"""Records of a history: English and Chinese receipts and lines of them, the same each time."""

from __future__ import annotations

import random
from typing import Any

_ENGLISH, _CHINESE = (
    words.split()
    for words in (
        "almond apple apron bacon bagel banana basil basket battery blanket bottle bread broccoli brush "
        "bucket butter button cabbage cable candle carrot cashew celery cereal charger cheddar cheese "
        "cherry chicken chocolate cinnamon coconut coffee cookie cotton cracker cream cucumber cushion "
        "detergent envelope eraser fennel filter flour folder garlic ginger glove grape hammer honey "
        "jacket juice kettle ladder lamp lemon lentil lettuce lotion mango marker melon milk mushroom "
        "mustard napkin needle notebook oats olive onion orange oregano paint paper parsley pasta pear "
        "pencil pepper pillow pistachio plate potato printer pumpkin raisin rice ruler saffron salad "
        "salmon sausage scissors screwdriver shampoo soap spinach sponge stapler sugar teapot toaster "
        "tomato toothpaste towel tuna turnip vanilla vinegar walnut yogurt",
        "苹果 香蕉 牛奶 面包 大米 食用油 矿泉水 洗发水 牙膏 电池 笔记本 打印纸 信封 订书机 螺丝刀 油漆 "
        "锤子 电缆 咖啡 绿茶 红茶 白糖 面粉 鸡蛋 豆腐 酱油 花生 核桃 西红柿 黄瓜 土豆 胡萝卜 白菜 菠菜 "
        "蘑菇 葡萄 橙子 柠檬 西瓜 草莓 饼干 巧克力 蜂蜜 陈醋 食盐 味精 毛巾 肥皂 牙刷 纸巾 水杯 茶壶 剪刀 "
        "胶带 铅笔 橡皮 尺子 书包 雨伞 手套",
    )
)
RARE = {"word": "wholemeal", "phrase": "gluten free crackers", "pair": "乌龙", "text": "电子客票行程单"}
"""Terms that one record in 200 holds by chance, beside all else."""
_SHARE = 1 / 200


def record(number: int) -> dict[str, Any]:
    """The record of this number: every second one Chinese, every fifth a whole receipt, the others a line."""
    chance = random.Random(number)
    item = _chinese_item if number % 2 else _english_item
    rows = [item(chance) for _ in range(chance.randint(6, 14) if number % 10 < 2 else 1)]
    if len(rows) > 1:
        rows = [*_head(chance, number % 2 == 1), *rows, f"TOTAL {_price(chance)}"]
    for text in RARE.values():
        if chance.random() < _SHARE:
            rows[chance.randrange(len(rows))] += f" {text}"
    return {
        "text": "\n".join(rows),
        "image_hash": f"sha256:{chance.getrandbits(256):064x}",
        "confidence": round(chance.uniform(0.5, 1), 4),
        "lines": [_line(row, text) for row, text in enumerate(rows)],
        "width": 640,
        "height": 30 * len(rows),
        "model": "crnn_v3_lite" if chance.random() < _SHARE else "auto",
        "model_version": "2.0-e64e80b5.b923",
        "cache_key": f"key {number}",
    }


def _english_item(chance: random.Random) -> str:
    words = " ".join(chance.choice(_ENGLISH) for _ in range(chance.randint(1, 3)))
    return f"{words} {chance.randint(1, 9)} x {_price(chance)}"


def _chinese_item(chance: random.Random) -> str:
    words = "".join(chance.choice(_CHINESE) for _ in range(chance.randint(1, 3)))
    return f"{words} {chance.randint(1, 9)} {_price(chance)}元"


def _price(chance: random.Random) -> str:
    return f"{chance.randint(0, 99)}.{chance.randint(0, 99):02}"


def _head(chance: random.Random, is_chinese: bool) -> list[str]:
    number = chance.randint(1000, 999_999)
    if is_chinese:
        return ["幸福超市 欢迎光临", f"单号 {number}", f"电话 {chance.randint(10_000_000, 99_999_999)}"]
    return ["RIVERSIDE MARKET", f"Invoice {number}", f"Tel 05-{chance.randint(1_000_000, 9_999_999)}"]


def _line(row: int, text: str) -> dict[str, Any]:
    """As the handler answers it, with a box for each character."""
    top, bottom = 10.4 + 30 * row, 32.1 + 30 * row
    corners = [[10.4, top], [10.4 + 12 * len(text), top], [10.4 + 12 * len(text), bottom], [10.4, bottom]]
    chars = [
        {"char": char, "confidence": 0.9987, "bbox": [[10.4 + 12 * n, top], [22.4 + 12 * n, bottom]]}
        for n, char in enumerate(text)
    ]
    return {"text": text, "confidence": 0.9812, "angle": 0, "row": row, "bbox": [corners[0], corners[2]],
            "polygon": corners, "chars": chars}  # fmt: skip
