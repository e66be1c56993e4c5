"""Text to render: what stands on signs, receipts, invoices, letters and screens, as an endless random stream.

Every generator takes a `random.Random` and returns one line. The words are in text.toml; a new language is an
entry there.
"""

import random
import string
import tomllib
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from faker import Faker
from wordfreq import top_n_list, word_frequency

from handler.charset import ASCII

MAX_CHARS = 60
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
LOCALES = ["en_US", "en_GB", "en_IN", "en_AU", "de_DE", "fr_FR", "it_IT", "es_ES", "nl_NL", "id_ID"]

_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
LISTS: dict[str, list[str]] = {name: words.split() for name, words in _DATA["lists"].items()} | _DATA[
    "choices"
]

Generator = Callable[[random.Random], str]


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[list[str], list[float], list[float]]:
    """Words of all languages with running sums of their frequencies: flattened, and nearly as they are."""
    spelled = set(ASCII)
    weights: dict[str, float] = {}
    for language, count in _DATA["languages"].items():
        share = 1.0 if language == "en" else 0.15
        for word in top_n_list(language, count):
            if set(word) <= spelled:
                weights[word] = max(weights.get(word, 0), share * word_frequency(word, language) ** 0.35)
    natural = (weight**2 for weight in weights.values())
    return list(weights), list(accumulate(weights.values())), list(accumulate(natural))


@lru_cache(maxsize=1)
def _people_and_places() -> dict[str, list[str]]:
    """Names, companies and addresses from faker, drawn once: it is too slow to ask for every line."""
    fake = Faker(LOCALES)
    fake.seed_instance(2015)

    def drawn(make: Callable[[], str]) -> list[str]:
        lines = (line.strip() for _ in range(2500) for line in make().splitlines())
        return [line for line in lines if line and set(line) <= set(ASCII)]

    kinds = ("name", "company", "address", "city", "street_address", "job")
    return {kind: drawn(getattr(fake, kind)) for kind in kinds}


def one_of(rng: random.Random, name: str) -> str:
    return rng.choice(LISTS[name])


def word(rng: random.Random) -> str:
    """A word; every other one as rare as in running text, the rest drawn flatter so that all are seen."""
    words, *cumulative = _vocabulary()
    return rng.choices(words, cum_weights=rng.choice(cumulative))[0]


def cased(rng: random.Random, text: str) -> str:
    """Case as it occurs: lower, Capitalized, UPPER, now and then mIxEd."""
    style = rng.random()
    if style < 0.34:
        return text
    if style < 0.62:
        return text[:1].upper() + text[1:]
    if style < 0.97:
        return text.upper()
    return "".join(rng.choice((c.lower(), c.upper())) for c in text)


def digits(rng: random.Random, low: int, high: int) -> str:
    return "".join(rng.choices(string.digits, k=rng.randint(low, high)))


def single_word(rng: random.Random) -> str:
    text = cased(rng, word(rng))
    if rng.random() < 0.06:
        text += rng.choice([".", ",", "!", "?", ":", "'s", "...", ";"])
    return one_of(rng, "marks").format(text) if rng.random() < 0.02 else text


def few_words(rng: random.Random) -> str:
    return cased(rng, " ".join(word(rng) for _ in range(rng.randint(2, 4))))


def title(rng: random.Random) -> str:
    return " ".join(word(rng).capitalize() for _ in range(rng.randint(2, 6)))


def sentence(rng: random.Random) -> str:
    """Running text cut anywhere, as a line of a paragraph is."""
    text, capital = "", rng.random() < 0.4
    for _ in range(rng.randint(3, 8)):
        part = _word_in_text(rng)
        text += " " + (part.capitalize() if capital else part)
        capital = part[-1] in ".?!"
    return text.strip()


