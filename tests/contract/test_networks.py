"""An archive of several networks: who reads, what is said of them, and what wrong options lead to.

The networks are small and know nothing: what they read tells which of them it was.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from handler.constraint import Constraint
from handler.crnn_handler import CRNNHandler
from handler.decode import Allowlist, Recognition
from handler.image import Pixels
from handler.model import CRNN, CRNNConfig, save_weights
from handler.networks import Cascade
from handler.repvit import Stage
from tests.contract.test_handler import LABELS, Context, described, golden
from tests.plain import recognize_requests

LINE = {"body": golden(LABELS[0][0])}


def save(folder: Path, name: str, char: str, facts: dict[str, Any], sure: float = 9.0) -> None:
    """A network that reads its character in every frame, as sure of it as it is told."""
    model = CRNN(CRNNConfig("ab", (Stage(4, 1, (2, 2)), Stage(4, 1, (2, 2))), hidden=4, height=16))
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(-9.0)["ab".index(char) + 1] = sure - 9.0
    save_weights(model, folder / f"{name}.safetensors", facts)


def load(folder: Path) -> CRNNHandler:
    made = CRNNHandler()
    made.initialize(Context(folder))
    return made


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory) -> CRNNHandler:
    """`large` reads b; `small`, its student, reads a, and is sure of it."""
    folder = tmp_path_factory.mktemp("cascade")
    save(folder, "large", "b", {"cascade": {"student": "small", "threshold": 0.5}})
    save(folder, "small", "a", {"languages": ["en"]})
    return load(folder)


def ask(handler: CRNNHandler, headers: list[str | None]) -> list[tuple[int, Any]]:
    return recognize_requests(handler.networks, handler.detector, [LINE] * len(headers), headers)


def read_by(answer: Any) -> list[tuple[str, str]]:
    return [(line["text"], line["model"]) for line in answer["lines"]]


def test_a_request_names_its_network_and_each_line_tells_which_read_it(cascade: CRNNHandler) -> None:
    headers = [json.dumps({"model": name}) for name in ("large", "small", "auto")]
    answers = ask(cascade, [*headers, None, *headers])
    assert [status for status, _ in answers] == [200] * 7
    large, small = [("b", "large")], [("a", "small")]
    assert [read_by(answer) for _, answer in answers] == [large, small, small, small, large, small, small]


def test_the_accurate_network_reads_again_what_its_student_is_not_sure_of(tmp_path: Path) -> None:
    save(tmp_path, "large", "b", {"cascade": {"student": "small", "threshold": 0.5}})
    save(tmp_path, "small", "a", {}, sure=0.1)
    assert [read_by(answer) for _, answer in ask(load(tmp_path), [None])] == [[("b", "large")]]


class Reader:
    """Reads each line as its name, as sure of it as the line is bright."""

    def __init__(self, name: str) -> None:
        self.name, self.seen = name, 0

    def read(
        self, lines: list[Pixels], allowlist: Allowlist | None = None, constraint: Constraint | None = None
    ) -> list[Recognition]:
        assert constraint is None
        self.seen += len(lines)
        return [
            Recognition(
                f"{self.name} {allowlist and allowlist.characters}", line.mean() / 255, (), model=self.name
            )
            for line in lines
        ]


def test_only_unsure_lines_are_read_again_and_the_order_stays() -> None:
    student, accurate = Reader("s"), Reader("t")
    lines = [torch.full((8, 8), level, dtype=torch.uint8).numpy() for level in (255, 10, 200, 120, 0)]
    readings = Cascade(student, accurate, threshold=0.5).read(lines, Allowlist("xyz"))
    assert [reading.text for reading in readings] == ["s xyz", "t xyz", "s xyz", "t xyz", "t xyz"]
    assert (student.seen, accurate.seen) == (5, 3)


def test_describe_tells_of_all_networks_and_of_auto(cascade: CRNNHandler) -> None:
    models = described(cascade)
    assert list(models) == ["large", "small", "auto"]
    assert models["small"] == {"languages": ["en"], "alphabet_size": 2, "height": 16}
    assert models["auto"]["cascade"] == {"student": "small", "threshold": 0.5}


@pytest.mark.parametrize(
    "facts", [{}, {"cascade": {"student": "elsewhere", "threshold": 0.5}}], ids=["none", "without student"]
)
def test_without_a_cascade_the_first_by_name_reads_and_there_is_no_auto(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    save(tmp_path, "small", "a", {})
    save(tmp_path, "large", "b", facts)
    handler = load(tmp_path)
    (status, answer), (refused, _) = ask(handler, [None, json.dumps({"model": "auto"})])
    assert (status, read_by(answer), refused) == (200, [("b", "large")], 404)
    assert list(described(handler)) == ["large", "small"]


def test_an_unknown_model_is_refused_and_harms_no_neighbour(cascade: CRNNHandler) -> None:
    (status, answer), (fine, other) = ask(cascade, [json.dumps({"model": "crnn_v9"}), None])
    assert (status, answer["code"], answer["field"]) == (404, "unknown-model", "model")
    assert answer["detail"] == "There is no model crnn_v9. Choose one of: large, small, auto."
    assert (fine, read_by(other)) == (200, [("a", "small")])


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("{", "options"), ("[]", "options"), ("7", "options"), ('{"colour": 1}', "colour"),
        ('{"mode": "upside-down"}', "mode"), ('{"allowlist_mode": "guess"}', "allowlist_mode"),
        ('{"pattern": "("}', "pattern"), ('{"lexicon": "a"}', "lexicon"), ('{"lexicon": []}', "lexicon"),
        ('{"allowlist": ["a"]}', "allowlist"), ('{"model": 3}', "model"),
        ('{"mode": "frame", "areas": [[1, 2]]}', "areas"), ('{"pdf_text": "yes"}', "pdf_text"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused_and_harm_no_neighbour(
    cascade: CRNNHandler, header: str, field: str
) -> None:
    (status, answer), (fine, other) = ask(cascade, [header, None])
    assert (status, answer["code"], answer["field"]) == (422, "invalid-request", field)
    assert answer["detail"].endswith(".")
    assert (fine, read_by(other)) == (200, [("a", "small")])
