"""TorchServe's side of the recognizer: requests in, answers out. The functions know no TorchServe."""

import base64
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from handler.answer import Answer, Job, to_answer
from handler.constraint import Constraint
from handler.decode import Allowlist
from handler.document import Sheet, open_sheets
from handler.image import InvalidImageError
from handler.layout import Detector
from handler.memory import keep
from handler.networks import Networks
from handler.options import Options
from handler.page import Page, find_lines
from handler.pdf_text import known_lines, page_of, ticked_boxes, upright
from handler.reading import PageReading, read_together
from handler.sandbox import Opened, Sandbox
from handler.slices import LINES_PER_BATCH, Unfinished, shares
from handler.video_frame import find_frame_lines

log = logging.getLogger(__name__)
OPTIONS_HEADER = "X-OCR-Options"
"""See Options.parse."""
TOKEN_HEADER = "X-OCR-Token"
"""Any text of the client's own, as new as its request: the request may be read in slices, see slices.py."""

LINES_QUEUE = "-lines"
"""How TorchServe's name for an archive ends where it reads single lines only: they wait for no page."""
SHORT_SECONDS = 1.0
"""Of CPU time that the image of a line may take to open; what takes longer is sent to the other queue."""
READING_SECONDS = 45.0
"""That a request may take, but for waiting; then its answer is an error."""

Open = Callable[[bytes, str | None, bool], Opened]
"""See open_sheets."""
Asked = tuple[str, Allowlist | None, Constraint | None]
"""How lines are to be read, and by which network: those that are to be read alike are read together."""

TIMING_HEADER = "Server-Timing"
"""Of answers: milliseconds by stage, see Job.seconds (W3C Server Timing)."""


_TOO_LATE = InvalidImageError(
    "reading-timeout",
    f"Reading it took over {READING_SECONDS:g} s, the time limit. Cut the image into parts or scale it down.",
    503,
)


class CRNNHandler:
    """The class that TorchServe loads. `initialize` once a worker, `handle` once a batch of requests."""

    def initialize(self, context: Any) -> None:
        """Load the networks of the archive: see Networks.load."""
        self.networks = Networks.load(Path(context.system_properties["model_dir"]), _device(context))
        self.detector = Detector(torch.get_num_threads())
        self.unfinished: Unfinished[Job] = Unfinished()
        self.memory = keep()
        is_short = str(context.model_name).endswith(LINES_QUEUE)
        self.sandbox = Sandbox(SHORT_SECONDS) if is_short else Sandbox()

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[str | bytes]:
        """One JSON answer for each request of the batch, in order; a bad one harms no other."""
        if data and context.get_request_header(0, "describe") == "True":
            return [json.dumps({"models": self.networks.facts}) for _ in data]
        started = time.perf_counter()
        headers = [context.get_request_header(index, OPTIONS_HEADER) for index in range(len(data))]
        tokens = [context.get_request_header(index, TOKEN_HEADER) for index in range(len(data))]
        jobs = read_requests(
            self.networks, self.detector, data, headers, tokens, self.unfinished, self.sandbox.open
        )
        answers = [response_to(job) for job in jobs]
        for index, (job, (status, answer)) in enumerate(zip(jobs, answers, strict=True)):
            if isinstance(job, Job):
                context.set_response_header(index, TIMING_HEADER, _timing(job))
            context.set_response_content_type(index, "application/json")
            if status != 200:
                context.set_response_status(code=status, phrase=answer["code"], idx=index)
        bodies: list[str | bytes] = [json.dumps(answer, ensure_ascii=False).encode() for _, answer in answers]
        self.memory.give_back()
        _log_batch(context, answers, time.perf_counter() - started)
        return bodies


def _device(context: Any) -> torch.device:
    """The GPU that TorchServe assigned to this worker, else the CPU."""
    gpu = context.system_properties.get("gpu_id")
    return (
        torch.device("cuda", int(gpu))
        if torch.cuda.is_available() and gpu is not None
        else torch.device("cpu")
    )


def read_requests(
    networks: Networks,
    detector: Detector,
    requests: Sequence[Mapping[str, Any]],
    headers: Sequence[str | None] | None = None,
    tokens: Sequence[str | None] | None = None,
    unfinished: Unfinished[Job] | None = None,
    open_file: Open = open_sheets,
) -> list[Job | InvalidImageError]:
    """Each request as far as it is read; the lines of all of them are recognized together.

    `headers` are the requests' options, which may also be a part of the request's form; those that ask for
    the same network and the same texts are read together. One with a token is read in slices where it is
    long: what is left is kept in `unfinished`.
    """
    headers, tokens = headers or [None] * len(requests), tokens or [None] * len(requests)
    unfinished = Unfinished() if unfinished is None else unfinished
    unfinished.forget_old()
    jobs: list[Job | InvalidImageError] = []
    for request, header, token in zip(requests, headers, tokens, strict=True):
        known = unfinished.take(token) if token else None
        jobs.append(known or _open(networks, detector, request, header, open_file))
    pairs = [(job, token) for job, token in zip(jobs, tokens, strict=True) if isinstance(job, Job)]
    started = time.perf_counter()
    _read(networks, [job for job, token in pairs if token], [job for job, token in pairs if not token])
    for job, token in pairs:
        job.seconds["read"] += time.perf_counter() - started
        if token and not job.is_read and not _is_late(job):
            unfinished.keep(token, job)
    return [_TOO_LATE if isinstance(job, Job) and _is_late(job) else job for job in jobs]