def _word_in_text(rng: random.Random) -> str:
    """A word of running text with what may cling to it."""
    text, chance = word(rng), rng.random()
    forms: list[tuple[float, Callable[[], str]]] = [
        (0.78, lambda: text),
        (0.85, lambda: text + rng.choice(",,,;:")),
        (0.90, lambda: text + rng.choice("...?!")),
        (0.95, text.capitalize),
        (0.97, lambda: one_of(rng, "brackets").format(text)),
        (0.99, lambda: digits(rng, 1, 4)),
        (1.00, lambda: f"{text}-{word(rng)}"),
    ]
    return next(form() for limit, form in forms if chance < limit)


def number(rng: random.Random) -> str:
    forms: list[Callable[[], str]] = [
        lambda: digits(rng, 1, 4),
        lambda: f"{rng.randint(0, 999999):,}",
        lambda: f"{rng.random() * 10 ** rng.randint(0, 4):.{rng.randint(1, 3)}f}",
        lambda: f"{rng.choice('+-')}{rng.randint(0, 9999)}",
        lambda: f"{rng.randint(0, 100)}{rng.choice(['%', ' %', '.0%', '.5 %'])}",
        lambda: digits(rng, 5, 14),
    ]
    return rng.choice(forms)()


def amount(rng: random.Random) -> str:
    value = rng.random() * rng.choice([10, 100, 5000])
    text = f"{value:,.2f}" if rng.random() < 0.85 else f"{value:.2f}".replace(".", ",")
    style = rng.random()
    if style < 0.55:
        return text
    currency = one_of(rng, "currencies")
    if style < 0.9:
        return currency + rng.choice(["", " "]) + text
    return text + rng.choice([" ", ""]) + rng.choice([currency, "SR", "ZRL", "-", "S", "T"])


def date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1985, 2030)
    name = LISTS["months"][month - 1]
    name = rng.choice([name, name[:3]])
    forms = [
        f"{day:02}/{month:02}/{year}",
        f"{day:02}-{month:02}-{year}",
        f"{year}-{month:02}-{day:02}",
        f"{month}/{day}/{year % 100:02}",
        f"{day:02}.{month:02}.{year}",
        f"{day} {name} {year}",
        f"{name} {day}, {year}",
        f"{day:02}-{name}-{year % 100:02}",
        f"{name} {year}",
    ]
    text = rng.choice(forms)
    return text.upper() if rng.random() < 0.4 else text


def time(rng: random.Random) -> str:
    text = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    text += rng.choice(["", f":{rng.randint(0, 59):02}"])
    return text + rng.choice(["", "", " AM", " PM", "am", "PM", " hrs"])


def moment(rng: random.Random) -> str:
    return date(rng) + rng.choice([" ", "  ", ", ", " - "]) + time(rng)


def phone(rng: random.Random) -> str:
    area, middle, last = digits(rng, 2, 3), digits(rng, 3, 4), digits(rng, 4, 4)
    forms = [
        f"+{digits(rng, 1, 3)} {area} {middle} {last}",
        f"({digits(rng, 3, 3)}) {digits(rng, 3, 3)}-{last}",
        f"{area}-{middle}{last}",
        f"{area}-{middle} {last}",
        digits(rng, 8, 11),
    ]
    return rng.choice(forms)


def labelled(rng: random.Random) -> str:
    """A form field: its name, a separator and a value."""
    value = rng.choice([phone, date, time, code, number, moment, amount, proper])(rng)
    return one_of(rng, "labels") + rng.choice([": ", ":", " : ", " ", " :", ". "]) + value


def code(rng: random.Random) -> str:
    spell = {"A": string.ascii_uppercase, "9": string.digits, "_": " "}
    return "".join(rng.choice(spell.get(c, c)) for c in one_of(rng, "codes"))


def web(rng: random.Random) -> str:
    domain = word(rng) + rng.choice(["", "-", "."]) + word(rng) + one_of(rng, "domains")
    forms = [
        f"www.{domain}",
        f"http://{domain}",
        f"https://{domain}/{word(rng)}",
        f"https://{domain}/{word(rng)}?{word(rng)}={digits(rng, 1, 3)}&{word(rng)}={word(rng)}",
        f"{word(rng)}{digits(rng, 0, 2)}@{domain}",
        f"{word(rng)}.{word(rng)}@{domain}",
        domain,
        f"C:\\{word(rng)}\\{word(rng)}_{digits(rng, 1, 2)}.txt",
        f"~/{word(rng)}/{word(rng)}.py",
    ]
    text = rng.choice(forms)
    return text if rng.random() < 0.8 else text.upper()


