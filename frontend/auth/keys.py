"""API keys in MongoDB: made, listed, revoked, and known again. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pymongo import ASCENDING, IndexModel, WriteConcern

from frontend.errors import KeysDownError, OCRError
from frontend.mongo import WRITE_TIMEOUT_SECONDS, Document, Mongo
from frontend.revalidation import Revalidated

READ, WRITE = "read", "write"
SCOPES = (READ, WRITE)
KEY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PREFIX = "ocr_"  # lets people, and scanners for secrets, see what it is
_RANDOM_BYTES = 32
_FRESH_SECONDS = 2.0
_ASK_TIMEOUT_SECONDS = 1.0
_INDEXES = [
    # a name has one key at a time; those revoked stay, to be listed
    IndexModel([("name", ASCENDING)], unique=True, partialFilterExpression={"active": True}),
]


class KeyRefusedError(Exception):
    """A key is not made or revoked; the message says why and what to do."""


@dataclass(frozen=True)
class Key:
    """A key without its text. Its name owns the records."""

    name: str
    digest: str
    scopes: frozenset[str] = frozenset(SCOPES)
    created_at: datetime | None = None
    revoked_at: datetime | None = None


class Keys:
    """The keys that MongoDB has. Every method raises OCRError when it does not answer."""

    def __init__(self, mongo: Mongo) -> None:
        # a key that was shown, or revoked, is so also after a power cut: the journal is waited for
        self._keys = mongo.collection("keys", _INDEXES).with_options(write_concern=WriteConcern(j=True))
        self._mongo = mongo
        self._call = partial(mongo.call, down=KeysDownError)

    def make(self, name: str, scopes: Collection[str] = SCOPES) -> str:
        """A new key for `name`: its text, which is kept nowhere. Raises KeyRefusedError."""
        if not KEY_NAME.fullmatch(name):
            raise KeyRefusedError("NAME must be 1 to 64 of the characters A-Z a-z 0-9 _ . -")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise KeyRefusedError(f"SCOPES must be one or more of {','.join(SCOPES)}.")
        text = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        key: Document = {"_id": digest(text), "name": name, "scopes": sorted(scopes), "active": True}
        key["created_at"] = datetime.now(UTC)
        if not self._mongo.insert_new(self._keys, key, KeysDownError):
            raise KeyRefusedError(f"{name} already has a key. Revoke it first, or choose another name.")
        return text

    def revoke(self, name: str) -> None:
        """The key of `name` is good no longer; its records stay. Raises KeyRefusedError."""
        found, change = {"name": name, "active": True}, {"active": False, "revoked_at": datetime.now(UTC)}
        answer = self._call(lambda: self._keys.update_one(found, {"$set": change}), WRITE_TIMEOUT_SECONDS)
        if not answer.modified_count:
            raise KeyRefusedError(
                f"{name!r} has no key that could be revoked: `make keys` lists those it has."
            )

    def all(self) -> list[Key]:
        """Every key there ever was, the oldest first."""
        return self._call(lambda: [_key(document) for document in self._keys.find().sort("created_at")])

    def active(self) -> list[Key]:
        """The keys that are good."""
        found = {"active": True}
        return self._call(
            lambda: [_key(document) for document in self._keys.find(found)], _ASK_TIMEOUT_SECONDS
        )


class KeyRing:
    """Tells good keys from others: those configured at once, MongoDB's as they were 2 seconds ago at most.

    While MongoDB is away, what it said last goes on to hold. A process that it has told nothing yet knows
    neither which keys are good nor whether any are needed: it raises KeysDownError.
    """

    def __init__(self, configured: Mapping[str, str], stored: Callable[[], Iterable[Key]]) -> None:
        self._configured = {digest: Key(name, digest) for name, digest in configured.items()}
        self._stored = stored
        self._known = Revalidated(self._ask)

    def find(self, text: str) -> Key | None:
        """The key of this text, if it is good."""
        wanted = digest(text)
        return self._configured.get(wanted) or self._active().get(wanted)

    def is_empty(self) -> bool:
        """Whether no key is good, so that none can be asked for."""
        return not self._configured and not self._active()

    def _active(self) -> Mapping[str, Key]:
        known = self._known.get(_FRESH_SECONDS)
        if known is None:
            raise KeysDownError
        return known

    def _ask(self) -> Mapping[str, Key] | None:
        try:
            return {key.digest: key for key in self._stored()}
        except OCRError:
            return None  # mongo.py has logged it


def digest(text: str) -> str:
    """The hash that is stored of a key. A key is random and long, so one round of SHA-256 hides it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _key(document: Document) -> Key:
    return Key(
        document["name"],
        document["_id"],
        frozenset(document["scopes"]),
        document["created_at"],
        document.get("revoked_at"),
    )
