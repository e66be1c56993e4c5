"""How MongoDB finds records among thousands: by an index, reading hardly more of them than it answers with.

`python -m tests.load.history` measures the time of the same searches among 100,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from pymongo import MongoClient

from frontend.history.records import History
from frontend.history.search import HistoryFilter
from frontend.mongo import Mongo
from tests.load.history import OWNER, Profile, fill, profile, searches
from tests.unit.frontend.servers import Server

pytestmark = pytest.mark.slow

RECORDS = 5000


class Filled(NamedTuple):
    database: Any
    history: History


@pytest.fixture(scope="module")
def filled(shared_mongod: Server) -> Iterator[Filled]:
    url = f"mongodb://127.0.0.1:{shared_mongod.port}/filled"
    mongo = Mongo(url)
    history = History(mongo, days=0)
    mongo.ping()
    with MongoClient(url, tz_aware=True) as client:
        fill(client.get_default_database(), RECORDS)
        yield Filled(client.get_default_database(), history)
    mongo.close()


def assert_by_index(found: Profile) -> None:
    assert found.plans == {"IXSCAN"}
    assert not found.sorted_in_memory
    assert found.documents <= 2 * found.records + 20


@pytest.mark.parametrize("name", searches(RECORDS))
def test_a_search_goes_by_an_index(filled: Filled, name: str) -> None:
    found = profile(filled.database, filled.history, searches(RECORDS)[name])
    assert bool(found.records) != name.startswith("in no record")
    assert_by_index(found)


def test_a_page_far_back_starts_where_it_begins(filled: Filled) -> None:
    middle = datetime.now(UTC) - timedelta(minutes=RECORDS // 2)
    cursor = filled.history.find(OWNER, HistoryFilter(until=middle), 20).next_cursor
    found = profile(filled.database, filled.history, HistoryFilter(), cursor)
    assert found.records == 20
    assert_by_index(found)


def test_a_search_finds_all_that_there_is(filled: Filled) -> None:
    """Beside a look at every text, in pages of 20."""
    for text in ("wholemeal", "电子客票", "乌龙", "TOTAL 1", "e b", "7"):
        folded = "".join(text.lower().split())
        expected = filled.database["history"].count_documents({"folded": {"$regex": folded}})
        found = sum(1 for _ in filled.history.export(OWNER, HistoryFilter(text=text), with_lines=False))
        assert found == expected > 0
