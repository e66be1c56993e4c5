"""Files made wrong, at random but again and again alike by the seed of the random numbers."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

LONGEST = 200_000
"""Bytes of a mutated file: what is longer is cut."""
_PNG = b"\x89PNG\r\n\x1a\n"
_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1)
_WRITTEN = (b"0", b"-1", b"65536", b"4294967296", b"1e999", b"99999999999999999999", b"0.0")
_INSERTED = (b"\0" * 64, b"\xff" * 64, b"(" * 200)
_MOST = 6
"""Steps from one file to another."""


def mutate(random: Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds after some steps; the checksums of a PNG are mostly right again, to get further."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, _MOST)):
        random.choice(_STEPS)(random, data, seeds)
    del data[LONGEST:]
    if data.startswith(_PNG) and random.random() < 0.8:
        return _with_checksums(bytes(data))
    return bytes(data)


def _flip(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set_byte(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _set_number(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    """A number of one, two or four bytes at the edge of what it can hold: a length, a size, an offset."""
    size = random.choice((1, 2, 4))
    if len(data) >= size:
        start = random.randrange(min(len(data) - size + 1, 400 if random.random() < 0.5 else LONGEST))
        number = random.choice(_EDGES) % (1 << 8 * size)
        data[start : start + size] = number.to_bytes(size, random.choice(("big", "little")))  # type: ignore[arg-type]


def _digits(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    """A number that is written out, as in PDF, JSON and HTTP."""
    places = [place for place, byte in enumerate(data[:5000]) if 0x30 <= byte <= 0x39]
    if places:
        start = random.choice(places)
        data[start : start + 1] = random.choice(_WRITTEN)


def _delete(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    start, length = _part(random, data)
    del data[start : start + length]


def _repeat(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    start, length = _part(random, data)
    data[start:start] = data[start : start + length] * random.choice((1, 2, 50))


def _insert(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    start, _ = _part(random, data)
    data[start:start] = random.choice((random.randbytes(random.randint(1, 16)), *_INSERTED))


def _move(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    start, length = _part(random, data)
    part = data[start : start + length]
    del data[start : start + length]
    place, _ = _part(random, data)
    data[place:place] = part


def _truncate(random: Random, data: bytearray, _seeds: Sequence[bytes]) -> None:
    del data[random.randint(0, len(data)) :]


def _splice(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """Goes on as another file does."""
    other = random.choice(seeds)
    start = random.randint(0, min(len(data), len(other)))
    data[start:] = other[start:]


def _part(random: Random, data: bytearray) -> tuple[int, int]:
    return random.randint(0, len(data)), random.choice((1, 2, 4, 16, 64, 512))


_STEPS: Sequence[Callable[[Random, bytearray, Sequence[bytes]], None]] = (
    *(_flip, _set_byte, _set_number, _set_number, _digits),
    *(_delete, _repeat, _insert, _move, _truncate, _splice),
)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks, as far as they are there, have the checksums that they need."""
    fixed, start = bytearray(data), len(_PNG)
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            break
        fixed[end - 4 : end] = struct.pack(">I", zlib.crc32(data[start + 4 : end - 4]))
        start = end
    return bytes(fixed)
