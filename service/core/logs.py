"""Structured logs: one JSON object a line, or coloured text.

Never logged: keys and secrets, dataset text, prompts and completions, request bodies. A failure is
logged once, where it is handled.
"""

import logging

import structlog
from structlog.typing import EventDict, Processor

from service.settings import Settings

_SECRET_WORDS = ("authorization", "api_key", "secret", "password", "token")


def _mask_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The last net: a field named like a secret never reaches the output."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS) and not name.endswith("_tokens"):
            event[name] = "***"
    return event


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
    # The default traceback prints local variables, and with them keys and dataset text.
    for_people = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Processor = structlog.processors.JSONRenderer() if as_json else for_people
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[Processor] = [structlog.processors.format_exc_info] if as_json else []
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    # httpx2 logs every request's URL at info, which doubles our own lines.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
