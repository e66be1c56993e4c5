"""The gate: so many images and no more, so many bytes and no more, and places come back."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from frontend.errors import BusyError
from frontend.gate import Gate


def test_lets_in_so_many_images() -> None:
    gate = Gate(max_images=2, max_bytes=100)
    with gate.admit(1), gate.admit(1):
        with pytest.raises(BusyError) as raised, gate.admit(1):
            pass
        assert int(raised.value.headers["Retry-After"]) > 0
    with gate.admit(1), gate.admit(1):
        pass


def test_lets_in_so_many_bytes() -> None:
    gate = Gate(max_images=10, max_bytes=100)
    with ExitStack() as inside:
        inside.enter_context(gate.admit(60))
        inside.enter_context(gate.admit(40))
        with pytest.raises(BusyError), gate.admit(1):
            pass
    with gate.admit(100):
        pass


def test_an_image_alone_fits_whatever_its_size() -> None:
    gate = Gate(max_images=10, max_bytes=100)
    with gate.admit(101), pytest.raises(BusyError), gate.admit(1):
        pass


def test_a_place_comes_back_after_an_error() -> None:
    gate = Gate(max_images=1, max_bytes=100)
    with pytest.raises(RuntimeError), gate.admit(1):
        raise RuntimeError
    with gate.admit(1):
        pass
