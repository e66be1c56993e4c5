"""API keys against a real mongod: made, listed, revoked, and known again by every process."""

from __future__ import annotations

import re
from typing import Any

import pymongo
import pytest

from frontend.auth.keys import Key, KeyRefusedError, KeyRing, Keys, digest
from frontend.circuit_breaker import CircuitBreaker
from frontend.errors import KeysDownError
from frontend.mongo import Mongo
from frontend.stack import key_command
from tests.unit.frontend.servers import Server, free_port

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def keys(mongo: Mongo) -> Keys:
    return Keys(mongo)


@pytest.fixture(autouse=True)
def _ask_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.auth.keys._FRESH_SECONDS", 0.0)


def test_a_key_is_known_until_it_is_revoked(keys: Keys) -> None:
    ring = KeyRing({}, keys.active)
    assert ring.is_empty()
    text = keys.make("anna", ["read"])
    found = ring.find(text)
    assert found
    assert (found.name, found.scopes) == ("anna", {"read"})
    assert ring.find(text + "x") is None
    keys.revoke("anna")
    assert ring.find(text) is None
    assert ring.is_empty()


def test_what_is_stored_is_no_key(keys: Keys, mongo_url: str) -> None:
    text = keys.make("anna")
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        (stored,) = client.get_default_database()["keys"].find()
    assert text not in repr(stored)
    assert stored["_id"] == digest(text)


class Presented(str):
    """A key that somebody sends, which nobody may compare: how long that takes would tell its beginning."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, _other: object) -> bool:
        pytest.fail("compared")


def test_keys_are_compared_by_their_hashes_alone(keys: Keys) -> None:
    text = keys.make("anna")
    ring = KeyRing({"ben": digest("configured")}, keys.active)
    assert [ring.find(Presented(sent)) is not None for sent in (text, "configured", text[:-1])] == [
        True, True, False,
    ]  # fmt: skip
    assert text not in repr(vars(ring))


def test_keys_are_long_and_differ(keys: Keys) -> None:
    texts = {keys.make(name) for name in ("anna", "ben", "cleo")}
    assert len(texts) == 3
    assert all(re.fullmatch(r"ocr_[\w-]{43}", text) for text in texts)


def test_a_name_has_one_key_at_a_time(keys: Keys) -> None:
    first = keys.make("anna")
    with pytest.raises(KeyRefusedError, match="anna already has a key"):
        keys.make("anna")
    keys.revoke("anna")
    second = keys.make("anna")
    ring = KeyRing({}, keys.active)
    assert ring.find(first) is None
    assert ring.find(second)
    assert [(key.name, key.revoked_at is None) for key in keys.all()] == [("anna", False), ("anna", True)]


@pytest.mark.parametrize("name", ["", "a b", "browser:x", "é", "x" * 65, "$ne"])
def test_a_name_is_plain(keys: Keys, name: str) -> None:
    with pytest.raises(KeyRefusedError, match="NAME"):
        keys.make(name)


@pytest.mark.parametrize("scopes", [[], [""], ["read", "admin"]])
def test_scopes_are_known(keys: Keys, scopes: list[str]) -> None:
    with pytest.raises(KeyRefusedError, match="SCOPES"):
        keys.make("anna", scopes)


def test_only_what_is_there_is_revoked(keys: Keys) -> None:
    with pytest.raises(KeyRefusedError, match="make keys"):
        keys.revoke("anna")


@pytest.mark.slow
def test_known_keys_outlive_mongodb_and_strangers_stay_out(
    keys: Keys, mongod: Server, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "_breaker", CircuitBreaker(pause_seconds=0.0))
    text = keys.make("anna")
    ring = KeyRing({}, keys.active)
    assert ring.find(text)
    mongod.stop()
    assert ring.find(text)
    assert ring.find("another") is None
    assert not ring.is_empty()
    with pytest.raises(KeysDownError):  # a process that started in the meantime
        KeyRing({}, keys.active).is_empty()
    mongod.start()
    keys.revoke("anna")
    assert ring.find(text) is None


def test_keys_are_asked_for_every_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.auth.keys._FRESH_SECONDS", 2.0)
    asked = []

    def stored() -> list[Key]:
        asked.append(1)
        return [Key("anna", digest("a"))]

    ring = KeyRing({"ben": digest("b")}, stored)
    assert [bool(ring.find(text)) for text in ("a", "b", "c", "a")] == [True, True, False, True]
    assert len(asked) == 1


@pytest.fixture
def command(mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_MONGO_URL", mongo_url)
    monkeypatch.setenv("OCR_API_KEYS", f"old:{digest('k')}")


@pytest.mark.usefixtures("command")
def test_the_command_makes_lists_and_revokes(keys: Keys, capsys: Capture) -> None:
    assert key_command.main(["make", "anna"]) == 0
    made = capsys.readouterr()
    assert KeyRing({}, keys.active).find(made.out.strip())  # the key alone, for $(make key …)
    assert "once" in made.err
    assert key_command.main(["make", "ben", "--scopes", "read"]) == 0
    assert key_command.main(["revoke", "ben"]) == 0
    capsys.readouterr()
    assert key_command.main(["list"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[:2] for line in listed.splitlines()[1:]] == [
        ["old", "read,write"],
        ["anna", "read,write"],
        ["ben", "read"],
    ]
    assert "OCR_API_KEYS" in listed
    assert made.out.strip() not in listed


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize(
    "arguments", [["make", ""], ["make", "old"], ["make", "anna", "--scopes", "all"], ["revoke", "nobody"]]
)
def test_the_command_says_what_is_wrong(arguments: list[str], capsys: Capture) -> None:
    assert key_command.main(arguments) == 1
    output, errors = capsys.readouterr()
    assert not output
    assert len(errors.splitlines()) == 1


def test_the_command_needs_a_running_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: Capture
) -> None:
    monkeypatch.setenv("OCR_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(
        "frontend.stack.key_command.Settings.mongo_url", f"mongodb://127.0.0.1:{free_port()}/ocr"
    )
    monkeypatch.delenv("OCR_MONGO_URL", raising=False)
    assert key_command.main(["list"]) == 1
    assert "make run" in capsys.readouterr().err
