"""Times in query parameters: Unix seconds, as OpenAI sends them, or ISO 8601."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

# FastAPI hands on digits as text.
_SECONDS = re.compile(r"-?[0-9]+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LAST = 2**33 - 1


def _unix_seconds(sent: Any) -> Any:
    """Return Unix seconds for an ISO date or time, and anything else unchanged. Raises `ValueError`."""
    if not isinstance(sent, str) or _SECONDS.fullmatch(sent):
        return sent
    try:
        if _DATE.fullmatch(sent):
            day = date.fromisoformat(sent)
            return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        moment = datetime.fromisoformat(sent)
    except ValueError:
        raise ValueError(f"must be {DESCRIPTION}") from None
    if moment.tzinfo is None:
        raise ValueError(f"must name its time zone, such as {sent}Z")
    if moment.microsecond:
        raise ValueError("must be a whole second")
    return int(moment.timestamp())


DESCRIPTION = "Unix seconds, a date (2026-11-25, from 00:00 UTC) or a time (2026-11-25T08:00:00Z)"

Moment = Annotated[
    int,
    BeforeValidator(_unix_seconds),
    Field(ge=0, le=_LAST),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": _LAST},
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
            ],
            "description": f"{DESCRIPTION}.",
        }
    ),
]
