"""Accept: who asks for text gets the text alone, in the shape of its type; all others get JSON."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.unit.frontend.fake_torchserve import FakeTorchServe, Reply, line, prediction

ROWS = (
    line("Milk & <b>", 10, 20, row=0),
    line("3.80", 300, 20, row=0),
    line("=TOTAL", 10, 50, row=1),
    line("13.65", 290, 50, row=1),
)
TEXTS = {
    "text/plain": "Milk & <b> 3.80\n=TOTAL 13.65\n",
    "text/markdown": "|             |       |\n| ----------- | ----: |\n| Milk & \\<b> |  3.80 |\n"
    "| =TOTAL      | 13.65 |\n",
    "text/csv": "Milk & <b>,3.80\r\n'=TOTAL,13.65\r\n",
    "text/tab-separated-values": "Milk & <b>\t3.80\n=TOTAL\t13.65\n",
}


@pytest.fixture(autouse=True)
def _reads_rows(fake: FakeTorchServe) -> None:
    fake.answer = lambda _: Reply(200, prediction(*ROWS))


@pytest.mark.parametrize("media_type", TEXTS)
def test_an_answer_and_its_record_as_text(client: FlaskClient, image: bytes, media_type: str) -> None:
    headers = {"Accept": media_type, "Content-Type": "image/png"}
    response = client.post("/recognize", data=image, headers=headers)
    assert (response.status_code, response.mimetype) == (200, media_type)
    assert response.get_data(as_text=True) == TEXTS[media_type]
    assert response.vary.as_set() == {"accept"}
    record = client.get("/history").json["items"][0]["id"]
    response = client.get(f"/history/{record}", headers={"Accept": media_type})
    assert (response.mimetype, response.get_data(as_text=True)) == (media_type, TEXTS[media_type])


@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "application/json", "text/plain;q=0.5, application/json", "image/png",
     "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
)  # fmt: skip
def test_everybody_else_gets_json(client: FlaskClient, image: bytes, accept: str | None) -> None:
    headers = {"Content-Type": "image/png", **({"Accept": accept} if accept else {})}
    assert client.post("/recognize", data=image, headers=headers).json["text"] == TEXTS["text/plain"].strip()


def test_plain_text_has_the_shape_that_was_asked_for_and_its_marks(client: FlaskClient, image: bytes) -> None:
    headers = {"Accept": "text/plain", "Content-Type": "image/png"}
    response = client.post("/recognize?text_format=paragraphs", data=image, headers=headers)
    assert response.text == "Milk & <b>   3.80\n=TOTAL      13.65\n"
    assert client.post("/recognize?threshold=1", data=image, headers=headers).text.startswith("\ufffd\ufffd")


def test_errors_are_problems_whatever_is_accepted(client: FlaskClient) -> None:
    response = client.post("/recognize", headers={"Accept": "text/plain", "Content-Type": "image/png"})
    assert (response.status_code, response.content_type) == (400, "application/problem+json")


def test_blocks_are_in_answers_records_and_pages(
    client: FlaskClient, fake: FakeTorchServe, image: bytes
) -> None:
    answer = client.post("/recognize", data=image, content_type="image/png").json
    (table,) = answer["blocks"]
    assert (table["rows"], table["lines"]) == ([["Milk & <b>", "3.80"], ["=TOTAL", "13.65"]], [0, 1, 2, 3])
    assert (answer["confidence"], answer["mean_confidence"]) == (0.98, 0.98)
    assert client.get(f"/history/{answer['history_id']}").json["blocks"] == answer["blocks"]

    pages = [prediction(line("one", confidence=0.5)), prediction(line("two"), line("three", top=60))]
    fake.answer = lambda _: Reply(200, {"pages": pages})
    answer = client.post("/recognize", data=image + b"%", content_type="application/pdf").json
    found = [(block["page"], block["lines"], block["text"]) for block in answer["blocks"]]
    assert found == [(1, [0], "one"), (2, [1, 2], "two\nthree")]
    assert answer["pages"][1]["blocks"][0]["lines"] == [0, 1]
    assert (answer["confidence"], answer["mean_confidence"]) == (0.5, 0.82)
    record = client.get(f"/history/{answer['history_id']}").json
    assert (record["blocks"], record["pages"][1]["blocks"]) == (
        answer["blocks"],
        answer["pages"][1]["blocks"],
    )
