"""Feedback: lines are kept as they are read, looked at by people, and handed out as labelled lines."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from frontend import metrics
from frontend.errors import OCRError
from frontend.feedback.cutting import cut_all
from frontend.feedback.export import Label
from frontend.feedback.lines import Lines, line_id
from frontend.feedback.selection import most_useful
from frontend.history.corrections import Place
from frontend.history.images import Images
from frontend.history.records import History
from frontend.mongo import Document

log = logging.getLogger(__name__)

_MOST_OF_PAGE = 40
"""Lines that are kept of a page as it is read, the least sure ones."""
_CONFIDENT = 0.9
"""Confidence from which on a line is sure where no model says so."""
_CANDIDATES, _COMPARED = 500, 200
"""Lines that the next ones are chosen from, and lines looked at that they are compared with."""
_SHOWN = ("page", "line", "text", "confidence", "model", "model_version")


class Feedback:
    """Every method takes the owner first, and sees nobody else's lines."""

    def __init__(
        self, lines: Lines, history: History, images: Images, sure: Callable[[], float | None], *, is_on: bool
    ) -> None:
        """`sure`: the confidence from which on a line is; `is_on`: crops are kept from now on."""
        self._lines = lines
        self._history = history
        self._images = images
        self._sure = sure
        self.is_on = is_on

    def keep(self, owner: str, record_id: str, answer: Any, image: bytes) -> None:
        """Keep crops of the unsure lines of `answer`, a Recognition, to `image`. Raises OCRError."""
        threshold = self._sure() or _CONFIDENT
        unsure = {
            place: line
            for place, line in _placed(answer.lines).items()
            if line["text"] and line["confidence"] < threshold
        }
        of_pages: dict[int | None, list[Place]] = {}
        for place in sorted(unsure, key=lambda place: unsure[place]["confidence"]):
            of_pages.setdefault(place.page, []).append(place)
        chosen = {place: unsure[place] for places in of_pages.values() for place in places[:_MOST_OF_PAGE]}
        self._add(owner, record_id, vars(answer), image, chosen)

    def correct(self, owner: str, record_id: str, texts: Mapping[Place, str]) -> Document:
        """As History.correct; the lines that have corrections now are kept as well, where they can be."""
        record = self._history.correct(owner, record_id, texts)
        places = list(_placed(record["lines"]))
        before = {places[one["line"]]: one["before"] for one in record.get("corrections", [])}
        ids = {line_id(record_id, place): place for place in before}
        if self.is_on and (missing := ids.keys() - self._lines.known(ids)):
            self._keep_corrected(owner, record, {ids[name]: before[ids[name]] for name in missing})
        self._lines.mark_corrected(record_id, ids)
        return record

    def review(self, owner: str, line: str, text: str) -> Document:
        """Somebody has looked at a line, which says `text`: perhaps what was read. How the line stands now.

        Raises LineNotKeptError or RecordNotFoundError.
        """
        kept = self._lines.get(owner, line)
        record = self.correct(owner, str(kept["record"]), {Place(kept["line"], kept["page"]): text})
        is_right = text == kept["text"]
        if is_right and "confirmed" not in kept:
            metrics.count_reviewed(record["model"], record["model_version"], "confirmed")
        self._lines.mark_confirmed(line, datetime.now(UTC) if is_right else None)
        return {**_shown(kept), "says": text, "is_right": is_right}

    def queue(self, owner: str, limit: int) -> Document:
        """The next lines to look at, most useful first, with their crops; and how many wait in all."""
        waiting = self._lines.waiting(owner, _CANDIDATES)
        chosen = most_useful(waiting, self._lines.reviewed(owner, _COMPARED), limit)
        images = self._lines.images([line["_id"] for line in chosen])
        waits, reviewed = self._lines.counts(owner)
        items = [
            {**_shown(line), "image": f"data:image/png;base64,{b64encode(images[line['_id']]).decode()}"}
            for line in chosen
            if line["_id"] in images
        ]
        return {"is_on": self.is_on, "waiting": waits, "reviewed": reviewed, "items": items}

    def labels(self, owner: str) -> Iterator[Label]:
        """The lines that were corrected or confirmed, oldest records first. Raises OCRError."""
        for record_id in self._lines.reviewed_records(owner):
            try:
                record = self._history.get(owner, record_id)
            except OCRError:  # forgotten meanwhile
                continue
            said = _placed(record["lines"])
            at = {one["line"]: one["at"] for one in record.get("corrections", [])}
            numbers = {place: number for number, place in enumerate(said)}
            for line in self._lines.reviewed_of(record_id):
                place = Place(line["line"], line["page"])
                if place in said and (said[place]["text"] != line["text"] or "confirmed" in line):
                    yield _label(line, said[place]["text"], at.get(numbers[place]))

    def delete(self, record_ids: list[str]) -> None:
        """Forget the lines of these records."""
        self._lines.delete(record_ids)

    def _keep_corrected(self, owner: str, record: Document, before: Mapping[Place, str]) -> None:
        """Cut lines that were sure out of the image of their record, if that was kept."""
        if not self._images.kept([record["id"]]):
            return
        image = self._images.get(record["id"]).content
        lines = _placed(record["lines"])
        chosen = {place: lines[place] | {"text": text} for place, text in before.items()}
        self._add(owner, record["id"], record, image, chosen)

    def _add(
        self,
        owner: str,
        record_id: str,
        read: Mapping[str, Any],
        image: bytes,
        lines: Mapping[Place, Document],
    ) -> None:
        about = {"owner": owner, **{name: read[name] for name in ("model", "model_version")}}
        documents = [
            {
                "_id": line_id(record_id, place),
                **place._asdict(),
                **{name: lines[place][name] for name in ("text", "confidence")},
                **about,
                "network": lines[place].get("model"),
                "image": crop,
            }
            for place, crop in cut_all(image, lines)
        ]
        self._lines.add(record_id, documents)


def _placed(lines: list[Document]) -> dict[Place, Document]:
    """Lines, in their order, by their places on their pages."""
    counts: dict[int | None, int] = {}
    placed = {}
    for line in lines:
        page = line.get("page")
        placed[Place(counts.get(page, 0), page)] = line
        counts[page] = counts.get(page, 0) + 1
    return placed


def _shown(line: Mapping[str, Any]) -> Document:
    return {"id": line["_id"], "record_id": str(line["record"]), **{name: line[name] for name in _SHOWN}}


def _label(line: Document, text: str, at: str | None) -> Label:
    """`at`: when it was corrected; without that it was confirmed."""
    facts = {
        "before": line["text"],
        "result": "corrected" if at else "confirmed",
        "at": at or line["confirmed"].isoformat(),
        **{name: line[name] for name in ("confidence", "model", "model_version", "network", "page", "line")},
        "record_id": str(line["record"]),
    }
    return Label(line["_id"], bytes(line["image"]), text, facts)
