"""Requests as hypothesis draws them: fields of the right kind, of the wrong one, and of no kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from frontend.web.request_schemas import HistoryQuery, RecognizeOptions

_TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "0", "-1", "1-2", "2-1", "1e400", "nan", "true", "null", "\0", "\ud800", "$where", "%00",
         "(" * 300, "(a+)+$", "[a-", r"\d{4}", "(?R)", "a{9999999}", "2026-11-30", "9999-99-99T99", "=1+1",
         "http://[", "http://a:99999999/", "ftp://a/", "data:,", "x" * 2000, "总计：42.50元", "🧾" * 50]
    ),
)  # fmt: skip
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), _TEXT, st.sampled_from([2**63, -(2**63), 10**400])
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(_TEXT, inner, max_size=5)),
    max_leaves=12,
)


def _names(*schemas: Any) -> list[str]:
    return sorted({field.alias or name for schema in schemas for name, field in schema.model_fields.items()})


_VALID: Mapping[str, st.SearchStrategy[Any]] = {
    "mode": st.sampled_from(["auto", "line", "page"]),
    "detail": st.sampled_from(["lines", "words", "chars"]),
    "allowlist_mode": st.sampled_from(["drop", "force"]),
    "text_format": st.sampled_from(["lines", "paragraphs", "markdown", "tsv", "csv", "code"]),
    "fields": st.sampled_from(["receipt", "invoice", "auto"]),
    "pages": st.sampled_from(["1", "1-2", "9999999999999"]),
    "threshold": st.floats(0, 1),
    "lexicon": st.lists(st.text(max_size=10), max_size=5),
    "model": st.sampled_from(["auto", "crnn_v3", "crnn_v2"]),
}


def _fields(names: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the names, mostly with values that fit, and now and then one that nobody knows."""
    pairs = st.sampled_from(names).flatmap(
        lambda name: st.tuples(st.just(name), st.one_of(_VALID.get(name, values), values))
    )
    strange = st.tuples(_TEXT, values)
    return st.lists(st.one_of(pairs, pairs, pairs, strange), max_size=6).map(dict)


OPTIONS = _fields(_names(RecognizeOptions), JSON)
BODY = _fields([*_names(RecognizeOptions), "image", "image"], st.one_of(JSON, st.just("aGVsbG8=")))
QUERY = _fields(_names(RecognizeOptions), _TEXT)
HISTORY_QUERY = _fields([*_names(HistoryQuery), "format", "all"], _TEXT)
_NUMBER = st.one_of(st.floats(-1e3, 1e4, allow_nan=False), st.integers(-9, 9999), _SCALARS)
_BOX = st.lists(st.lists(_NUMBER, min_size=2, max_size=2), min_size=2, max_size=2)
_LINE = st.fixed_dictionaries(
    {"text": _TEXT, "confidence": st.one_of(st.floats(0, 1), _SCALARS), "bbox": st.one_of(_BOX, JSON)},
    optional={
        "polygon": st.lists(st.lists(_NUMBER, min_size=2, max_size=2), max_size=5),
        "angle": _NUMBER,
        "row": st.one_of(st.integers(0, 3), JSON),
        "page": st.one_of(st.integers(1, 3), JSON),
        "chars": st.lists(
            st.fixed_dictionaries({"char": st.text(max_size=2), "confidence": st.floats(0, 1), "bbox": _BOX}),
            max_size=3,
        ),
        "vertical": JSON,
        "reviewed_text": _TEXT,
    },
)
_ANSWER = st.fixed_dictionaries(
    {
        "text": _TEXT,
        "width": st.one_of(st.integers(1, 5000), JSON),
        "height": st.one_of(st.integers(1, 5000), JSON),
        "lines": st.one_of(st.lists(_LINE, max_size=6), JSON),
    },
    optional={"fields": JSON, "pages": JSON, "model": _TEXT, "blocks": JSON},
)
RENDER = st.fixed_dictionaries(
    {
        "format": st.one_of(
            st.sampled_from(["txt", "md", "csv", "xlsx", "tsv", "hocr", "fields.csv", "fields.xlsx"]), _TEXT
        ),
        "answers": st.lists(
            st.fixed_dictionaries({"answer": st.one_of(_ANSWER, JSON)}, optional={"name": _TEXT}), max_size=3
        ),
    },
    optional={
        "separate": st.one_of(st.booleans(), _TEXT),
        "text_format": st.one_of(st.sampled_from(["lines", "markdown", "tsv", "code"]), _TEXT),
    },
)
CORRECTIONS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {
            "lines": st.lists(
                st.fixed_dictionaries({"index": st.one_of(st.integers(0, 3), JSON), "text": _TEXT}),
                max_size=3,
            )
        }
    ),
)
"""For PATCH /history/{id}."""
PATTERNS = st.tuples(
    st.one_of(_TEXT, st.text("()[]{}*+?|\\dwsab01,-^$.:=!<>", max_size=30)), st.text("ab01-/.", max_size=20)
)
"""Regular expressions with a text for each."""
