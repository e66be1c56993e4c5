"""The only module that knows TorchServe's HTTP: predictions, and which archives with which models it has."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn, cast
from urllib.parse import quote
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter
from urllib3 import encode_multipart_formdata

from frontend.errors import (
    BusyError,
    ImageTooLargeError,
    InvalidImageError,
    InvalidRequestError,
    OCRError,
    ReadingTimeoutError,
    RecognizerDownError,
    RecognizerFailedError,
    UnknownModelError,
    UnsupportedImageTypeError,
)
from frontend.recognition.models import LINES_QUEUE, Archive, ModelFacts, find_model, list_models
from frontend.recognition.predictions import STAGES, Page, Prediction
from frontend.recognition.replicas import Replica, Replicas
from frontend.revalidation import Revalidated

log = logging.getLogger(__name__)

_MANAGEMENT_TIMEOUT_SECONDS = 2.0
_FACTS_FRESH_SECONDS = 10.0
_FACTS_RETRY_SECONDS = 1.0
_ATTEMPTS = 2
_POOLS = 64
"""Replicas whose connections are kept alive, twice: each has two ports."""
_MOVED_ON = {413, 503}
"""What the queue for lines has no worker or no time for is asked of the other queue."""
_HEADER_BYTES = 4000
"""TorchServe takes 8 KiB of headers."""
_UNFINISHED = 202
"""The handler read a slice of the image; the same request again, with its token, goes on."""
_STAGE = re.compile(rf"({'|'.join(STAGES)});dur=(\d+(?:\.\d+)?)")
_NO_FACTS = (requests.RequestException, ValueError, KeyError, TypeError, IndexError, AttributeError)


class TorchServe:
    """One kept-alive session, shared by all threads of the process.

    `url` and `management_url` may stand for several replicas: a host name with several addresses, or URLs
    separated by commas.
    """

    def __init__(self, url: str, management_url: str, timeout_seconds: float, connections: int) -> None:
        self._replicas, self._managers = Replicas(url), Replicas(management_url)
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy for the internet must not see these requests
        self._session.mount("http://", HTTPAdapter(pool_connections=_POOLS, pool_maxsize=connections))
        self._archives: dict[str, Archive] = {}
        self._with_lines_queue: set[str] = set()
        self._facts = Revalidated(self._ask_facts)

    def predict(
        self,
        model: str,
        image: bytes,
        request_id: str,
        options: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
        is_short: bool = False,
    ) -> Prediction:
        """The lines that `model` (a name or an alias) reads in `image`.

        What `is_short`, a line or little more, waits for no page. Tries a second time when a worker died
        under it, asks another replica where one is away or full, and asks again for the rest of an image of
        many lines, which is read in slices; all within one timeout.
        Raises the OCRError that the handler's or TorchServe's answer stands for.
        """
        deadline = time.monotonic() + (timeout_seconds or self._timeout_seconds)
        facts = self.model(model)
        named = {"model": facts.name} if facts.is_named else {}
        headers = {"X-Request-Id": request_id, "X-OCR-Token": uuid4().hex}
        body, more = _request(image, json.dumps({**(options or {}), **named}))
        headers |= more
        if is_short and facts.archive in self._with_lines_queue:
            with suppress(RecognizerDownError):
                response = self._ask(_queue_path(facts.archive + LINES_QUEUE), body, headers, deadline)
                if response.status_code not in _MOVED_ON:
                    return self._prediction(facts, response)
        return self._prediction(facts, self._ask(_queue_path(facts.archive), body, headers, deadline))

    def models(self) -> dict[str, ModelFacts]:
        """All models by name, at most ten seconds old; the last ones known while TorchServe is away.

        Raises RecognizerDownError when nothing has ever been learned.
        """
        facts = self._facts.get(self._max_age_seconds())
        if not facts:
            raise RecognizerDownError("The recognizer is not running yet. Try again in a few seconds.")
        return facts

    def versions(self) -> dict[str, str]:
        """The versions of the models by their names; none as long as TorchServe has told nothing."""
        try:
            return {name: facts.version for name, facts in self.models().items()}
        except RecognizerDownError:
            return {}

    def model(self, name: str) -> ModelFacts:
        """The facts of the model of this name or alias. Raises UnknownModelError with the names there are.

        Raises RecognizerDownError while an archive that may hold it has not said what it holds.
        """
        models = self.models()
        found = find_model(models, name)
        if found is None:
            models = self._facts.get(_FACTS_RETRY_SECONDS) or {}  # it may have come since
            found = find_model(models, name)
        if found is None and any(archive.about is None for archive in self._archives.values()):
            raise RecognizerDownError("The recognizer is loading its models. Try again in a few seconds.")
        if found is None:
            raise UnknownModelError(name, models)
        return found

    def close(self) -> None:
        self._session.close()

    def _ask(self, path: str, body: bytes, headers: Mapping[str, str], deadline: float) -> requests.Response:
        """The answer of the first replica that has one; 503 where all are full or without a worker."""
        failures, unavailable, response = 0, set[str](), None
        while failures < _ATTEMPTS:
            with self._replicas.choose(but=unavailable) as replica:
                if replica is None:
                    break
                try:
                    response = self._ask_one(replica, path, body, headers, deadline)
                except requests.ConnectionError as error:
                    self._replicas.failed(replica)
                    unavailable |= {replica.url} if _refused(error) else set()
                    failures += not _refused(error)
                    continue
            if response.status_code == 503:
                unavailable.add(replica.url)
            elif _worker_died(response):
                failures += 1
            else:
                return response
        if failures == _ATTEMPTS:
            raise RecognizerDownError(
                "The recognizer was restarted while it read this image. Send it again.", has_died=True
            )
        if response is None or response.status_code != 503:
            raise RecognizerDownError(
                "The recognizer does not answer; it may be restarting. Try again in a few seconds."
            )
        return response

    def _ask_one(
        self, replica: Replica, path: str, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> requests.Response:
        """A replica's answer, all slices read. Raises requests.ConnectionError where it gave none."""
        while True:
            response = self._post(replica.url + path, body, headers, deadline)
            self._replicas.answered(replica)
            if response.status_code != _UNFINISHED:
                return response

    def _post(self, url: str, body: bytes, headers: Mapping[str, str], deadline: float) -> requests.Response:
        remaining = max(deadline - time.monotonic(), 0.05)
        try:
            # One for all: urllib3 bounds sending the body by the time for connecting, and 20 MB take a while.
            return self._session.post(url, data=body, headers=dict(headers), timeout=remaining)
        except requests.Timeout as error:
            raise RecognizerDownError("The recognizer did not answer in time. Try again later.") from error
        except requests.ConnectionError:
            raise
        except requests.RequestException as error:
            raise RecognizerFailedError from error

    def _prediction(self, model: ModelFacts, response: requests.Response) -> Prediction:
        body = _json_object(response)
        if response.status_code != 200:
            self._raise_for(model, response.status_code, body)
        pages = body.get("pages", [body])
        if not all(isinstance(page, dict) and Page.__required_keys__ <= page.keys() for page in pages):
            log.error("torchserve answered 200 without lines")
            raise RecognizerFailedError
        return Prediction(
            pages=cast(list[Page], pages),
            is_document="pages" in body,
            stages=_stages(response.headers.get("Server-Timing", "")),
        )

    def _raise_for(self, model: ModelFacts, status: int, body: Mapping[str, Any]) -> NoReturn:
        """The handler's errors carry `code`, `detail`, `field`, those of TorchServe `type` and `message`."""
        code, detail = body.get("code"), body.get("detail")
        if status == 404 or code == UnknownModelError.code:
            raise UnknownModelError(model.name, (self._facts.latest or {}).keys() - {model.name})
        if isinstance(code, str) and isinstance(detail, str):
            raise _handler_error(code, detail, str(body.get("field", "image")))
        if status == 413:
            raise ImageTooLargeError
        log.error("torchserve answered %d %s", status, body.get("type"))
        full_or_no_worker = status == 503 and body.get("type") == "ServiceUnavailableException"
        if full_or_no_worker and self._has_worker(model.archive):  # the message is the same for both
            raise BusyError
        if status in {429, 500, 503, 507}:
            raise RecognizerDownError("The recognizer failed just now. Try again in a few seconds.")
        raise RecognizerFailedError

    def _has_worker(self, archive: str) -> bool:
        """Whether one is ready now: asked, because what is known may be seconds old."""
        try:
            return _is_ready(self._management(_archive_path(archive))[0])
        except _NO_FACTS:
            return False

    def _max_age_seconds(self) -> float:
        """Where nothing has been learned yet, the next attempt is made sooner."""
        has_facts = bool(self._facts.latest)
        return _FACTS_FRESH_SECONDS if has_facts else min(_FACTS_FRESH_SECONDS, _FACTS_RETRY_SECONDS)

    def _ask_facts(self) -> dict[str, ModelFacts] | None:
        try:
            self._archives = self._ask_archives()
        except _NO_FACTS as error:
            log.warning("torchserve does not say which models it has: %s", type(error).__name__)
            return None
        return list_models(self._archives.values())

    def _ask_archives(self) -> dict[str, Archive]:
        names = {entry["modelName"] for entry in self._management("/models?limit=1000")["models"]}
        self._with_lines_queue = {name for name in names if name + LINES_QUEUE in names}
        queues = {name + LINES_QUEUE for name in self._with_lines_queue}
        return {name: self._ask_archive(name) for name in sorted(names - queues)}

    def _ask_archive(self, name: str) -> Archive:
        """The version is cheap; the handler's own word needs a worker, so it is asked once per version."""
        path = _archive_path(name)
        status = self._management(path)[0]
        version = str(status["modelVersion"])
        ready = _is_ready(status)
        known = self._archives.get(name)
        if known and known.version == version and known.about:
            return Archive(name, version, ready, known.about)
        return Archive(name, version, ready, self._ask_about(path) if ready else None)

    def _ask_about(self, path: str) -> dict[str, Any] | None:
        """The metadata of the handler, {} if it has none; None if it does not answer."""
        try:
            about = self._management(f"{path}?customized=true")[0].get("customizedMetadata") or {}
            about = json.loads(about) if isinstance(about, str) else about
        except requests.RequestException:
            return None
        except ValueError:
            return {}
        return about if isinstance(about, dict) else {}

    def _management(self, path: str) -> Any:
        """The management API's JSON, from any replica that answers."""
        with self._managers.choose() as replica:
            if replica is None:
                raise requests.ConnectionError("no replica answers")
            try:
                response = self._session.get(replica.url + path, timeout=_MANAGEMENT_TIMEOUT_SECONDS)
            except requests.ConnectionError:
                self._managers.failed(replica)
                raise
        self._managers.answered(replica)
        response.raise_for_status()
        return response.json()


