"""Admission control: so many images and no more, so many bytes and no more, and places come back."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest

from frontend.errors import BusyError
from frontend.recognition.admission import Admission


def test_lets_in_so_many_images() -> None:
    admission = Admission(max_images=2, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with admission.admit(1, is_page=False), admission.admit(1, is_page=False):
        with pytest.raises(BusyError) as raised, admission.admit(1, is_page=False):
            pass
        assert int(raised.value.headers["Retry-After"]) > 0
    with admission.admit(1, is_page=False), admission.admit(1, is_page=False):
        pass


def test_lets_in_so_many_bytes() -> None:
    admission = Admission(max_images=10, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with ExitStack() as inside:
        inside.enter_context(admission.admit(60, is_page=False))
        inside.enter_context(admission.admit(40, is_page=False))
        with pytest.raises(BusyError), admission.admit(1, is_page=False):
            pass
    with admission.admit(100, is_page=False):
        pass


def test_an_image_alone_fits_whatever_its_size() -> None:
    admission = Admission(max_images=10, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with admission.admit(101, is_page=False), pytest.raises(BusyError), admission.admit(1, is_page=False):
        pass


def test_a_place_comes_back_after_an_error() -> None:
    admission = Admission(max_images=1, max_bytes=100, max_pages=1, wait_seconds=0.1)
    with pytest.raises(RuntimeError), admission.admit(1, is_page=False):
        raise RuntimeError
    with admission.admit(1, is_page=False):
        pass


def test_so_many_pages_at_once_and_the_next_one_waits() -> None:
    """Lines pass by; a page that waited in vain is told to come back, and gives up its place."""
    admission = Admission(max_images=3, max_bytes=100, max_pages=1, wait_seconds=0.05)
    with admission.admit(1, is_page=True):
        with admission.admit(1, is_page=False), pytest.raises(BusyError), admission.admit(1, is_page=True):
            pass
        with admission.admit(1, is_page=False), admission.admit(1, is_page=False):
            pass
        waiting = threading.Thread(target=_pass, args=(admission,))
        waiting.start()
    waiting.join()
    with admission.admit(1, is_page=True):
        pass


def _pass(admission: Admission) -> None:
    with admission.admit(1, is_page=True):
        pass


def test_one_account_leaves_room_for_the_others() -> None:
    """Places, and bytes, of which each account gets half."""
    admission = Admission(max_images=4, max_bytes=100, max_pages=2, wait_seconds=0.1, share=0.5)
    with ExitStack() as inside:
        for _ in range(2):
            inside.enter_context(admission.admit(1, account="anna", is_page=False))
        with pytest.raises(BusyError, match="your images"), admission.admit(1, account="anna", is_page=False):
            pass
        with (
            admission.admit(1, account="ben", is_page=False),
            admission.admit(1, account="ben", is_page=False),
        ):
            pass
    with admission.admit(40, account="anna", is_page=False):
        with pytest.raises(BusyError), admission.admit(20, account="anna", is_page=False):
            pass
        with admission.admit(20, account="ben", is_page=False):
            pass


def test_the_unlimited_account_gets_all() -> None:
    admission = Admission(
        max_images=2, max_bytes=100, max_pages=1, wait_seconds=0.1, share=0.5, unlimited="local"
    )
    with (
        admission.admit(1, account="local", is_page=False),
        admission.admit(1, account="local", is_page=False),
    ):
        pass


def test_a_page_passes_those_that_another_account_has_waiting() -> None:
    """Anna has two pages at TorchServe's door, one of them waiting; Ben's goes in at once."""
    admission = Admission(max_images=8, max_bytes=100, max_pages=2, wait_seconds=20, share=0.5)
    inside, done = threading.Semaphore(0), threading.Event()

    def read() -> None:
        with admission.admit(1, account="anna", is_page=True):
            inside.release()
            done.wait(20)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    assert inside.acquire(timeout=20)
    with admission.admit(1, account="ben", is_page=True):
        assert not inside.acquire(blocking=False)  # the other two of Anna's still wait
    done.set()
    for reader in readers:
        reader.join()
    with admission.admit(100, account="anna", is_page=True):
        pass


def test_pages_go_in_the_order_in_which_they_came() -> None:
    admission = Admission(max_images=8, max_bytes=100, max_pages=1, wait_seconds=20)
    order: list[int] = []

    def read(number: int) -> None:
        with admission.admit(1, account="anna", is_page=True):
            order.append(number)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(5)]
    with admission.admit(1, account="anna", is_page=True):
        for count, reader in enumerate(readers, start=1):
            reader.start()
            while len(admission._waiting) < count:
                time.sleep(0.001)
    for reader in readers:
        reader.join()
    assert order == [0, 1, 2, 3, 4]
