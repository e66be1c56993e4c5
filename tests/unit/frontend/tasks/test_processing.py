"""What becomes of an item whose image ends the recognizer that reads it."""

from __future__ import annotations

import io
from typing import Any, NoReturn

import pytest

from frontend.errors import RecognizerDownError
from frontend.mongo import Mongo
from frontend.tasks.items import MAX_ATTEMPTS, File, Items
from frontend.tasks.processing import ItemLimits, Processor
from frontend.tasks.store import TaskStore
from frontend.tasks.tasks import Limits, Tasks


class Fragile:
    """A recognizer that dies of every image."""

    def recognize(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise RecognizerDownError(has_died=True)


def test_an_image_that_ends_the_recognizer_is_not_read_for_ever(mongo: Mongo) -> None:
    items = Items(TaskStore(mongo), lease_seconds=60)
    tasks = Tasks(TaskStore(mongo), items, Limits(100, 10**9))
    limits = ItemLimits(60, 1000, 1000)
    processor = Processor(items, Fragile(), print, limits)  # type: ignore[arg-type]
    task_id, (item_id,) = tasks.create(
        "anna", "request", {"model": None, "pages": None}, [File("a.png", io.BytesIO(b"?"))]
    )
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(RecognizerDownError):
            processor.process(item_id)
    processor.process(item_id)
    assert tasks.get("anna", task_id, 1)["state"] == "failure"
