"""Text to render: what stands on signs, receipts, invoices, letters and screens, as an endless random stream.

Every generator takes a `random.Random` and returns one line. A new language adds its word lists to LANGUAGES.
"""

import random
import string
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate

from faker import Faker
from wordfreq import top_n_list, word_frequency

from handler.charset import ASCII

LANGUAGES = {"en": 60000, "ms": 8000, "de": 6000, "fr": 6000, "es": 6000, "it": 4000, "nl": 4000, "pt": 4000}
"""Words taken per language; only those that the alphabet can spell are used."""
MAX_CHARS = 60
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
RECEIPT_WORDS = """TOTAL SUBTOTAL SUB-TOTAL CASH CHANGE AMOUNT QTY PRICE ITEM TAX GST VAT SST INVOICE RECEIPT NO DATE TIME
CASHIER COUNTER DISCOUNT ROUNDING ADJ ADJUSTMENT INCLUSIVE EXCLUDING INCL EXCL THANK YOU PLEASE COME AGAIN TEL FAX REG ID
COMPANY SDN BHD LTD INC LLC CO PLC GMBH ENTERPRISE TRADING RESTAURANT CAFE BAR STORE MARKET HARDWARE STATIONERY BAKERY
PHARMACY TABLE GUEST SERVICE CHARGE CARD VISA MASTERCARD DEBIT CREDIT APPROVAL CODE TERMINAL MERCHANT BATCH TRACE ORDER
MEMBER POINTS BALANCE DUE PAID REFUND GOODS SOLD ARE NOT RETURNABLE EXCHANGE ALLOWED WITHIN DAYS WITH ORIGINAL SUMMARY
RATE DESCRIPTION UNIT UOM PCS BOX KG SIZE LARGE SMALL MEDIUM HOT ICED COFFEE TEA MILK RICE CHICKEN BEEF FISH WATER JALAN
TAMAN JLN LOT NO. GROUND FLOOR STREET ROAD AVENUE SHOP OUTLET BRANCH SALES PERSON SIMPLIFIED DOCUMENT BILL ROUNDED
PAYMENT TENDERED SIGNATURE CUSTOMER COPY OPEN DAILY BUSINESS HOURS WELCOME EAT TAKE AWAY DINE IN SET MEAL PACK EA EACH""".split()
CURRENCIES = ["$", "RM", "USD", "EUR", "GBP", "MYR", "SGD", "S$", "US$", "CHF", "Rp", "kr", "HK$", "CAD", "R$", "A$"]
MONTHS = "January February March April May June July August September October November December".split()

Generator = Callable[[random.Random], str]


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[list[str], list[float], list[float]]:
    """Words of all languages with the running sums of their frequencies: flattened, and nearly as they are."""
    spelled = set(ASCII)
    weights: dict[str, float] = {}
    for language, count in LANGUAGES.items():
        share = 1.0 if language == "en" else 0.15
        for word in top_n_list(language, count):
            if set(word) <= spelled:
                weights[word] = max(weights.get(word, 0), share * word_frequency(word, language) ** 0.35)
    natural = (weight**2 for weight in weights.values())
    return list(weights), list(accumulate(weights.values())), list(accumulate(natural))


@lru_cache(maxsize=1)
def _people_and_places() -> dict[str, list[str]]:
    """Names, companies and addresses from faker, drawn once: it is too slow to ask for every line."""
    fake = Faker(["en_US", "en_GB", "en_IN", "en_AU", "de_DE", "fr_FR", "it_IT", "es_ES", "nl_NL", "id_ID"])
    fake.seed_instance(2015)

    def drawn(make: Callable[[], str]) -> list[str]:
        lines = (line.strip() for _ in range(2500) for line in make().splitlines())
        return [line for line in lines if line and set(line) <= set(ASCII)]

    return {kind: drawn(getattr(fake, kind)) for kind in ("name", "company", "address", "city", "street_address", "job")}


def word(rng: random.Random) -> str:
    """A word; every other one as rare as it is in running text, the rest drawn flatter so that all are seen."""
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
    if rng.random() < 0.02:
        text = rng.choice(["({})", '"{}"', "'{}'", "[{}]", "#{}", "@{}", "*{}*", "<{}>", "{{{}}}"]).format(text)
    return text


def few_words(rng: random.Random) -> str:
    return cased(rng, " ".join(word(rng) for _ in range(rng.randint(2, 4))))


def title(rng: random.Random) -> str:
    return " ".join(word(rng).capitalize() for _ in range(rng.randint(2, 6)))