def proper(rng: random.Random) -> str:
    lines = _people_and_places()
    text = rng.choice(lines[rng.choice(list(lines))])
    return text.upper() if rng.random() < 0.45 else text


def receipt_line(rng: random.Random) -> str:
    words = [one_of(rng, "receipt") if rng.random() < 0.6 else word(rng) for _ in range(rng.randint(1, 5))]
    text, style, tail = " ".join(words), rng.random(), rng.random()
    text = text.upper() if style < 0.75 else text.title() if style < 0.93 else text.lower()
    forms: list[tuple[float, Callable[[], str]]] = [
        (0.20, lambda: text + rng.choice([" ", ": ", " : ", "  "]) + amount(rng)),
        (0.30, lambda: f"{rng.randint(1, 20)} {rng.choice(['', 'x ', 'X '])}{text}"),
        (0.38, lambda: f"{text} {rng.randint(1, 999)}{one_of(rng, 'units')}"),
        (0.46, lambda: text + one_of(rng, "tails")),
        (0.50, lambda: f"{code(rng)} {text}"),
        (0.53, lambda: one_of(rng, "frames").format(text)),
        (1.00, lambda: text),
    ]
    return next(form() for limit, form in forms if tail < limit)


def columns(rng: random.Random) -> str:
    parts = [rng.choice([amount, number, number])(rng) for _ in range(rng.randint(2, 4))]
    return rng.choice([" ", "  "]).join(parts)


def quantity(rng: random.Random) -> str:
    return f"{rng.randint(1, 48)}{one_of(rng, 'times')}{amount(rng)}"


def random_string(rng: random.Random) -> str:
    """Any characters, so that the rare ones and unlikely neighbours are learned as well."""
    letters = string.ascii_letters
    pools = [ASCII[1:], ASCII[1:], letters, letters + string.digits, string.digits + PUNCTUATION]
    pool = rng.choice(pools)
    text = "".join(rng.choices(pool, k=rng.randint(1, 12)))
    return text if rng.random() < 0.8 else f"{text} {''.join(rng.choices(pool, k=rng.randint(1, 8)))}"


def punctuated(rng: random.Random) -> str:
    """Words joined by signs that running text seldom holds."""
    parts = [cased(rng, word(rng)) for _ in range(rng.randint(2, 3))]
    return one_of(rng, "joints").join(parts)


Mix = dict[Generator, float]

SCENE: Mix = {
    single_word: 10, few_words: 1, number: 0.7, random_string: 0.8, code: 0.4, punctuated: 0.3, amount: 0.3,
    time: 0.1, phone: 0.2, web: 0.2, proper: 0.4,
}  # fmt: skip
RECEIPT: Mix = {
    receipt_line: 6, labelled: 2, amount: 3, moment: 0.5, date: 0.6, time: 0.4, proper: 2, columns: 0.7,
    quantity: 0.8, code: 1, number: 1, phone: 0.4, web: 0.2, few_words: 0.8, single_word: 1,
    random_string: 0.3,
}  # fmt: skip
DOCUMENT: Mix = {
    sentence: 6, title: 1.2, few_words: 1, labelled: 0.7, proper: 0.8, web: 0.6, columns: 0.3,
    punctuated: 0.4, random_string: 0.4, date: 0.2, number: 0.3, single_word: 1,
}  # fmt: skip


def draw(rng: random.Random, mix: Mix) -> str:
    """One line of at most MAX_CHARS characters, spaces at neither end."""
    while True:
        text = rng.choices(list(mix), list(mix.values()))[0](rng)[:MAX_CHARS].strip()
        if text:
            return text
