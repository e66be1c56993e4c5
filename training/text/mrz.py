"""Lines of the machine-readable zone of passports and identity cards, with the check digits of ICAO 9303."""

import random
import string

_VALUES = {char: place for place, char in enumerate(string.digits + string.ascii_uppercase)} | {"<": 0}
_STATES = (
    "UTO",
    "D",
    "FRA",
    "GBR",
    "USA",
    "CHN",
    "JPN",
    "POL",
    "ITA",
    "ESP",
    "NLD",
    "CZE",
    "HUN",
    "TUR",
    "KOR",
)


def check(field: str) -> str:
    """The check digit of a field: its values (A is 10, < is 0) weighted 7, 3, 1 in turn, modulo 10."""
    return str(sum(_VALUES[char] * (7, 3, 1)[place % 3] for place, char in enumerate(field)) % 10)


def line(rng: random.Random, surname: str, given: str) -> str:
    """One line of 44 characters (passports), 36 or 30 (cards); the names are folded to A-Z."""
    return rng.choice((_names, _names, _numbers, _numbers, _card_numbers, _card_names))(rng, surname, given)


def _fold(name: str) -> str:
    letters = "".join(char if char in string.ascii_uppercase else "<" for char in name.upper())
    return "<".join(part for part in letters.split("<") if part) or "X"


def _names(rng: random.Random, surname: str, given: str) -> str:
    length = rng.choice((44, 44, 36))
    kind = rng.choice(("P<", "P<", "PD", "V<", "I<"))
    full = f"{kind}{rng.choice(_STATES):<<3}{_fold(surname)}<<{_fold(given)}"
    return full[:length].ljust(length, "<")


def _card_names(_: random.Random, surname: str, given: str) -> str:
    return f"{_fold(surname)}<<{_fold(given)}"[:30].ljust(30, "<")


def _date(rng: random.Random) -> str:
    day = f"{rng.randrange(100):02}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    return day + check(day)


def _number(rng: random.Random) -> str:
    digits = "".join(rng.choices(string.digits, k=rng.randint(5, 8)))
    number = ("".join(rng.choices(string.ascii_uppercase, k=rng.randint(0, 2))) + digits).ljust(9, "<")[:9]
    return number + check(number)


def _numbers(rng: random.Random, _surname: str, _given: str) -> str:
    number, born, until = _number(rng), _date(rng), _date(rng)
    personal = "".join(rng.choices(string.ascii_uppercase + string.digits, k=rng.choice((0, 0, 8, 14))))
    personal = personal.ljust(14, "<")
    mine = check(personal) if personal.strip("<") else "<"
    whole = f"{number}{born}{until}{personal}{mine}"
    state = f"{rng.choice(_STATES):<<3}"
    return f"{number}{state}{born}{rng.choice('MF<')}{until}{personal}{mine}{check(whole)}"


def _card_numbers(rng: random.Random, _surname: str, _given: str) -> str:
    state = f"{rng.choice(_STATES):<<3}"
    if rng.random() < 0.5:
        return f"{rng.choice(('I<', 'ID', 'AC'))}{state}{_number(rng)}".ljust(30, "<")
    born, until = _date(rng), _date(rng)
    return f"{born}{rng.choice('MF<')}{until}{state}".ljust(29, "<") + check(born + until)
