"""The body of a webhook: OpenAI's event envelope."""

import json
from datetime import datetime
from typing import Any

from service.core.clock import unix

# OpenAI's events about a job carry its id and nothing else, and ours about jobs follow them.
_THIN = "fine_tuning.job."


def webhook_event_id(event_id: str) -> str:
    """The `evt_…` name of an event, whose own id may be `ftevent-…`; the same at every attempt."""
    return "evt_" + event_id.removeprefix("evt_").removeprefix("ftevent-")


def render(
    *, event_id: str, type: str, subject_id: str, created_at: datetime, data: dict[str, Any] | None = None
) -> bytes:
    """The body of a webhook, as UTF-8 JSON."""
    details = {} if type.startswith(_THIN) else dict(data or {})
    event = {
        "id": webhook_event_id(event_id),
        "object": "event",
        "type": type,
        "created_at": unix(created_at),
        "data": details | {"id": subject_id},
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def sample_subject(type: str) -> str:
    """An id of the kind that events of that type are about, which names nothing."""
    prefixes = {"fine_tuning.job": "ftjob-", "file": "file-", "model": "ft:", "budget": "team_"}
    kind = type.rpartition(".")[0]
    return prefixes.get(kind, "we_") + "sample"
