"""Static files under an address with the hash of all of them: browsers keep them for ever.

Modules name each other by relative addresses, so one hash in front of all is enough.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path

from flask import Response, current_app, send_from_directory

from frontend.web.i18n import LANGUAGES, translations

WORDS = "words.js"
_SWAGGER = "swagger/"
_HASH_LENGTH = 12
RULE = f"/static/<string(length={_HASH_LENGTH}):version>/<path:filename>"
_KEPT_SECONDS = 365 * 86_400


@cache
def current_version() -> str:
    """The hash of everything that is served as static files."""
    digest = hashlib.sha256(_words_module().encode())
    for folder in (Path(__file__).parents[1] / "static", _swagger_folder()):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:_HASH_LENGTH]


def static_file(version: str, filename: str) -> Response:
    """A file. Under the hash of another release, as a page of it asks for it, it is not kept."""
    if filename == WORDS:
        response = words()
    elif filename.startswith(_SWAGGER):
        response = send_from_directory(_swagger_folder(), filename.removeprefix(_SWAGGER))
    else:
        response = current_app.send_static_file(filename)
    if version == current_version():
        response.cache_control.no_cache = None
        response.cache_control.public = response.cache_control.immutable = True
        response.cache_control.max_age = _KEPT_SECONDS
    return response


def words() -> Response:
    """The translations as a script's module, for what is said later."""
    return Response(_words_module(), mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


@cache
def _words_module() -> str:
    said = json.dumps(dict(translations()), ensure_ascii=False)
    return f"export const languages = {json.dumps(LANGUAGES)};\nexport default {said};\n"


def _swagger_folder() -> Path:
    return Path(str(files("flask_openapi3_swagger") / "templates" / "swagger"))
