"""A small corpus in place of the one that `make corpus` gathers."""

from pathlib import Path

from training.text import generator as text
from training.text import languages

WORDS = """
the of and to in is that for was on with as it be by are at from this have not but which their one
had were all their been other has when who will more if out so said what up its about than into them
can only some could time these two may then first any like such over man even most made after also
did many before must through back years where much way well down should because each just those
people too how little state good very make world still own work long get here between both life
being under never day same another know while last might us great old year off come since against go
came right used take three house five quick jazz query exam box zoo fix vex judge equal quiet
"""
NAMES = {
    "person": ["Jane Quill", "Max O'Brien", "Zoe Fox-Vane"],
    "company": ["Jackson & Sons Ltd.", "Quality Print Inc", "Vaux Group"],
    "address": ["12 High Street", "Unit 7, Park Road", "Springfield, KY 40069"],
    "street": ["45 Queens Ave.", "8 Box Lane"],
    "city": ["York", "Zell", "Port Jervis"],
    "job": ["Engineer, water", "Judge"],
    "slogan": ["Quick and extended solution", "Fully-sized help"],
    "local_phone": ["(040) 555-0199", "+1-202-555-0143"],
    "local_plate": ["KVJ 482", "QX07 ZBD"],
}
PROSE = [
    "It was quite early when the eighteenth train left; either the clock was wrong, or we were.",
    'She said: "Take the box (the big one) and don\'t look back!" Nobody had asked for 15% of it.',
    "Is that all? The judge, who had a vexed look, quietly put six pages into the zinc drawer.",
]


WIDE_WORDS = {
    "zh": "的 一 是 中国 我们 有限公司 北京 手机 价格 发票 说 这个 谢谢 龙 书店 凤凰 鑫",
    "zh_hant": "的 一 是 我們 臺灣 有限公司 價格 發票 說 這個 謝謝 龍 書店 鳳凰",
    "ja": "の ア は 日本 東京 株式会社 カメラ ありがとう 価格 駅 こと 行く 龍 書店",
}
LATIN_WORDS = {
    "fr": "été garçon où",
    "de": "größer über schön",
    "es": "mañana año está",
    "it": "perché città più",
    "pt": "não ações três",
    "nl": "één coöperatie ideeën",
    "pl": "żółty świeże łąka",
    "cs": "žluťoučký kůň příliš",
    "hu": "űrhajó őszi tükör",
    "ro": "și țară când",
    "sv": "många höger även",
    "tr": "ışık değil için",
}
WIDE_NAMES = {
    "zh": {
        "person": "王小明",
        "company": "北京科技有限公司",
        "address": "北京市东城区一路1号",
        "city": "北京市",
        "job": "工程师",
    },
    "zh_hant": {
        "person": "陳怡君",
        "company": "臺灣電子有限公司",
        "address": "臺北市中山路1號",
        "city": "臺北市",
        "job": "老師",
    },
    "ja": {
        "person": "山田 太郎",
        "company": "株式会社山田",
        "address": "東京都千代田区1-2-3",
        "city": "横浜市",
        "job": "教師",
    },
}
WIDE_PROSE = {
    "zh": [
        "使用 Python 3.11 版本，可以打开文件；请先保存（重要）。",
        "我觉得这本书很好看！价格也不贵，推荐大家购买。",
    ],
    "zh_hant": ["請先儲存檔案，再關閉視窗；謝謝您的使用。", "這間飯店的房間很大，價格也合理。"],
    "ja": [
        "ファイルを開くには、メニューをクリックします。USB ケーブルを接続してください。",
        "東京駅から新宿駅まで、約15分です。",
    ],
}


def _of_language(language: str) -> tuple[list[str], list[str], list[str]]:
    """Words, rows of names, and prose."""
    words, prose = list(dict.fromkeys(WORDS.split())), PROSE
    names = [f"{kind}\t{line}" for kind, lines in NAMES.items() for line in lines]
    words = LATIN_WORDS.get(language, "").split() + words
    if language in WIDE_WORDS:
        words, prose = WIDE_WORDS[language].split(), WIDE_PROSE[language]
        names = [f"{kind}\t{line}" for kind, line in WIDE_NAMES[language].items()]
    return words, names, prose


def small_corpus(folder: Path) -> None:
    """Write the files that text/generator.py reads for every language of text.toml, with few words.

    Use it with `monkeypatch.setattr(text, "CORPUS", folder)`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages.describe(text.DESCRIPTION)["language"]:
        words, names, prose = _of_language(language)
        rows = [f"{word}\t{0.05 / rank:.3g}" for rank, word in enumerate(words, 1)]
        for kind, lines in (("words", rows), ("proper", names), ("prose", prose)):
            path = folder / f"{kind}-{language}.{'txt' if kind == 'prose' else 'tsv'}"
            path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