def _request(image: bytes, options: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers: a form where the options are too long for a header."""
    if len(options) <= _HEADER_BYTES:
        return image, {"Content-Type": "application/octet-stream", "X-OCR-Options": options}
    body, media_type = encode_multipart_formdata({"image": ("image", image), "options": options})
    return body, {"Content-Type": media_type}


_HANDLER_ERRORS: Mapping[str, type[OCRError]] = {
    error.code: error
    for error in (InvalidImageError, ImageTooLargeError, UnsupportedImageTypeError, ReadingTimeoutError)
}


def _handler_error(code: str, detail: str, field: str) -> OCRError:
    if code in _HANDLER_ERRORS:
        return _HANDLER_ERRORS[code](detail)
    if code == InvalidRequestError.code:
        return InvalidRequestError([(field, detail)])
    log.error("the handler gave an unknown error code")
    return RecognizerFailedError()


def _stages(timing: str) -> dict[str, float]:
    """Milliseconds by stage of a header such as `find;dur=12.3, read;dur=45`; 0 of what it does not tell."""
    return dict.fromkeys(STAGES, 0.0) | {name: float(ms) for name, ms in _STAGE.findall(timing)}


def _queue_path(name: str) -> str:
    return f"/predictions/{quote(name, safe='')}"


def _archive_path(name: str) -> str:
    return f"/models/{quote(name, safe='')}"


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(worker.get("status") == "READY" for worker in status.get("workers", []))


def _worker_died(response: requests.Response) -> bool:
    return response.status_code in {500, 507} and "Worker died" in response.text[:1000]


def _refused(error: requests.ConnectionError) -> bool:
    """Whether nobody listens (as opposed to a connection that broke under the request)."""
    return "NewConnectionError" in repr(error) or "Connection refused" in str(error)


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
