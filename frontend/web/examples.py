"""Examples for the OpenAPI document: sent as they are, they are answered with 200."""

from __future__ import annotations

import json
from typing import Any

IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAL4AAAAkAgMAAABK52grAAAADFBMVEX////R0dFcXFwFBQUwUbE5AAABiUlEQVR42u2UzStEURjG"
    "f+fMMDSLexdTlHwUC6VMFkI+5vwFY4MsKGWjbGyUhUTJ0tpS2YyPBRY2Pu5RsnULu1mMLBQWl5Sva47FmI25g6XFPMun8+t53re3"
    "AyWV9Cf1/vZAQsIYH2Ai70VcnAxYJkv85TsQhrutxBFALO9VE+mWwKYRZ8dKF6ZEct5svlLcjc7PQR3ITHSeQEA6qyGja17pBfbd"
    "euJQBxEdcgtnAKhtGTWOHt9TgGjGwssV1sYunAHAGmrNHi0+VU0fgvS4wb7Ccq4mA7cEkNQ7CuH7CqiY4g4LRMtwQMIX0MO9wowB"
    "0KiBORBDSxRN6MFXcJoCSAKyE7J6pziQ07oPMANUpuEcT/0MyPYRQJanqmmaAvB8Jbxg4ISwRqQBRNlAjGUNs9jFK50Q019L/hDh"
    "C9kBHGMfFE3YVf1aYOfPqTKNzDyq5HtDxXbwadTffpBYeNvXfQpCbnxjI+RFb19E1lHBCdeXa2QS0832gwKwBweN93y5Ytq6dOmP"
    "+Jf6BKQfebshl60HAAAAAElFTkSuQmCC"
)
"""A PNG that says Total 42.50, in Base64."""
_LINE = {"text": "Total 42.50", "confidence": 0.98, "bbox": [[8, 5], [140, 28]], "row": 0}
_ANSWER: dict[str, Any] = {"text": "Total 42.50", "width": 190, "height": 36, "lines": [_LINE]}
ANSWERS = json.dumps([{"name": "receipt.png", "answer": _ANSWER}])
"""What /render is sent: what was read in the picture."""
