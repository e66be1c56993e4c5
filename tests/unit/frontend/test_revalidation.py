"""A value is fetched again once it is stale, by one thread, and the others go on with the one there is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from frontend.revalidation import Revalidated


def returning(*values: int | None) -> Callable[[], int | None]:
    remaining = iter(values)
    return lambda: next(remaining)


def test_a_fresh_value_is_kept() -> None:
    value = Revalidated(returning(1, 2))
    assert [value.get(60), value.get(60), value.get(0)] == [1, 1, 2]


def test_nothing_fetched_leaves_what_is_there() -> None:
    value = Revalidated(returning(None, 1, None))
    assert [value.get(0), value.get(0), value.get(0)] == [None, 1, 1]


def test_the_next_attempt_waits_its_time_after_one_in_vain() -> None:
    value = Revalidated(returning(None, 1))
    assert [value.get(60), value.get(60), value.get(0)] == [None, None, 1]


class Slow:
    """Counts up; a fetch takes until `go` is set."""

    def __init__(self) -> None:
        self.count = 0
        self.started, self.go = threading.Event(), threading.Event()

    def fetch(self) -> int:
        self.count += 1
        self.started.set()
        assert self.go.wait(20)
        return self.count


def test_others_go_on_with_the_stale_value_while_one_fetches() -> None:
    slow = Slow()
    slow.go.set()
    value = Revalidated(slow.fetch)
    assert value.get(0) == 1
    slow.go.clear()
    slow.started.clear()
    with ThreadPoolExecutor(1) as pool:
        fetched = pool.submit(value.get, 0)
        assert slow.started.wait(20)
        assert value.get(0) == 1
        slow.go.set()
        assert fetched.result() == 2


def test_without_a_value_all_wait_for_one_fetch() -> None:
    slow = Slow()
    value = Revalidated(slow.fetch)
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(value.get, 60) for _ in range(2)]
        assert slow.started.wait(20)
        slow.go.set()
        assert [result.result() for result in results] == [1, 1]
    assert slow.count == 1
