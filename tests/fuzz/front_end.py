"""The whole front end in this process, with MongoDB and Valkey, and a TorchServe that reads anything."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient

from frontend.app import create_app
from frontend.settings import Settings
from tests.fuzz import structures
from tests.fuzz.documented import Document
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import FoundError, Target
from tests.unit.frontend import servers
from tests.unit.frontend.fake_torchserve import FakeTorchServe

_FORM = "multipart/form-data; boundary=seed"


class FrontEnd:
    """Checks for targets: each sends a request, and looks at the answer."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self._document = Document(client.get("/openapi.json").get_json())
        self._record = self._read()

    def _read(self) -> str:
        answer = self._client.post("/recognize", data=b"seed", content_type="image/png")
        return str(answer.get_json()["history_id"])

    def ask(self, method: str, path: str, **options: Any) -> None:
        """Raises FoundError."""
        response = self._client.open(path, method=method, **options)
        try:
            body = response.get_data()
        except Exception as error:
            raise FoundError(f"{method} {path[:80]}: {error!r}") from error
        finally:
            response.close()
        kind = response.content_type or ""
        self._document.check(method, path.partition("?")[0], response.status_code, kind, body)

    def json(self, body: dict[str, Any]) -> None:
        self.ask("POST", "/recognize", data=_dumped(body), content_type="application/json")

    def mutated_json(self, body: bytes) -> None:
        self.ask("POST", "/recognize", data=body, content_type="application/json")

    def correction(self, body: Any) -> None:
        self.ask("PATCH", f"/history/{self._record}", data=_dumped(body), content_type="application/json")

    def multipart(self, body: bytes) -> None:
        for path in ("/recognize", "/picture"):
            self.ask("POST", path, data=body, content_type=_FORM)

    def query(self, fields: dict[str, Any]) -> None:
        self.ask("POST", f"/recognize?{_encoded(fields)}", data=b"x", content_type="image/png")

    def history(self, fields: dict[str, Any]) -> None:
        query = _encoded(fields)
        for path in ("/history", "/history/export", "/tasks", "/feedback/queue"):
            self.ask("GET", f"{path}?{query}")

    def render(self, fields: dict[str, Any]) -> None:
        form = {
            name: value.encode(errors="replace").decode()
            if isinstance(value, str)
            else _dumped(value).decode()
            for name, value in fields.items()
        }
        self.ask("POST", "/render", data=form, content_type="multipart/form-data")

    def targets(self) -> list[Target]:
        return [
            Target("json", self.json, cases=structures.BODY),
            Target("json-bytes", self.mutated_json, seeds("json")),
            Target("multipart", self.multipart, seeds("multipart")),
            Target("query", self.query, cases=structures.QUERY),
            Target("history", self.history, cases=structures.HISTORY_QUERY),
            Target("correction", self.correction, cases=structures.CORRECTIONS),
            Target("render", self.render, cases=structures.RENDER),
        ]


NAMES = ("json", "json-bytes", "multipart", "query", "history", "correction", "render")


@contextmanager
def front_end() -> Iterator[FrontEnd]:
    """The servers, and the application before them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        torchserve = FakeTorchServe()
        stack.callback(torchserve.stop)
        started = []
        for name, make in (("mongod", servers.mongod), ("valkey", servers.valkey)):
            (folder / name).mkdir()
            server = make(folder / name)
            stack.callback(server.stop)
            server.start()
            started.append(server.port)
        settings = Settings(
            mongo_url=f"mongodb://127.0.0.1:{started[0]}/ocr",
            redis_url=f"redis://127.0.0.1:{started[1]}/0",
            torchserve_url=torchserve.url,
            torchserve_management_url=torchserve.url,
            torchserve_timeout_seconds=5.0,
            max_image_mb=0.25,
            feedback=True,
            log_level="error",
        )
        app = create_app(settings)
        stack.callback(app.extensions["ocr"].close)
        yield FrontEnd(app.test_client())


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode(errors="replace")


def _encoded(fields: dict[str, Any]) -> str:
    return urlencode({_bytes(name): _bytes(str(value)) for name, value in fields.items()})


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")
