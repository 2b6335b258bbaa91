"""Structured logs: one JSON object per line, or coloured text.

Never log keys and secrets, dataset text, prompts and completions, or request bodies. Log a failure once,
where it is handled.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from service.settings import Settings

_SECRET_WORDS = ("authorization", "api_key", "secret", "password", "token")


def _mask_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask every field whose name suggests a secret, in case one is logged by mistake."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS) and not name.endswith("_tokens"):
            event[name] = "***"
    return event


class _JsonHandler(logging.StreamHandler[TextIO]):
    """A handler whose lines are JSON."""


def _is_json(root: logging.Logger) -> bool:
    return any(isinstance(handler, _JsonHandler) for handler in root.handlers)


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's records through one formatter, to stderr."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask_secrets,
    ]
    as_json = settings.log_format == "json"
    # The default traceback prints local variables, which may contain keys and dataset text.
    for_people = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Processor = structlog.processors.JSONRenderer() if as_json else for_people
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[Processor] = [structlog.processors.format_exc_info] if as_json else []
    handler = _JsonHandler() if as_json else logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, renderer],
        )
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    # At info, httpx2 logs every request's URL, which repeats our own lines.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


class LineLog:
    """Writes frequent lines. JSON bypasses structlog and logging, which are too slow for every request.

    Do not pass secrets: this class does not mask them.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger = structlog.get_logger(name)

    def info(self, event: str, fields: Mapping[str, Any]) -> None:
        """Write a line with `fields` and the variables bound to this context."""
        root = logging.getLogger()
        if not root.isEnabledFor(logging.INFO):
            return
        if not _is_json(root):
            self._logger.info(event, **fields)
            return
        line = {
            "event": event,
            **structlog.contextvars.get_contextvars(),
            **fields,
            "level": "info",
            "logger": self._name,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
