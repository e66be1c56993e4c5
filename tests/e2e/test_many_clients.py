"""Sixteen clients at once: no error, and everyone gets the text of their own image."""

from __future__ import annotations

from tests.e2e.service import Service
from tests.load.clients import distinct_images, post_all
from tests.plain import MODEL, read_plainly

REQUESTS = 500
CLIENTS = 16


def test_nobody_gets_another_ones_answer(service: Service) -> None:
    images = distinct_images(REQUESTS, "client")
    assert len(set(images.values())) == REQUESTS
    counted = service.inferences()

    answers = post_all(service.address, list(images.values()), CLIENTS, model=MODEL)

    assert {answer.status for answer in answers} == {200}
    assert service.inferences() - counted == REQUESTS
    read = [answer.body["text"] for answer in answers]
    assert read == read_plainly(list(images.values()))
    right = sum(text == drawn for text, drawn in zip(read, images, strict=True))
    assert right > 0.98 * REQUESTS  # each image says who it is