def _is_late(job: Job) -> bool:
    return not job.is_read and sum(job.seconds.values()) > READING_SECONDS


def _timing(job: Job) -> str:
    return ", ".join(f"{stage};dur={1000 * seconds:.1f}" for stage, seconds in job.seconds.items())


def _read(networks: Networks, in_slices: list[Job], whole: list[Job]) -> None:
    """Read requests together: of some LINES_PER_BATCH lines, of the others all."""
    left, in_slices = LINES_PER_BATCH, sorted(in_slices, key=lambda job: job.number)
    while True:
        counts = shares([job.waiting for job in in_slices], left)
        left -= sum(counts)
        given = [*zip(in_slices, counts, strict=True), *((job, job.waiting) for job in whole)]
        portions: dict[Asked, list[tuple[PageReading, int]]] = defaultdict(list)
        for job, count in given:
            asked = networks.name(job.options.model), job.options.allowed, job.options.constraint
            portions[asked] += job.portions(count)
        for (name, allowlist, constraint), some in portions.items():
            read_together(networks.readers[name], some, allowlist, constraint)
        if not any(count for _, count in given):
            return


def response_to(job: Job | InvalidImageError) -> tuple[int, Answer]:
    """HTTP status and body of what read_requests has made of a request."""
    if isinstance(job, InvalidImageError):
        return job.status, {"code": job.code, "detail": job.detail, "field": job.field}
    if not job.is_read:
        return 202, {
            "code": "unfinished",
            "detail": "Part of it is read. Send the request again for the rest.",
        }
    return 200, to_answer(job)


def _open(
    networks: Networks, detector: Detector, request: Mapping[str, Any], header: str | None, open_file: Open
) -> Job | InvalidImageError:
    """The pages of a request with their lines found, or what is wrong with it."""
    started = time.perf_counter()
    try:
        options = Options.parse(header or _text(request.get("options")))
        networks.name(options.model)
        sheets, is_document = open_file(image_bytes(request), options.pages, options.pdf_text)
        mode = "page" if is_document and options.mode == "auto" else options.mode
        with detector.until(time.monotonic() + READING_SECONDS):
            opened = [_begin(detector, sheet, mode, options) for sheet in sheets]
    except InvalidImageError as error:
        return error
    except TimeoutError:
        return _TOO_LATE
    job = Job(sheets, is_document, opened, options)
    job.seconds["find"] = time.perf_counter() - started
    return job


def _begin(detector: Detector, sheet: Sheet, mode: str, options: Options) -> PageReading | Page:
    """The part of a page to read, or all of it, where it has its text."""
    if mode == "frame":
        return PageReading(find_frame_lines(detector, sheet.image, options.areas), detector)
    known, warnings = known_lines(sheet)
    ticked = ticked_boxes(sheet) if mode == "page" else []
    if known and not sheet.has_pictures:
        return page_of(known + ticked, sheet.angle, warnings)
    draft = find_lines(detector, upright(sheet).image, mode)
    draft.angle = sheet.angle
    draft.warnings += warnings
    known += ticked
    return PageReading(draft.beside(known) if known else draft, detector)


def _text(value: Any) -> str | None:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else value


def image_bytes(request: Mapping[str, Any]) -> bytes:
    """The encoded image of a request: a raw body, a multipart field, or JSON with Base64 under `image`.

    The front end sends raw bodies; clients that use the inference API directly may send the other forms.

    Raises:
        InvalidImageError: there is none, or its Base64 is broken (422).
    """
    payload = request.get("image", request.get("body", request.get("data")))
    if isinstance(payload, Mapping):
        payload = payload.get("image")
    if isinstance(payload, bytes | bytearray):
        return bytes(payload)
    if not isinstance(payload, str):
        raise InvalidImageError(
            "invalid-request", 'Send the image as the body, or as {"image": "<Base64>"}.', 422
        )
    encoded = payload.partition(",")[2] if payload.startswith("data:") else payload
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except ValueError:
        raise InvalidImageError("invalid-request", "`image` is not valid Base64.", 422) from None


def _log_batch(context: Any, answers: list[tuple[int, Answer]], seconds: float) -> None:
    """One JSON line a batch; never what an image shows."""
    ids = [context.get_request_header(index, "X-Request-Id") for index in range(len(answers))]
    entry = {
        "batch": len(answers),
        "ms": round(1000 * seconds, 1),
        "status": [s for s, _ in answers],
        "request_ids": ids,
    }
    log.info(json.dumps(entry))
