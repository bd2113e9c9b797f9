"""Logs: one JSON object per line on stderr, without anything that was submitted."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from aludel.settings import unknown_variables

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # uvicorn's, for terminals
}


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON: time, level, logger, message, and whatever ``extra`` holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((k, v) for k, v in vars(record).items() if k not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: int = logging.INFO) -> None:
    """Send every log of this process to stderr as JSON lines; safe to call twice."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Alembic reports every start, httpx every request, Celery every message twice.
    for noisy in ("alembic", "httpx", "httpcore", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def warn_of_unknown_variables() -> None:
    """Log a warning on each ``ALUDEL_*`` variable of the environment that nothing reads."""
    for warning in unknown_variables():
        logging.getLogger(__name__).warning(warning)
