"""The gate: so many images and no more, so many bytes and no more, and places come back."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from frontend.errors import BusyError
from frontend.gate import Gate


def test_lets_in_so_many_images() -> None:
    gate = Gate(max_images=2, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with gate.admit(1, is_page=False), gate.admit(1, is_page=False):
        with pytest.raises(BusyError) as raised, gate.admit(1, is_page=False):
            pass
        assert int(raised.value.headers["Retry-After"]) > 0
    with gate.admit(1, is_page=False), gate.admit(1, is_page=False):
        pass


def test_lets_in_so_many_bytes() -> None:
    gate = Gate(max_images=10, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with ExitStack() as inside:
        inside.enter_context(gate.admit(60, is_page=False))
        inside.enter_context(gate.admit(40, is_page=False))
        with pytest.raises(BusyError), gate.admit(1, is_page=False):
            pass
    with gate.admit(100, is_page=False):
        pass


def test_an_image_alone_fits_whatever_its_size() -> None:
    gate = Gate(max_images=10, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with gate.admit(101, is_page=False), pytest.raises(BusyError), gate.admit(1, is_page=False):
        pass


def test_a_place_comes_back_after_an_error() -> None:
    gate = Gate(max_images=1, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with pytest.raises(RuntimeError), gate.admit(1, is_page=False):
        raise RuntimeError
    with gate.admit(1, is_page=False):
        pass


def test_so_many_pages_at_once_and_the_next_one_waits() -> None:
    """Lines pass by; a page that waited in vain is told to come back, and gives up its place."""
    gate = Gate(max_images=3, max_bytes=100, max_pages=1, wait_seconds=0.05)
    with gate.admit(1, is_page=True):
        with gate.admit(1, is_page=False), pytest.raises(BusyError), gate.admit(1, is_page=True):
            pass
        with gate.admit(1, is_page=False), gate.admit(1, is_page=False):
            pass
        waiting = threading.Thread(target=_pass, args=(gate,))
        waiting.start()
    waiting.join()
    with gate.admit(1, is_page=True):
        pass


def _pass(gate: Gate) -> None:
    with gate.admit(1, is_page=True):
        pass