def sentence(rng: random.Random) -> str:
    """Running text cut anywhere, as a line of a paragraph is."""
    words = [word(rng) for _ in range(rng.randint(3, 8))]
    for i in range(len(words)):
        chance = rng.random()
        if chance < 0.07:
            words[i] += rng.choice(",,,;:")
        elif chance < 0.12:
            words[i] += rng.choice("...?!")
            if i + 1 < len(words):
                words[i + 1] = words[i + 1].capitalize()
        elif chance < 0.17:
            words[i] = words[i].capitalize()
        elif chance < 0.19:
            words[i] = rng.choice(["({})", '"{}"', "'{}'", "[{}]"]).format(words[i])
        elif chance < 0.21:
            words[i] = digits(rng, 1, 4)
        elif chance < 0.22:
            words[i] += "-" + word(rng)
    if rng.random() < 0.4:
        words[0] = words[0].capitalize()
    return " ".join(words)


def number(rng: random.Random) -> str:
    kind = rng.randrange(6)
    if kind == 0:
        return digits(rng, 1, 4)
    if kind == 1:
        return f"{rng.randint(0, 999999):,}"
    if kind == 2:
        return f"{rng.random() * 10 ** rng.randint(0, 4):.{rng.randint(1, 3)}f}"
    if kind == 3:
        return f"{rng.choice('+-')}{rng.randint(0, 9999)}"
    if kind == 4:
        return f"{rng.randint(0, 100)}{rng.choice(['%', ' %', '.0%', '.5 %'])}"
    return digits(rng, 5, 14)


def amount(rng: random.Random) -> str:
    value = rng.choice([rng.random() * 10, rng.random() * 100, rng.random() * 5000])
    text = f"{value:,.2f}" if rng.random() < 0.85 else f"{value:.2f}".replace(".", ",")
    style = rng.random()
    if style < 0.55:
        return text
    currency = rng.choice(CURRENCIES)
    if style < 0.9:
        return currency + rng.choice(["", " "]) + text
    return text + rng.choice([" ", ""]) + rng.choice([currency, "SR", "ZRL", "-", "S", "T"])


def date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1985, 2030)
    name = rng.choice([MONTHS[month - 1], MONTHS[month - 1][:3]])
    text = rng.choice(
        [f"{day:02}/{month:02}/{year}", f"{day:02}-{month:02}-{year}", f"{year}-{month:02}-{day:02}", f"{month}/{day}/{year % 100:02}",
         f"{day:02}.{month:02}.{year}", f"{day} {name} {year}", f"{name} {day}, {year}", f"{day:02}-{name}-{year % 100:02}", f"{name} {year}"]
    )  # fmt: skip
    return text.upper() if rng.random() < 0.4 else text


def time(rng: random.Random) -> str:
    text = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    text += rng.choice(["", f":{rng.randint(0, 59):02}"])
    return text + rng.choice(["", "", " AM", " PM", "am", "PM", " hrs"])


def moment(rng: random.Random) -> str:
    return date(rng) + rng.choice([" ", "  ", ", ", " - "]) + time(rng)


def phone(rng: random.Random) -> str:
    return rng.choice(
        [f"+{digits(rng, 1, 3)} {digits(rng, 2, 3)} {digits(rng, 3, 4)} {digits(rng, 3, 4)}", f"({digits(rng, 3, 3)}) {digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
         f"{digits(rng, 2, 3)}-{digits(rng, 7, 8)}", f"{digits(rng, 2, 3)}-{digits(rng, 3, 4)} {digits(rng, 4, 4)}", digits(rng, 8, 11)]
    )  # fmt: skip


def labelled(rng: random.Random) -> str:
    """A form field: its name, a separator and a value."""
    label = rng.choice(["TEL", "FAX", "GST NO", "INVOICE NO", "Invoice No", "DATE", "Date", "TIME", "CASHIER", "BILL NO", "Order", "Ref", "CO REG NO", "RECEIPT #", "Tax ID", "Doc No.", "TABLE", "POS", "SALESPERSON", "Qty", "Phone", "GST REG", "MEMBER", "ROC NO", "Slip No", "CARD", "TRANS", "DOCUMENT NO", "STATION"])  # fmt: skip
    value = rng.choice([phone, date, time, code, number, moment, amount, proper])(rng)
    return label + rng.choice([": ", ":", " : ", " ", " :", ". "]) + value


def code(rng: random.Random) -> str:
    pattern = rng.choice(["AA-9999", "A999999", "999999-A", "AAA 9999", "A99 AAA", "99999999-9", "AA99 AAA", "000999999999", "(999999-A)", "AA999A9", "9A9A9A9A", "999-99-9999", "A9/99999", "AAA-99-99999", "#999999", "CS00099999", "99/9999/99"])  # fmt: skip
    spell = {"A": string.ascii_uppercase, "9": string.digits}
    return "".join(rng.choice(spell.get(c, c)) for c in pattern)


