"""The forms that the service makes: hOCR, workbooks, and PDFs that can be searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from .forms import Answer
from .inputs import load
from .session import Session, UnreadImageError

_NO_ZIPS = "--pdf takes no ZIP. Unpack it, and give the folder."


class Rendered:
    """One file of all answers, written at the end; without answers none.

    `files`, for a PDF, has the file of each name that is added. Adding raises UnreadImageError where there
    is none; the end raises what Session.render does.
    """

    def __init__(
        self, session: Session, form: str, stream: BinaryIO, files: Mapping[str, str] | None = None
    ) -> None:
        self._session, self._form, self._stream, self._files = session, form, stream, files
        self._answers: list[Answer] = []
        self._images: list[bytes] = []

    def add(self, name: str, answer: Answer) -> None:
        if self._is_of_the_latest(name, answer):
            self._answers[-1]["answer"] = _joined(self._answers[-1]["answer"], answer)
            return
        if self._files is not None:
            if name not in self._files:  # an entry of a ZIP
                raise UnreadImageError(_NO_ZIPS)
            self._images.append(load(self._files[name]))
        self._answers.append({"name": name, "answer": answer})

    def end(self) -> None:
        if self._answers:
            self._stream.write(self._session.render(self._form, self._answers, self._images))
            self._stream.flush()

    def _is_of_the_latest(self, name: str, answer: Answer) -> bool:
        """Whether this has further pages of the document added last: tasks give them one by one."""
        latest = self._answers[-1] if self._answers else {"name": None, "answer": {}}
        return bool(latest["name"] == name and latest["answer"].get("pages") and answer.get("pages"))


def _joined(one: Answer, other: Answer) -> Answer:
    return one | {member: one[member] + other[member] for member in ("pages", "lines")}
