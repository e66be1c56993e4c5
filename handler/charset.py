"""Alphabets as data. Class 0 of every model is the CTC blank; class i + 1 its alphabet's i-th character."""

import unicodedata
from functools import lru_cache

BLANK = 0
"""Index of the CTC blank among the classes."""

ASCII = "".join(map(chr, range(32, 127)))
"""The 95 printable ASCII characters, space first."""


def encode(text: str, alphabet: str) -> list[int]:
    """Class indices of a text after NFC normalization.

    Raises:
        ValueError: a character is not in the alphabet.
    """
    classes = _classes(alphabet)
    try:
        return [classes[char] for char in unicodedata.normalize("NFC", text)]
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not in the alphabet") from None


@lru_cache(maxsize=4)
def _classes(alphabet: str) -> dict[str, int]:
    return {char: index for index, char in enumerate(alphabet, 1)}