def web(rng: random.Random) -> str:
    host = word(rng) + rng.choice(["", "-", "."]) + word(rng)
    domain = host + rng.choice([".com", ".org", ".net", ".com.my", ".co.uk", ".de", ".io", ".edu", ".fr"])
    text = rng.choice(
        [f"www.{domain}", f"http://{domain}", f"https://{domain}/{word(rng)}", f"{word(rng)}{digits(rng, 0, 2)}@{domain}",
         f"{word(rng)}.{word(rng)}@{domain}", domain, f"https://{domain}/{word(rng)}?{word(rng)}={digits(rng, 1, 3)}&{word(rng)}={word(rng)}",
         f"C:\\{word(rng)}\\{word(rng)}_{digits(rng, 1, 2)}.txt", f"~/{word(rng)}/{word(rng)}.py"]
    )  # fmt: skip
    return text if rng.random() < 0.8 else text.upper()


def proper(rng: random.Random) -> str:
    lines = _people_and_places()
    text = rng.choice(lines[rng.choice(list(lines))])
    return text.upper() if rng.random() < 0.45 else text


def receipt_line(rng: random.Random) -> str:
    words = [rng.choice(RECEIPT_WORDS) if rng.random() < 0.6 else word(rng) for _ in range(rng.randint(1, 5))]
    style = rng.random()
    text = " ".join(words)
    text = text.upper() if style < 0.75 else text.title() if style < 0.93 else text.lower()
    tail = rng.random()
    if tail < 0.2:
        text += rng.choice([" ", ": ", " : ", "  "]) + amount(rng)
    elif tail < 0.3:
        text = f"{rng.randint(1, 20)} {rng.choice(['', 'x ', 'X '])}{text}"
    elif tail < 0.38:
        text += f" {rng.randint(1, 999)}{rng.choice(['G', 'ML', 'KG', 'L', 'MM', 'PCS', 'CM', 'g', 'ml', 'X'])}"
    elif tail < 0.46:
        text += rng.choice([" (RM)", " ({}%)".format(rng.choice([0, 6, 10, 20])), ":", " *", " SR", " (S)", ".", " @ 6%", "!"])
    elif tail < 0.5:
        text = code(rng) + " " + text
    elif tail < 0.53:
        text = rng.choice(["*{}*", "**{}**", "--{}--", "({})", "<{}>", "***{}***", "- {}", "# {}", "[{}]", "{} :", "={}="]).format(text)
    return text


def columns(rng: random.Random) -> str:
    return rng.choice([" ", "  ", " "]).join(rng.choice([amount, number, number])(rng) for _ in range(rng.randint(2, 4)))


def quantity(rng: random.Random) -> str:
    return f"{rng.randint(1, 48)}{rng.choice([' x ', ' X ', 'x', ' @ ', ' PCS @ ', ' * '])}{amount(rng)}"


def random_string(rng: random.Random) -> str:
    """Any characters, so that the rare ones and unlikely neighbours are learned as well."""
    pool = rng.choice([ASCII[1:], ASCII[1:], string.ascii_letters, string.ascii_letters + string.digits, string.digits + PUNCTUATION])
    text = "".join(rng.choices(pool, k=rng.randint(1, 12)))
    return text if rng.random() < 0.8 else f"{text} {''.join(rng.choices(pool, k=rng.randint(1, 8)))}"


def punctuated(rng: random.Random) -> str:
    """Words joined by signs that running text seldom holds."""
    parts = [cased(rng, word(rng)) for _ in range(rng.randint(2, 3))]
    return rng.choice(["&", " & ", "/", "-", "_", " - ", "+", " + ", "=", "'", "|", " | ", "^", "`", "~", "\\", ": ", ", ", ".", "*", "@", "#", "%", " > ", "<", "{", "}", "$"]).join(parts)  # fmt: skip


SCENE: list[tuple[Generator, float]] = [(single_word, 10), (few_words, 1.0), (number, 0.7), (random_string, 0.8), (code, 0.4), (punctuated, 0.3), (amount, 0.3), (time, 0.1), (phone, 0.2), (web, 0.2), (proper, 0.4)]  # fmt: skip
RECEIPT: list[tuple[Generator, float]] = [(receipt_line, 6), (labelled, 2), (amount, 3), (moment, 0.5), (date, 0.6), (time, 0.4), (proper, 2), (columns, 0.7), (quantity, 0.8), (code, 1), (number, 1), (phone, 0.4), (web, 0.2), (few_words, 0.8), (single_word, 1), (random_string, 0.3)]  # fmt: skip
DOCUMENT: list[tuple[Generator, float]] = [(sentence, 6), (title, 1.2), (few_words, 1), (labelled, 0.7), (proper, 0.8), (web, 0.6), (columns, 0.3), (punctuated, 0.4), (random_string, 0.4), (date, 0.2), (number, 0.3), (single_word, 1)]  # fmt: skip


def draw(rng: random.Random, mix: list[tuple[Generator, float]]) -> str:
    """One line of at most MAX_CHARS characters, spaces at neither end."""
    generators, weights = zip(*mix, strict=True)
    while True:
        text = rng.choices(generators, weights)[0](rng)[:MAX_CHARS].strip()
        if text:
            return text
