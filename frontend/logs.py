"""Logs as JSON lines, each with the id of the request it belongs to. Never what is in an image."""

from __future__ import annotations

import json
import logging
import sys
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="-")
_LOGGER = "frontend"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, request_id, logger, message, and the record's `facts`.

    In ASCII: an address may hold characters that end a line for one reader or another, or steer a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "request_id": request_id.get(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


SERVER: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonFormatter}},
    "handlers": {"json": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["json"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
    "root": {"level": "WARNING", "handlers": ["json"]},
}
"""gunicorn's own lines in this form, as its setting logconfig_dict."""


def configure(level: str) -> None:
    """Send this package's logs to standard error as JSON lines; calling it again only changes the level."""
    logger = logging.getLogger(_LOGGER)
    logger.setLevel(level.upper())
    if not logger.handlers:
        logger.addHandler(_handler())


def take_over(level: str) -> None:
    """As configure(), in a process that is ours alone: whatever speaks there, speaks so from warnings on."""
    configure(level)
    logging.getLogger(_LOGGER).propagate = False
    logging.getLogger().setLevel(logging.WARNING)
    for name in (None, "multiprocessing"):  # the second is that of Celery's pool, which keeps off the root
        logger = logging.getLogger(name)
        if not any(isinstance(handler.formatter, JsonFormatter) for handler in logger.handlers):
            logger.addHandler(_handler())
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def _handler() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    return handler


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger(_LOGGER).critical("uncaught error", exc_info=(kind, error, traceback))
