"""GET /models."""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from frontend.web.response_schemas import ModelsAnswer
from tests.unit.frontend.fake_torchserve import FakeTorchServe


def test_models(client: FlaskClient, fake: FakeTorchServe) -> None:
    fake.archives["a_model"] = "2.0-abcdef01"
    models = client.get("/models").json
    assert ModelsAnswer.model_validate(models)
    assert [(m["name"], m["default"]) for m in models["models"]] == [
        ("auto", True),
        ("a_model", False),
        ("crnn_v3", False),
        ("crnn_v3_lite", False),
    ]
    assert models["models"][0]["about"]["languages"] == ["en"]
    aliases = [m["aliases"] for m in models["models"]]
    assert aliases == [[], [], ["crnn_v1", "crnn_v2"], ["crnn_v2_lite"]]
    assert models["sure_threshold"] is None


def test_the_cascade_says_which_lines_are_sure(client: FlaskClient, fake: FakeTorchServe) -> None:
    cascade = {"cascade": {"student": "crnn_v3_lite", "threshold": 0.79}}
    fake.about["auto"] = json.dumps({"models": {"auto": cascade, "crnn_v3": cascade, "crnn_v3_lite": {}}})
    assert client.get("/models").json["sure_threshold"] == 0.79


def test_the_default_model_may_be_set_by_an_alias(make_app: Callable[..., Flask]) -> None:
    client = make_app(default_model="crnn_v2").test_client()
    models = client.get("/models").json["models"]
    assert [model["name"] for model in models if model["default"]] == ["crnn_v3"]
    assert client.get("/readyz").status_code == 200
