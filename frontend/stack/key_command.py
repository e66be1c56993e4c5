"""Makes, lists and revokes API keys: `make key`, `make keys`, `make revoke-key`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable

from frontend.auth.keys import SCOPES, Key, KeyRefusedError, Keys
from frontend.errors import OCRError
from frontend.mongo import Mongo
from frontend.settings import Settings, SettingsError, variable
from frontend.stack.plan import mongo_url

_HEAD = ("NAME", "SCOPES", "MADE", "REVOKED")
_NO_MONGODB = "MongoDB does not answer. Start the service first (make run), or set OCR_MONGO_URL."


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 1 with a sentence on standard error that says what to do."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_env(os.environ)
        mongo = Mongo(mongo_url(settings, os.environ))
        try:
            print(_run(options, Keys(mongo), settings))
        finally:
            mongo.close()
    except (KeyRefusedError, SettingsError) as error:
        print(error, file=sys.stderr)
    except OCRError:
        print(_NO_MONGODB, file=sys.stderr)
    else:
        return 0
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m frontend.stack.key_command", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("make", help="make a key and print it, once")
    make.add_argument("name", help="whose key it is: this name owns the records")
    make.add_argument("--scopes", default=",".join(SCOPES), help="%(default)s (the default), or one of them")
    commands.add_parser("list", help="list all keys")
    commands.add_parser("revoke", help="revoke a key").add_argument("name")
    return parser


def _run(options: argparse.Namespace, keys: Keys, settings: Settings) -> str:
    """Run the command; its standard output."""
    if options.command == "list":
        configured = [Key(name, digest) for name, digest in settings.api_keys.items()]
        return _table([*configured, *keys.all()])
    if options.command == "revoke":
        keys.revoke(options.name)
        return f"The key of {options.name} is revoked; it stops working within seconds."
    if options.name in settings.api_keys:
        raise KeyRefusedError(
            f"{options.name} already has a key in OCR_API_KEYS. Remove it there, or choose another name."
        )
    text = keys.make(options.name, [scope.strip() for scope in options.scopes.split(",")])
    print("This key is shown once and cannot be shown again:", file=sys.stderr)
    return text


def _table(keys: Iterable[Key]) -> str:
    """The keys in columns."""
    rows = [_HEAD, *(_row(key) for key in keys)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(key: Key) -> tuple[str, str, str, str]:
    made = f"{key.created_at:%Y-%m-%d %H:%M}" if key.created_at else variable("api_keys")
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
    return key.name, ",".join(sorted(key.scopes)), made, revoked


if __name__ == "__main__":
    sys.exit(main())
